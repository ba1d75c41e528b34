/** Two pictures, one over the other, with a divider; fitted, or pixel by pixel. */
import { bytes, el, fill } from "./dom.js";

const GRIP = 28, PAN = 60;
const ZOOMS = [["fit", "Fitted"], ["1", "1:1"], ["2", "2:1"]];

/** Make the slider, once; returns {show(trial, name, words)}. */
export function makeSlider() {
  const theirs = el("img", { alt: "Left picture", draggable: "false" }), ours = el("img", { alt: "Right picture", draggable: "false" });
  const labels = [el("span", { class: "ab-label left" }), el("span", { class: "ab-label right" })];
  const box = el("div", { class: "pictures", tabindex: 0, role: "group", "aria-label": "Both pictures; arrow keys move the divider, or what is seen of enlarged ones" },
    theirs, el("div", { class: "over" }, ours), el("i", { class: "ab-line", "aria-hidden": "true" }), ...labels);
  const divider = el("input", { type: "range", id: "still-divider", min: 0, max: 100, step: 0.5, "aria-label": "Divider between both pictures" });
  const zooms = el("fieldset", { class: "choices", id: "still-zoom" }, el("legend", { class: "unseen" }, "Enlargement"));
  for (const [value, name] of ZOOMS) zooms.append(el("label", { class: "choice" }, el("input", { type: "radio", name: "still-zoom", value, checked: value === "fit", onchange: () => { zoom = value; lay(); } }), el("span", {}, name)));
  const left = el("select", { id: "still-left", "aria-label": "Left picture", onchange: load }, el("option", { value: "theirs" }, "Left: plain JPEG"), el("option", { value: "source" }, "Left: the photograph"));
  const close = el("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Close");
  const words = el("p", { class: "small" }), failure = el("p", { class: "told small", role: "alert" });
  const dialog = el("dialog", { id: "still-ab", class: "ab-dialog still-ab", "aria-label": "Our JPEG and a plain one" },
    el("div", { class: "ab-box" }, box, divider, el("div", { class: "ab-row" }, zooms, left, close), words,
      el("p", { class: "quiet small" }, "Drag the divider, and enlarged pictures beside it; arrow keys do the same."), failure));
  document.body.append(dialog);

  let trial = null, zoom = "fit", at = [0.5, 0.5], grip = null, about = "";

  function split(percent) {
    const value = Math.min(Math.max(percent, 0), 100);
    divider.value = value;
    fill(divider);
    divider.setAttribute("aria-valuetext", `${Math.round(value)} % ${labels[0].textContent}`);
    box.style.setProperty("--split", `${value}%`);
  }

  /** CSS pixels for each pixel of the pictures. */
  function scale() {
    const fitting = Math.min(box.clientWidth / trial.width, box.clientHeight / trial.height);
    return zoom === "fit" ? fitting : Number(zoom) / devicePixelRatio;
  }

  function lay() {
    if (!trial || !dialog.open) return;
    const by = scale(), size = [trial.width * by, trial.height * by], room = [box.clientWidth, box.clientHeight];
    // What is smaller than the room is in its middle; of the rest, no border is drawn inside.
    const corner = size.map((side, axis) => (side <= room[axis] ? (room[axis] - side) / 2 : Math.min(Math.max(room[axis] / 2 - at[axis] * side, room[axis] - side), 0)));
    at = size.map((side, axis) => (side <= room[axis] ? at[axis] : (room[axis] / 2 - corner[axis]) / side));
    for (const one of [theirs, ours]) Object.assign(one.style, { width: `${size[0]}px`, height: `${size[1]}px`, transform: `translate(${corner[0]}px, ${corner[1]}px)` });
    box.dataset.zoom = zoom;
  }

  function pan(across, down) {
    const by = scale();
    at = [at[0] - across / (trial.width * by), at[1] - down / (trial.height * by)].map((one) => Math.min(Math.max(one, 0), 1));
    lay();
  }

  function load() {
    const side = trial.theirs ? left.value : "source";
    theirs.src = `/api/try/${trial.id}/${side}`;
    ours.src = `/api/try/${trial.id}/ours`;
    labels[0].textContent = side === "theirs" ? `Plain JPEG, ${bytes(trial.theirs.bytes)}` : `The photograph, ${bytes(trial.source_bytes)}`;
    labels[1].textContent = `semvid, ${bytes(trial.ours.bytes)}`;
    words.textContent = side === "theirs" ? `Plain: libjpeg-turbo, quality ${trial.theirs.quality}. ${about}` : "The photograph is shown as a JPEG of quality 95.";
    split(Number(divider.value));
  }

  const place = (event) => {
    const edges = box.getBoundingClientRect();
    return [event.clientX - edges.left, edges.width];
  };
  box.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    box.focus({ preventScroll: true });
    box.setPointerCapture(event.pointerId);
    const [x, width] = place(event), isNear = Math.abs(x - width * divider.value / 100) < GRIP;
    grip = zoom === "fit" || isNear ? "divider" : "picture";
    if (grip === "divider") split(100 * x / width);
  });
  box.addEventListener("pointermove", (event) => {
    if (!box.hasPointerCapture(event.pointerId)) return;
    const [x, width] = place(event);
    if (grip === "divider") split(100 * x / width); else pan(event.movementX, event.movementY);
  });
  box.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!move) return;
    event.preventDefault();
    if (zoom !== "fit") pan(PAN * move[0], PAN * move[1]); else split(Number(divider.value) - 2 * move[0]);
  });
  divider.addEventListener("input", () => split(Number(divider.value)));
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  dialog.addEventListener("close", () => { for (const one of [theirs, ours]) one.removeAttribute("src"); });
  for (const one of [theirs, ours]) {
    one.addEventListener("error", () => { if (dialog.open && one.src) failure.textContent = "The pictures are not there any more; compare again."; });
  }
  new ResizeObserver(lay).observe(box);

  return {
    show(shown, name, words) {
      trial = shown;
      about = words;
      failure.textContent = "";
      left.value = trial.theirs ? "theirs" : "source";
      left.hidden = !trial.theirs;
      theirs.alt = `${name}, left`;
      ours.alt = `${name} by semvid`;
      dialog.style.setProperty("--ratio", trial.width / trial.height);
      at = [0.5, 0.5];
      load();
      split(50);
      dialog.showModal();
      lay();
      divider.focus();
    },
  };
}
