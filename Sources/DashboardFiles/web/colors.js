/** Colours of occupancy, from nearly empty to full; lightness alone tells them apart. */
const heat = {
  light: [[0xcf, 0xe8, 0xe4], [0x1f, 0x8a, 0x84], [0x08, 0x3d, 0x5b]],
  dark: [[0x17, 0x44, 0x4a], [0x2b, 0xb5, 0xa6], [0xd8, 0xf5, 0xa2]],
};
const darkness = matchMedia("(prefers-color-scheme: dark)");

function heatColor(share) {
  const stops = darkness.matches ? heat.dark : heat.light;
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  const mixed = stops[low].map((part, index) => Math.round(part + (stops[low + 1][index] - part) * (place - low)));
  return `rgb(${mixed.join(" ")})`;
}

const themeColors = new Map();
darkness.addEventListener("change", () => themeColors.clear());

/** A colour of the style sheet, as it is in this theme. */
function themeColor(name) {
  if (!themeColors.has(name)) themeColors.set(name, getComputedStyle(document.documentElement).getPropertyValue(name));
  return themeColors.get(name);
}

/** A canvas's context, cleared, in CSS pixels; null while it is not shown. */
function surface(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (width === 0 || height === 0) return null;
  const scale = window.devicePixelRatio || 1;
  const [columns, rows] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== columns || canvas.height !== rows) [canvas.width, canvas.height] = [columns, rows];
  const context = canvas.getContext("2d");
  context.setTransform(columns / width, 0, 0, rows / height, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height, scale: columns / width };
}

/** Where a span of time lies on a surface that ends now, on whole device pixels so that neighbours meet. */
function span({ width, scale }, now, from, to) {
  const place = (time) => Math.round(scale * width * (1 - (now - time) / SampleHistory.seconds)) / scale;
  const left = place(from);
  return { left, breadth: place(to) - left };
}

function drawLegend() {
  const shown = surface(document.querySelector("#legend canvas"));
  if (!shown) return;
  for (let x = 0; x < shown.width; x += 1) {
    shown.context.fillStyle = heatColor(x / (shown.width - 1));
    shown.context.fillRect(x, 0, 1, shown.height);
  }
}
