"use strict";

const POLL_MS = 1000, SEND_MS = 80, SETTLE_MS = 1500, PATIENCE_MS = 4000;
const LOWEST = 50e3, HIGHEST = 200e6;
const byId = (id) => document.getElementById(id);
const picture = byId("picture"), stage = byId("stage"), veil = byId("veil");

const CAPTIONS = {
  picture: "Sharp where it matters, coarser elsewhere.",
  heat: "Bright areas matter most.",
  split: "Left: the picture. Right: its map.",
  plain: "As an ordinary JPEG encoder would code it, at the same quality.",
};

let view = "picture", number = 0, status = null, touched = 0, isLocked = false, retry = 0, retryTimer = 0;

// Pictures.

/** Begin the stream of the view anew; the number makes browsers ask again. */
function watch() {
  clearTimeout(retryTimer);
  if (document.hidden || isLocked) {
    // Else the server would make pictures nobody sees.
    picture.removeAttribute("src");
    return;
  }
  number += 1;
  picture.src = `/stream/${view}?n=${number}`;
}

picture.addEventListener("error", () => {
  retryTimer = setTimeout(watch, Math.min(1000 * 2 ** retry, 8000));
  retry += 1;
});
picture.addEventListener("load", () => { retry = 0; });
document.addEventListener("visibilitychange", () => { watch(); poll(); });
// A stream left open would keep the page from being left in some browsers.
addEventListener("pagehide", () => picture.removeAttribute("src"));
addEventListener("pageshow", (event) => { if (event.persisted) watch(); });

for (const input of byId("views").querySelectorAll("input")) {
  input.addEventListener("change", () => {
    view = input.value;
    watch();
    caption();
  });
}

function caption() {
  const shown = status?.views[view], words = CAPTIONS[view];
  picture.alt = `Live picture: ${view}`;
  const needsMap = (view === "heat" || view === "split") && status && !status.has_map;
  byId("caption").textContent = (needsMap ? "There is no map at the moment; this is the picture." : words)
    + (shown ? ` ${bytes(shown.bytes)} each${shown.per_second >= 0.5 ? `, ${shown.per_second.toFixed(0)} a second` : ""}.` : "");
}

// States in words.

function describe() {
  if (isLocked) return ["bad", "Locked", "This stream needs its token: open the whole address that semvid printed."];
  if (status === null) return ["wait", "Connecting", ""];
  if (status.isOld) return ["bad", "No answer", "semvid does not answer; trying again."];
  const { live } = status, lost = live.sinks.filter((one) => one.state === "lost");
  if (live.source === "opening") return ["wait", "Opening the source", "Opening the source."];
  if (live.source === "lost") return ["bad", "Source lost", "The source is lost; semvid is reconnecting."];
  if (live.source === "ended") return ["wait", "Ended", "The stream has ended."];
  if (lost.length) return ["bad", `${lost.map((one) => one.name).join(", ")} lost, reconnecting`, ""];
  if (live.load_step > 0) return ["live", `Live, load cut: ${live.load_note}`, ""];
  return ["live", "Live", ""];
}

function setText(node, text) {
  // Screen readers say what changes, so nothing may change to what it was.
  if (node.textContent !== text) node.textContent = text;
}

function showState() {
  const [kind, words, veiled] = describe(), state = byId("state");
  state.dataset.kind = kind;
  setText(state.lastElementChild, words);
  state.title = words;
  setText(veil, veiled);
  veil.hidden = veiled === "";
}

function showFacts() {
  const { live, web, size } = status, facts = [];
  const fact = (text, isBad = false) => facts.push([text, isBad]);
  if (status.picture_note) fact(status.picture_note, true);
  for (const { name, state } of live.sinks) fact(`${name}: ${state === "lost" ? "lost, reconnecting" : state}`, state === "lost");
  if (size) fact(`${size[0]}\u00d7${size[1]}`);
  if (live.num_reconnections) fact(`${live.num_reconnections} ${live.num_reconnections === 1 ? "reconnection" : "reconnections"}`);
  if (live.num_repeated) fact(`${live.num_repeated} frame${live.num_repeated === 1 ? "" : "s"} repeated`);
  fact(`${web.num_watchers} watching`);
  if (web.num_stalled) fact(`${web.num_stalled} too slow, dropped`);
  fact(`up ${duration(live.seconds)}`);
  byId("facts").replaceChildren(...facts.map(([text, isBad]) => el("li", isBad ? { class: "bad" } : {}, text)));
}

function duration(seconds) {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  return parts.map((one, index) => (index ? String(one).padStart(2, "0") : String(one))).join(":").replace(/^0:/, "");
}

// Controls.

const slider = { strength: byId("strength"), bitrate: byId("bitrate"), focus: {} };
const toBitrate = (place) => Number((LOWEST * (HIGHEST / LOWEST) ** (place / 1000)).toPrecision(3));
const fromBitrate = (bitrate) => Math.round(1000 * Math.log(bitrate / LOWEST) / Math.log(HIGHEST / LOWEST));

function label(input, text) {
  const share = (input.value - input.min) / (input.max - input.min);
  // The thumb is 20 px wide and stays inside.
  input.style.setProperty("--filled", `calc(10px + ${share} * (100% - 20px))`);
  input.setAttribute("aria-valuetext", text);
  document.querySelector(`output[for="${input.id}"]`).textContent = text;
}

function labelAll() {
  label(slider.strength, Number(slider.strength.value).toFixed(2));
  label(slider.bitrate, bits(toBitrate(slider.bitrate.value)).join(NARROW));
  for (const input of Object.values(slider.focus)) label(input, `\u00d7${NARROW}${Number(input.value)}`);
}

function makeFocus(names) {
  for (const name of names) {
    const id = `focus-${name}`;
    const input = el("input", { type: "range", id, min: 0, max: 10, step: 0.25 });
    input.addEventListener("input", () => change({ focus: { [name]: Number(input.value) } }));
    slider.focus[name] = input;
    byId("focus").append(el("div", { class: "slider" }, el("label", { for: id }, name[0].toUpperCase() + name.slice(1)), el("output", { for: id }), input));
  }
}

function showControls(controls) {
  if (!Object.keys(slider.focus).length) makeFocus(Object.keys(controls.focus));
  byId("maps-on").checked = controls.maps_on;
  slider.strength.value = controls.strength;
  slider.bitrate.value = fromBitrate(controls.bitrate);
  for (const [name, weight] of Object.entries(controls.focus)) slider.focus[name].value = weight;
  labelAll();
}

let waiting = null, isSending = false;

/** Send what was changed, at most every so often; what comes meanwhile goes together. */
function change(what) {
  touched = performance.now();
  labelAll();
  waiting = { ...waiting, ...what, ...(what.focus ? { focus: { ...waiting?.focus, ...what.focus } } : {}) };
  if (!isSending) send();
}

async function send() {
  isSending = true;
  while (waiting) {
    const body = JSON.stringify(waiting);
    waiting = null;
    try {
      const answer = await fetch("/api/controls", { method: "POST", headers: { "Content-Type": "application/json" }, body, signal: AbortSignal.timeout(PATIENCE_MS) });
      const said = await answer.json();
      setText(byId("refused"), answer.ok ? "" : said.error);
      if (!answer.ok) touched = 0;
    } catch {
      setText(byId("refused"), "semvid does not answer; nothing was changed.");
      touched = 0;
    }
    await new Promise((resolve) => setTimeout(resolve, SEND_MS));
  }
  isSending = false;
  poll();
}

slider.strength.addEventListener("input", () => change({ strength: Number(slider.strength.value) }));
slider.bitrate.addEventListener("input", () => change({ bitrate: toBitrate(slider.bitrate.value) }));
byId("maps-on").addEventListener("change", (event) => change({ maps_on: event.target.checked }));
byId("focus-reset").addEventListener("click", () => {
  for (const input of Object.values(slider.focus)) input.value = 1;
  change({ focus: Object.fromEntries(Object.keys(slider.focus).map((name) => [name, 1])) });
});

// What the server says.

const showGauges = makeGauges(byId("gauges"));
let pollTimer = 0, isPolling = false;

async function poll() {
  clearTimeout(pollTimer);
  if (document.hidden || isLocked || isPolling) return;
  isPolling = true;
  const began = performance.now();
  try {
    const answer = await fetch("/api/status", { signal: AbortSignal.timeout(PATIENCE_MS) });
    isLocked = answer.status === 401 || answer.status === 429;
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const wasOld = status?.isOld;
    status = await answer.json();
    if (wasOld) watch();
    if (status.size) {
      const [width, height] = status.size;
      stage.style.aspectRatio = `${width} / ${height}`;
    }
    showGauges(status);
    showFacts();
    // What the user is moving stays in the user's hand.
    if (performance.now() - touched > SETTLE_MS && !isSending) showControls(status.controls);
  } catch {
    if (status) status.isOld = true;
    if (isLocked) watch();
    showGauges(null);
  }
  showState();
  caption();
  isPolling = false;
  pollTimer = setTimeout(poll, Math.max(POLL_MS - (performance.now() - began), 100));
}

function setUpTheme() {
  const root = document.documentElement, button = byId("theme"), dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const name = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  button.setAttribute("aria-label", "Change between light and dark");
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; name(); });
  dark.addEventListener("change", name);
  name();
}

setUpTheme();
// Firefox keeps what was chosen before a reload.
view = document.querySelector("#views input:checked").value;
// Pictures never end, and a page that loads them is not loaded before they do.
if (document.readyState === "complete") watch();
else addEventListener("load", watch);
poll();
