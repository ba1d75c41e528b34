/** Small helpers that all modules of the page share. */

/** Make an element: el("button", { type: "button", class: "button", onclick: f }, "Text", child). */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

const FORMATS = { h264: "H.264", hevc: "H.265", av1: "AV1", vp9: "VP9", vp8: "VP8", mjpeg: "Motion JPEG", mpeg4: "MPEG-4", mpeg2video: "MPEG-2", prores: "ProRes" };
/** FFmpeg's name of a format -> "H.264". */
export const format = (name) => FORMATS[name] ?? name;

/** "with maps" -> "With maps". */
export const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1);

export const byId = (id) => document.getElementById(id);

/** 1234567 -> "1.2 MB". */
export function bytes(count) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let power = 0, value = count;
  while (value >= 999.5 && power < units.length - 1) { value /= 1000; power += 1; }
  return `${power && value < 99.5 ? value.toFixed(1) : Math.round(value)}\u00a0${units[power]}`;
}

/** Seconds -> "1:02.5", or "1:01:02.5". */
export function clock(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6), whole = Math.floor(tenths / 10);
  const two = (number) => String(number).padStart(2, "0");
  const head = whole >= 3600 ? `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}` : String(Math.floor(whole / 60));
  return `${head}:${two(whole % 60)}.${tenths % 10}`;
}

/** Seconds as one says them: "0.3 s", "42 s", "3 min 5 s", "1 h 20 min". */
export function lasting(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)}\u00a0s`;
  const whole = Math.round(seconds);
  if (whole < 90) return `${whole}\u00a0s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}\u00a0min ${whole % 60}\u00a0s`;
  return `${Math.floor(whole / 3600)}\u00a0h ${Math.floor(whole / 60) % 60}\u00a0min`;
}

/** Colour the part of a slider before its thumb. */
export function fill(input) {
  const share = (input.value - input.min) / (input.max - input.min || 1);
  // The thumb is 20 px wide and stays inside.
  input.style.setProperty("--filled", `calc(10px + ${share} * (100% - 20px))`);
}

/** Make a labelled slider; `say` writes its value. Returns {row, input, set}. */
export function slider({ id, label, min, max, step, value, say, note = "", onchange }) {
  const output = el("output", { for: id });
  const input = el("input", { type: "range", id, min, max, step, "aria-describedby": note ? `${id}-note` : null });
  const show = () => {
    output.textContent = say(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
    fill(input);
  };
  const set = (wanted) => { input.value = wanted; show(); };
  input.addEventListener("input", () => { show(); onchange(Number(input.value)); });
  const row = el("div", { class: "slider" }, el("label", { for: id }, label), output, input);
  if (note) row.append(el("p", { id: `${id}-note`, class: "quiet small" }, note));
  set(value);
  return { row, input, set };
}

/** Whether a key that was pressed is meant for what has the focus. */
export function isTyping(event) {
  return event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input:not([type=range]):not([type=radio]), textarea, select, [contenteditable]") !== null && event.target !== document;
}
