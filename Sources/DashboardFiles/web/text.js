"use strict";

// Texts from the server are untrusted: they become text nodes and nothing else.

const byId = (id) => document.getElementById(id);

/** An element with a class and children; strings become text. */
function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** Rebuilds a part of the page only when what it shows has changed, so that a selection in it survives. */
function rebuild(target, shown, build) {
  const key = JSON.stringify(shown);
  if (target.shownKey === key) return;
  target.shownKey = key;
  target.replaceChildren(...build());
}

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const count = (number) => whole.format(number);
const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;
const rate = (number) => (number > 0 && number < 9.95 ? number.toFixed(1) : count(number));
const percent = (share) => `${Math.round(100 * share)} %`;

/** Seconds as people say them. */
function duration(seconds) {
  const milliseconds = 1000 * seconds;
  if (milliseconds < 9.95) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  return seconds < 99.5 ? `${seconds.toPrecision(2)} s` : `${count(seconds)} s`;
}

/** A time of day; with its date if that is another day's. */
function clock(seconds) {
  const date = new Date(1000 * seconds);
  const time = date.toLocaleTimeString("en-GB");
  return date.toDateString() === new Date().toDateString() ? time : `${date.toLocaleDateString("en-CA")} ${time}`;
}
