/** What matters: the classes that were found and their weights, and how strongly the map acts. */
import { byId, el, slider } from "./dom.js";

const SEND_MS = 120;
const NAMES = { person: "People", face: "Faces", animal: "Animals", vehicle: "Vehicles", object: "Objects", text: "Text" };

export function setup(studio) {
  const panel = byId("settings"), classes = el("div", { class: "classes" });
  const reset = el("button", { type: "button", class: "link small", onclick: () => change({ focus: Object.fromEntries(Object.keys(NAMES).map((name) => [name, 1])) }, true) }, "All equal");
  const hint = el("p", { class: "quiet small hint" });
  const told = el("p", { class: "told small", role: "alert" });
  const rows = {};
  for (const [name, label] of Object.entries(NAMES)) {
    const made = slider({ id: `focus-${name}`, label, min: 0, max: 5, step: 0.25, value: 1, say: (value) => `\u00d7\u202f${value}`, onchange: (value) => change({ focus: { [name]: value } }) });
    const found = el("span", { class: "found small quiet" });
    made.row.querySelector("label").append(found);
    rows[name] = { ...made, found };
    classes.append(made.row);
  }
  const strength = slider({ id: "strength", label: "Strength", min: 0, max: 3, step: 0.05, value: 1, say: (value) => value.toFixed(2), note: "How strongly the encode follows the map. 0 is a plain encode, 1 the optimum.", onchange: (value) => change({ strength: value }) });
  const background = slider({ id: "background", label: "Background", min: 0.05, max: 1.5, step: 0.01, value: 0.28, say: (value) => value.toFixed(2), note: "How much the rest counts beside what matters. Lower gives it fewer bits.", onchange: (value) => change({ background: value }) });
  const model = el("select", { id: "model", onchange: () => change({ model: model.value }) },
    el("option", { value: "msroi" }, "The usual network"), el("option", { value: "msroi-fast" }, "A smaller, faster network"), el("option", { value: "spectral" }, "What stands out, without a network"));
  panel.append(
    el("div", { class: "title" }, el("h2", {}, "What matters"), reset), hint, classes,
    el("details", {}, el("summary", {}, "Strength, background, network"), strength.row, background.row, el("div", { class: "pick" }, el("label", { for: "model" }, "Maps are made by"), model)), told,
  );

  let waiting = null, timer = 0;
  function change(what, isShown = false) {
    waiting = { ...waiting, ...what, ...(what.focus ? { focus: { ...waiting?.focus, ...what.focus } } : {}) };
    if (isShown) for (const [name, weight] of Object.entries(what.focus)) rows[name].set(weight);
    clearTimeout(timer);
    timer = setTimeout(send, SEND_MS);
  }

  async function send() {
    const body = waiting;
    waiting = null;
    try {
      studio.set("settings", await studio.post(studio.of("settings"), body));
      told.textContent = "";
      studio.watchMaps();
    } catch (error) {
      told.textContent = error.message;
      show();
    }
  }

  function show() {
    // What is being moved stays where it is.
    if (waiting) return;
    const { focus, strength: strong, background: back, model: name } = studio.settings;
    for (const [one, weight] of Object.entries(focus)) rows[one].set(weight);
    strength.set(strong);
    background.set(back);
    if (![...model.options].some((one) => one.value === name)) model.append(el("option", { value: name }, "Your own network"));
    model.value = name;
    classes.hidden = hint.hidden = name === "spectral";
  }

  function tell() {
    const found = Object.fromEntries(studio.maps.classes.map((one) => [one.name, one]));
    for (const [name, row] of Object.entries(rows)) {
      const one = found[name];
      row.row.classList.toggle("absent", !one);
      row.found.textContent = one ? `${one.sureness < 0.5 ? "perhaps, " : ""}${Math.round(100 * one.sureness)}\u202f% sure${studio.video.kind === "still" ? "" : `, ${one.share > 0.99 ? "throughout" : `in ${Math.max(Math.round(100 * one.share), 1)}\u202f% of the video`}`}` : "not found";
    }
  }

  studio.addEventListener("video", () => {
    const [what, whose] = studio.video.kind === "still" ? ["photograph", ". This holds for all photographs"] : ["video", ""];
    hint.textContent = `Found in this ${what}. Move a slider to the right, and it counts more; at \u00d7\u202f0 not at all${whose}.`;
  });
  studio.addEventListener("settings", () => { if (studio.settings) show(); });
  studio.addEventListener("maps", tell);
}
