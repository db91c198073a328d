/** What happened to requests and runners, newest first. */
function showEvents({ snapshot }) {
  const { items, more } = snapshot.events;
  const shown = items.slice(-24).reverse();
  rebuild(byId("events"), shown, () => (shown.length ? shown.map(eventItem) : [element("li", "empty", "Nothing yet: nothing moved, no runner came or went.")]));
  const hidden = items.length - shown.length + more;
  write(byId("eventsSummary"), shown.length ? `last at ${clock(shown[0].time)}` : "\u00a0");
  write(byId("eventsRest"), hidden > 0 ? `and ${count(hidden)} before` : "");
}

function eventItem({ time, kind, text }) {
  const item = element("li", "", element("time", "", clock(time)), element("span", "kind", kind), element("span", "text", text));
  item.dataset.kind = kind;
  return item;
}
