/** One strip for each runner: how full its batch was, second by second. The paper's cluster figure, live. */
class Strips {
  box = byId("strips");
  rows = new Map();
  selected = null;
  unfolded = false;
  view = null;

  constructor(onSelect) {
    this.onSelect = onSelect;
    this.box.addEventListener("pointermove", (event) => this.read(event));
    this.box.addEventListener("pointerleave", () => write(byId("readout"), "\u00a0"));
  }

  show(view) {
    this.view = view;
    const runners = this.runners(view);
    const density = runners.length === 1 ? "single" : runners.length <= 20 ? "few" : "dense";
    this.box.dataset.density = density;
    if (!runners.some(({ id }) => id === this.selected)) this.selected = runners[0]?.id ?? null;
    this.summarise(view.snapshot);
    this.place(this.fold(runners, density));
    for (const runner of runners) this.draw(runner, density);
  }

  /** Those of the snapshot, then those that are gone but were there in the last ten minutes. */
  runners({ snapshot, history }) {
    const known = new Set(snapshot.runners.items.map(({ id }) => id));
    const gone = [...history.runners.values()].filter(({ id }) => !known.has(id)).map((runner) => ({ ...runner, state: "gone", batch: 0 }));
    return [...snapshot.runners.items, ...gone];
  }

  summarise({ runners }) {
    const busy = runners.items.filter(({ batch }) => batch > 0).length;
    if (runners.items.length === 1 && runners.more === 0) {
      const { batch, maxBatch, state } = runners.items[0];
      const text = `${count(batch)} of ${plural(maxBatch, "place", "places")} taken`;
      return write(byId("occupancySummary"), state === "active" ? text : `${text} · ${state}`);
    }
    const parts = [`${count(busy)} of ${plural(runners.items.length, "runner", "runners")} at work`];
    for (const state of ["joining", "draining", "lost"]) {
      const number = runners.items.filter((runner) => runner.state === state).length;
      if (number) parts.push(`${count(number)} ${state}`);
    }
    if (runners.more) parts.push(`${count(runners.more)} more not shown`);
    write(byId("occupancySummary"), runners.items.length ? parts.join(" · ") : "no runner");
  }

  /** Where there are many, neighbours that did nothing for ten minutes share one line. */
  fold(runners, density) {
    if (density !== "dense" || this.unfolded) return runners;
    const lines = [];
    let idle = [];
    const flush = () => {
      if (idle.length > 2) lines.push({ folded: idle.length, id: `folded ${idle[0].id}` });
      else lines.push(...idle);
      idle = [];
    };
    for (const runner of runners) {
      const batches = this.view.history.runners.get(runner.id)?.batches ?? [];
      if (runner.state === "active" && runner.batch === 0 && !batches.some((batch) => batch > 0)) {
        idle.push(runner);
      } else {
        flush();
        lines.push(runner);
      }
    }
    flush();
    return lines;
  }

  place(lines) {
    if (lines.length === 0) {
      this.rows.clear();
      return rebuild(this.box, [], () => [element("p", "empty", "No runner has joined yet. Requests wait until one does.")]);
    }
    rebuild(this.box, lines.map(({ id, folded }) => [id, folded]), () => {
      this.rows = new Map(lines.map((line) => [line.id, line.folded ? this.folded(line) : this.row(line)]));
      return [...this.rows.values()];
    });
  }

  folded({ folded }) {
    const row = element("button", "row folded", `${plural(folded, "runner", "runners")} idle for ten minutes: show`);
    row.type = "button";
    row.addEventListener("click", () => {
      this.unfolded = true;
      this.show(this.view);
    });
    return row;
  }

  row({ id }) {
    const row = element("button", "row", element("span", "name"), element("canvas"), element("span", "now"));
    row.type = "button";
    row.dataset.runner = id;
    row.addEventListener("click", () => {
      this.selected = id;
      this.show(this.view);
      this.onSelect();
    });
    return row;
  }

  draw(runner, density) {
    const row = this.rows.get(runner.id);
    if (!row) return;
    row.dataset.state = runner.state;
    row.setAttribute("aria-pressed", String(runner.id === this.selected));
    write(row.querySelector(".name"), runner.name);
    write(row.querySelector(".now"), runner.state === "active" ? `${count(runner.batch)}/${count(runner.maxBatch)}` : runner.state);
    row.setAttribute("aria-label", `${runner.name}: ${runner.state}, batch ${runner.batch} of ${runner.maxBatch}`);
    const shown = surface(row.querySelector("canvas"));
    if (!shown) return;
    this.drawBatches(shown, runner, density);
    this.drawMoves(shown, runner);
  }

  drawBatches(shown, runner, density) {
    const { context, height } = shown;
    const { history, now } = this.view;
    const batches = history.runners.get(runner.id)?.batches ?? [];
    const track = themeColor("--track");
    history.eachRun(batches, (batch, from, to) => {
      const { left, breadth } = span(shown, now, from, to);
      const share = batch / Math.max(runner.maxBatch, 1);
      context.fillStyle = track;
      context.fillRect(left, 0, breadth, height);
      if (batch === 0) return;
      // Height says it too where there is room, so that colour is not all.
      const bar = density === "dense" ? height : Math.max(2, height * Math.min(share, 1));
      context.fillStyle = heatColor(share);
      context.fillRect(left, height - bar, breadth, bar);
    });
  }

  drawMoves(shown, runner) {
    const { context, height } = shown;
    const { snapshot, now } = this.view;
    context.fillStyle = themeColor("--mark");
    for (const { target, time } of snapshot.events.items) {
      if (target !== runner.id) continue;
      context.fillRect(span(shown, now, time, time).left - 0.75, 0, 1.5, height);
    }
  }

  /** Says what lies under the pointer. */
  read(event) {
    const row = event.target.closest(".row");
    const runner = this.view?.history.runners.get(row?.dataset.runner);
    if (!runner) return;
    const bounds = row.querySelector("canvas").getBoundingClientRect();
    const time = this.view.now - SampleHistory.seconds * (1 - (event.clientX - bounds.left) / bounds.width);
    const index = this.view.history.times.findLastIndex((sample) => sample <= time);
    const batch = index < 0 || time - this.view.history.times[index] > 2.5 ? null : runner.batches[index];
    const text = batch === null || batch === undefined ? "nothing known" : `batch ${count(batch)} of ${count(runner.maxBatch)}`;
    write(byId("readout"), `${clock(time)} · ${runner.name} · ${text}`);
  }
}
