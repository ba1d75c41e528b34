"use strict";

const SECONDS_SHOWN = 60, WIDE = 120, HIGH = 30;
const DASH = "\u2013", NARROW = "\u00a0";

/** Make an element; text stays text, whatever the stream is called. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function shape(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function fixed(value, digits) {
  return value === null || value === undefined ? DASH : value.toFixed(digits).replace("-", "\u2212");
}

/** Numbers with three digits and the unit that suits them: [number, unit]. */
function scaled(value, units) {
  if (value === null || value === undefined) return [DASH, ""];
  let power = 0;
  while (Math.abs(value) >= 999.5 && power < units.length - 1) { value /= 1000; power += 1; }
  return [String(Number(value.toPrecision(3))), units[power]];
}

const bits = (number) => scaled(number, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]);
const bytes = (number) => scaled(number, ["B", "kB", "MB"]).join(NARROW);
const count = (number) => scaled(number, ["", "k", "M"]).join("");

const percent = (share) => `${fixed(100 * share, share > 0 && share < 0.0995 ? 1 : 0)}${NARROW}%`;

/** Bits a second that a plain encode would need to be as good where it matters. */
const plainBitrate = ({ live }) => (live.saving === null || live.bitrate_kbps === null ? null : 1000 * live.bitrate_kbps / (1 - live.saving));

function plainNote({ live, controls, has_map }) {
  if (!controls.maps_on || !has_map) return "no map: this is a plain encode";
  return live.saving === null ? "not predicted for this encoder" : "to be as good where it matters, predicted";
}

/** What is told: title, the curve's value, [number, unit], and a note below. */
const GAUGES = [
  ["Frames per second", (s) => s.live.fps_out, (s) => [fixed(s.live.fps_out, 1), "out"], (s) => `${fixed(s.live.fps_in, 1)} in`],
  ["Latency", (s) => s.live.latency_ms, (s) => [fixed(s.live.latency_ms, 0), "ms"], (s) => `1${NARROW}% over ${fixed(s.live.latency_p99_ms, 0)}${NARROW}ms`],
  ["Bitrate", (s) => s.live.bitrate_kbps, (s) => bits(s.live.bitrate_kbps === null ? null : 1000 * s.live.bitrate_kbps), (s) => `of ${bits(s.controls.bitrate).join(NARROW)}`],
  ["Plain would need", plainBitrate, (s) => bits(plainBitrate(s)), plainNote],
  ["Maps per second", (s) => s.live.maps_per_second, (s) => [fixed(s.live.maps_per_second, 1), ""], (s) => (s.controls.maps_on ? "of the network" : "switched off")],
  ["Frames dropped", (s) => s.live.dropped_share, (s) => percent(s.live.dropped_share).split(NARROW), (s) => `lately; ${count(s.live.num_dropped)} of ${count(s.live.num_frames + s.live.num_dropped)} in all`],
];

/** The gauges; `show` takes what the server says, null where it was out of reach. */
function makeGauges(holder) {
  const gauges = GAUGES.map(([title, value, text, note]) => {
    const number = el("span"), unit = el("small"), below = el("dd", { class: "quiet small note" });
    const line = shape("path", { d: "" }), area = shape("path", { class: "area", d: "" });
    const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    svg.append(area, line);
    number.textContent = DASH;
    holder.append(el("div", { class: "card" }, el("dt", {}, title), el("dd", { class: "big" }, number, unit), below, el("dd", {}, svg)));
    return { value, text, note, number, unit, below, line, area, past: [] };
  });
  let sampled = -Infinity;
  return (status) => {
    // Curves have one value a second, however often the page asks.
    const isNew = performance.now() - sampled > 700;
    if (isNew) sampled = performance.now();
    for (const one of gauges) {
      if (!isNew) one.past.pop();
      one.past.push(status === null ? null : one.value(status));
      if (one.past.length > SECONDS_SHOWN) one.past.shift();
      draw(one);
      if (status === null) continue;
      const [number, unit] = one.text(status);
      one.number.textContent = number;
      one.unit.textContent = unit ? NARROW + unit : "";
      one.below.textContent = one.note(status);
    }
  };
}

/** From zero to the largest of the last minute, newest at the right; nulls leave gaps. */
function draw({ past, line, area }) {
  const known = past.filter((one) => one !== null);
  const low = Math.min(0, ...known), span = Math.max(...known, low + 1e-9) - low || 1;
  let outline = "", filled = "", start = null, last = null;
  const close = () => { if (start !== null) filled += `L${last} ${HIGH}L${start} ${HIGH}Z`; start = null; };
  past.forEach((value, index) => {
    if (value === null) { close(); return; }
    const x = (WIDE * (index + SECONDS_SHOWN - past.length) / (SECONDS_SHOWN - 1)).toFixed(1), y = (HIGH - 2 - (HIGH - 4) * (value - low) / span).toFixed(1);
    const step = `${start === null ? "M" : "L"}${x} ${y}`;
    outline += step;
    filled += step;
    start ??= x;
    last = x;
  });
  close();
  line.setAttribute("d", outline);
  area.setAttribute("d", filled);
}
