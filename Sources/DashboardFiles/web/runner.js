/** The chosen runner in detail. */
function showRunner({ snapshot }, id) {
  const runner = snapshot.runners.items.find((runner) => runner.id === id);
  byId("runnerPanel").hidden = !runner;
  if (!runner) return;
  write(byId("runnerTitle"), runner.name);
  write(byId("runnerState"), runner.id === runner.name || runner.id === "local" ? runner.state : `${runner.state} · ${runner.id}`);
  const held = runner.adapters.items.filter(({ requests }) => requests > 0).length;
  const figures = [
    ["Batch", `${count(runner.batch)} / ${count(runner.maxBatch)}`],
    ["Step", runner.stepSeconds ? duration(runner.stepSeconds) : "–"],
    ["Tokens a second", rate(runner.tokensPerSecond)],
    ["Preempted here", count(runner.waiting)],
    ["Adapters in use", count(held)],
  ].filter(([name, value]) => name !== "Preempted here" || value !== "0");
  rebuild(byId("runnerFigures"), figures, () =>
    figures.map(([name, value]) => element("div", "", element("dt", "", name), element("dd", "", value))));
  const use = blockUse([runner]);
  drawBar(byId("runnerBar"), use);
  const keys = [["used", "keys and values", use.used], ["lent", "adapters", use.lent], ["kept", "kept for reuse", use.kept], ["free", "free", use.free]];
  rebuild(byId("runnerKeys"), keys, () =>
    keys.map(([name, text, blocks]) => element("li", "", element("i", name), `${text}: ${plural(blocks, "block", "blocks")}`)));
}
