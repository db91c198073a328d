/** The numbers at the top, each with its last ten minutes. */
function showFigures({ snapshot, history, now }) {
  const { running, capacity, queued, finished, tokensPerSecond, firstToken, interToken } = snapshot;
  figure("running", count(running), ` / ${count(capacity)}`, capacity ? `${percent(running / capacity)} of all places` : "no places");
  figure("queued", count(queued), "", `${plural(finished, "request", "requests")} ended`);
  figure("tokens", rate(tokensPerSecond), "", running ? `${rate(tokensPerSecond / running)} for each request` : "idle");
  latency("firstToken", firstToken);
  latency("interToken", interToken);
  showBlocks(snapshot.runners.items);
  const lines = [
    ["running", "running", count], ["queued", "queued", count], ["tokens", "tokensPerSecond", rate],
    ["firstToken", "firstToken", (seconds) => `p95 ${duration(seconds)}`],
    ["interToken", "interToken", (seconds) => `p95 ${duration(seconds)}`],
  ];
  for (const [id, column, say] of lines) {
    const canvas = byId(id).querySelector("canvas");
    drawLine(canvas, history, history.values[column], now);
    const peak = Math.max(...history.values[column].map((value) => value ?? 0));
    write(canvas.nextElementSibling, peak > 0 ? `peak ${say(peak)}` : "\u00a0");
  }
}

function figure(id, value, unit, more) {
  const box = byId(id);
  rebuild(box.querySelector(".value"), [value, unit], () => (unit ? [value, element("small", "", unit)] : [value]));
  write(box.querySelector(".more"), more);
}

function latency(id, percentiles) {
  if (!percentiles) return figure(id, "–", "", "none in the last minute");
  const [number, unit] = duration(percentiles.p50).split(" ");
  figure(id, number, ` ${unit} p50`, `p95 ${duration(percentiles.p95)} · p99 ${duration(percentiles.p99)}`);
}

/** Blocks of runners by what they hold. */
function blockUse(runners) {
  const sum = (value) => runners.reduce((total, runner) => total + value(runner), 0);
  const [all, free, kept, lent] = [sum((r) => r.blockCount), sum((r) => r.freeBlocks), sum((r) => r.cachedBlocks), sum((r) => r.adapterBlocks)];
  return { all, free, kept, lent, used: Math.max(0, all - free - kept - lent) };
}

function showBlocks(runners) {
  const use = blockUse(runners.filter((runner) => runner.state !== "lost"));
  if (use.all === 0) figure("blocks", "–", "", "no runner");
  else figure("blocks", String(Math.round((100 * (use.used + use.lent)) / use.all)), " %", `kept for reuse ${percent(use.kept / use.all)}`);
  drawBar(byId("blocks").querySelector(".bar"), use);
}

function drawBar(bar, use) {
  if (bar.children.length === 0) bar.append(...["used", "lent", "kept"].map((name) => element("i", name)));
  for (const part of bar.children) part.style.width = `${use.all ? (100 * use[part.className]) / use.all : 0}%`;
}

/** An area from zero to the greatest value of the window. */
function drawLine(canvas, history, values, now) {
  const shown = surface(canvas);
  if (!shown) return;
  const { context, width, height } = shown;
  const top = Math.max(...values.map((value) => value ?? 0), 1e-9);
  context.fillStyle = themeColor("--track");
  context.fillRect(0, height - 1, width, 1);
  context.fillStyle = themeColor("--used");
  history.eachRun(values, (value, from, to) => {
    if (value === 0) return;
    const { left, breadth } = span(shown, now, from, to);
    const bar = Math.max(1.5, (height - 2) * (value / top));
    context.fillRect(left, height - bar, breadth, bar);
  });
}
