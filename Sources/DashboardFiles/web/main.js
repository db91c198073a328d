const samples = new SampleHistory();
const strips = new Strips(show);
const adapterList = new AdapterList();
let snapshot = null;
/** The server's time when the snapshot arrived, and this page's. */
let arrival = 0;

/** Draws everything; without an answer time goes on all the same, and strips move left. */
function show() {
  if (!snapshot) return;
  const now = snapshot.time + Math.max(0, performance.now() / 1000 - arrival);
  const view = { snapshot, history: samples, now };
  write(byId("model"), snapshot.model);
  showFigures(view);
  strips.show(view);
  showRunner(view, strips.selected);
  adapterList.show(view);
  showEvents(view);
}

const connection = new Connection(
  () => samples.last,
  (state) => {
    snapshot = state.snapshot;
    arrival = performance.now() / 1000;
    samples.add(state.history);
    show();
  },
);

function redraw() {
  drawLegend();
  show();
}

darkness.addEventListener("change", redraw);
window.addEventListener("resize", redraw);
// Without answers nothing else would move the strips.
setInterval(() => byId("status").dataset.kind === "stale" && show(), 1000);
drawLegend();
connection.ask();
