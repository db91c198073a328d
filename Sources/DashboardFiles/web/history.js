/** The last ten minutes as columns: what the server sampled, kept while the page is open. */
class SampleHistory {
  static seconds = 600;

  times = [];
  values = { queued: [], running: [], tokensPerSecond: [], firstToken: [], interToken: [] };
  /** Runners by id, also those that are gone: { id, name, maxBatch, batches }. */
  runners = new Map();

  get last() { return this.times.at(-1); }

  /** Adds the server's columns, replacing own samples that are not older. */
  add(columns) {
    if (columns.times.length === 0) return;
    const kept = this.times.findIndex((time) => time >= columns.times[0]);
    this.slice(0, kept < 0 ? this.times.length : kept);
    const before = this.times.length;
    this.times.push(...columns.times);
    for (const [name, column] of Object.entries(this.values)) column.push(...columns[name]);
    for (const { id, name, maxBatch, batches } of columns.runners) {
      const runner = this.runners.get(id) ?? { id, batches: Array(before).fill(null) };
      Object.assign(runner, { name, maxBatch });
      runner.batches.push(...batches);
      this.runners.set(id, runner);
    }
    for (const { batches } of this.runners.values()) {
      while (batches.length < this.times.length) batches.push(null);
    }
    this.forget(this.last - SampleHistory.seconds);
  }

  /** Drops what is older, and runners of which nothing younger is known. */
  forget(time) {
    const first = this.times.findIndex((sample) => sample >= time);
    this.slice(Math.max(first, 0), this.times.length);
    for (const [id, { batches }] of this.runners) {
      if (batches.every((batch) => batch === null)) this.runners.delete(id);
    }
  }

  slice(start, end) {
    this.times = this.times.slice(start, end);
    for (const name of Object.keys(this.values)) this.values[name] = this.values[name].slice(start, end);
    for (const runner of this.runners.values()) runner.batches = runner.batches.slice(start, end);
  }

  /** Calls `draw(value, from, to)` for each stretch of time in which a column has one value and none is missing. */
  eachRun(column, draw) {
    let run = null;
    this.each((index, from, to) => {
      const value = column[index] ?? null;
      if (run && run.value === value && run.to === from) {
        run.to = to;
        return;
      }
      if (run && run.value !== null) draw(run.value, run.from, run.to);
      run = { value, from, to };
    });
    if (run && run.value !== null) draw(run.value, run.from, run.to);
  }

  /** Calls `draw(index, from, to)` for each sample with the time it stands for: to the next one unless that is late. */
  each(draw) {
    for (let index = 0; index < this.times.length; index += 1) {
      const [time, next] = [this.times[index], this.times[index + 1]];
      draw(index, time, next - time < 2.5 ? next : time + 1);
    }
  }
}
