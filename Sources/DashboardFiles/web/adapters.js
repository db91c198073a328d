/** Every adapter and where it lives, those in use first. */
class AdapterList {
  static shown = 30;
  static places = 4;

  filter = byId("adapterFilter");
  view = null;

  constructor() {
    this.filter.addEventListener("input", () => this.view && this.show(this.view));
  }

  show(view) {
    this.view = view;
    const all = this.collect(view.snapshot);
    const wanted = this.filter.value.trim().toLowerCase();
    const found = wanted ? all.filter(({ name, digest }) => name.toLowerCase().includes(wanted) || digest.includes(wanted)) : all;
    const shown = found.slice(0, AdapterList.shown);
    const isSingle = view.snapshot.runners.items.length === 1;
    rebuild(byId("adapters"), [shown, isSingle], () =>
      shown.length ? shown.map((adapter) => this.item(adapter, isSingle)) : [element("li", "empty", this.nothing(all, wanted))]);
    const omitted = view.snapshot.runners.items.reduce((sum, { adapters }) => sum + adapters.more, 0);
    this.summarise(all, found.length - shown.length, omitted);
  }

  /** Adapters of all runners, each with the places where it is. */
  collect({ runners }) {
    const adapters = new Map();
    for (const runner of runners.items) {
      for (const { digest, name, tier, requests } of runner.adapters.items) {
        const key = `${digest} ${name ?? ""}`;
        const adapter = adapters.get(key) ?? { digest, name: name ?? "", requests: 0, places: [] };
        adapter.requests += requests;
        adapter.places.push({ runner: runner.name, tier, requests });
        adapters.set(key, adapter);
      }
    }
    return [...adapters.values()].sort((a, b) => b.requests - a.requests || (a.name || a.digest).localeCompare(b.name || b.digest));
  }

  item({ digest, name, requests, places }, isSingle) {
    const title = element("span", "name", element("bdi", "", name || digest));
    if (name) title.append(element("code", "", digest));
    const shown = places.slice(0, AdapterList.places).map(({ runner, tier }) => this.place(isSingle ? "" : runner, tier));
    if (places.length > shown.length) shown.push(element("span", "place", `+ ${count(places.length - shown.length)}`));
    const number = element("span", requests ? "requests some" : "requests", requests ? plural(requests, "request", "requests") : "idle");
    return element("li", "", title, number, element("span", "places", ...shown));
  }

  place(runner, tier) {
    const words = { device: "on the device", host: "in memory", disk: "on disk" };
    const place = element("span", "place", runner ? (tier === "device" ? runner : `${runner}, ${words[tier]}`) : words[tier]);
    place.dataset.tier = tier;
    return place;
  }

  nothing(all, wanted) {
    return wanted && all.length ? `No adapter listed here matches “${wanted}”.` : "No adapter is known yet.";
  }

  summarise(all, hidden, omitted) {
    const used = all.filter(({ requests }) => requests > 0).length;
    write(byId("adaptersSummary"), all.length ? `${count(used)} in use, ${count(all.length)} listed` : "\u00a0");
    const rest = [];
    if (hidden > 0) rest.push(`${count(hidden)} more match`);
    if (omitted > 0) rest.push(`${plural(omitted, "entry", "entries")} less in use not listed by the server`);
    write(byId("adaptersRest"), rest.join(" · "));
  }
}
