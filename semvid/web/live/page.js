"use strict";

const POLL_MS = 1000, SEND_MS = 80, SETTLE_MS = 1500, PATIENCE_MS = 4000;
const LOWEST = 50e3, HIGHEST = 200e6;
/** Shares of frames dropped lately from which the stream is not well, and is bad. */
const SOME_DROPPED = 0.02, MANY_DROPPED = 0.2;
const byId = (id) => document.getElementById(id);
const picture = byId("picture"), stage = byId("stage"), veil = byId("veil");

const CAPTIONS = {
  encode: "The encode itself, as it is sent.",
  picture: "A preview in JPEG, not the encode: finer where it matters.",
  heat: "Bright areas matter most.",
  split: "Left: the preview. Right: its map.",
  source: "The frame before it is encoded, as an ordinary JPEG.",
};

let view = "encode", cannotPlay = "", lostPlay = "", number = 0, status = null, touched = 0, isLocked = false, retry = 0, retryTimer = 0;

// Pictures.

/** Begin the stream of the view anew; the number makes browsers ask again. */
function watch() {
  clearTimeout(retryTimer);
  const isEncode = view === "encode";
  picture.hidden = isEncode;
  video.hidden = !isEncode;
  if (!isEncode || document.hidden || isLocked) player.stop();
  if (isEncode || document.hidden || isLocked) {
    // Else the server would make pictures nobody sees.
    picture.removeAttribute("src");
    // Until the first answer nobody knows whether there is an encode.
    if (isEncode && status?.encode && !document.hidden && !isLocked) player.start();
    return;
  }
  number += 1;
  picture.src = `/stream/${view}?n=${number}`;
}

function watchLater() {
  retryTimer = setTimeout(watch, Math.min(1000 * 2 ** retry, 8000));
  retry += 1;
}

const video = byId("encode");
const player = makePlayer(video, (state, words) => {
  lostPlay = state === "lost" ? words : "";
  if (state === "plays") retry = 0;
  else if (state === "lost") watchLater();
  else noEncode(words);
  caption();
});

/** The encode cannot be seen, for a reason that stays: say so, and show the preview. */
function noEncode(why) {
  cannotPlay = why;
  byId("views").querySelector("[value=encode]").disabled = true;
  if (view !== "encode") return;
  view = "picture";
  byId("views").querySelector("[value=picture]").checked = true;
  watch();
}

/** What the server says of the encode, with its first answer, and when it is found again. */
function settleEncode({ encode }) {
  cannotPlay = "";
  byId("views").querySelector("[value=encode]").disabled = false;
  if (!encode) noEncode("this stream has none");
  else if (!encode.is_played) noEncode(`no browser plays ${encode.format} as it comes`);
  if (encode && view === "encode") watch();
  byId("record").hidden = !encode;
}

picture.addEventListener("error", watchLater);
picture.addEventListener("load", () => { retry = 0; });
document.addEventListener("visibilitychange", () => { watch(); poll(); });
// A stream left open would keep the page from being left in some browsers.
addEventListener("pagehide", () => { picture.removeAttribute("src"); player.stop(); });
addEventListener("pageshow", (event) => { if (event.persisted) watch(); });

for (const input of byId("views").querySelectorAll("input")) {
  input.addEventListener("change", () => {
    view = input.value;
    watch();
    caption();
  });
}

function caption() {
  const shown = status?.views[view], behind = view === "encode" ? player.lag() : null;
  let words = CAPTIONS[view];
  if (view === "encode" && lostPlay) words = `The encode is lost (${lostPlay}); trying again.`;
  else if (behind !== null) words += ` ${fixed(behind, 1)}${NARROW}s behind here.`;
  if (cannotPlay && view === "picture") words += ` The encode is not shown: ${cannotPlay}.`;
  picture.alt = `Live picture: ${document.querySelector("#views input:checked + span").textContent}`;
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
  const words = ["Live"], dropped = live.dropped_share;
  if (dropped >= SOME_DROPPED) words.push(`${percent(dropped)} of frames dropped lately`);
  if (live.load_step > 0) words.push(`load cut: ${live.load_note}`);
  return [dropped >= MANY_DROPPED ? "bad" : dropped >= SOME_DROPPED ? "warn" : "live", words.join(", "), ""];
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

// Sound.

const QUIETEST = -60, CLIPS = -0.1;
let levels = [], levelTimer = 0;

/** Tell how loud it was; the last second is played again in tenths. */
function showSound({ sound_peaks: peaks }) {
  const holder = byId("sound"), loudest = Math.max(...peaks);
  holder.hidden = peaks.length === 0;
  if (holder.hidden) return;
  const words = loudest <= QUIETEST ? "silent" : loudest >= CLIPS ? "clips" : `${fixed(loudest, 0)}${NARROW}dB`;
  holder.setAttribute("aria-valuenow", Math.max(loudest, QUIETEST));
  holder.setAttribute("aria-valuetext", words);
  byId("loudest").textContent = words;
  levels = [...peaks];
  clearInterval(levelTimer);
  levelTimer = setInterval(showLevel, POLL_MS / 10);
  showLevel();
}

function showLevel() {
  const level = levels.shift();
  if (level === undefined) clearInterval(levelTimer);
  else byId("level").style.setProperty("--level", `${(100 * (1 - Math.max(level, QUIETEST) / QUIETEST)).toFixed(1)}%`);
}

function duration(seconds) {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  return parts.map((one, index) => (index ? String(one).padStart(2, "0") : String(one))).join(":").replace(/^0:/, "");
}

// Controls.

const slider = { strength: byId("strength"), bitrate: byId("bitrate"), focus: {} };
/** The places of the slider: round numbers, each about a tenth more than the one before. */
const BITRATES = [4, 5, 6, 7].flatMap((power) => [10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 25, 28, 30, 35, 40, 45, 50, 55, 60, 65, 70, 80, 90]
  .map((two) => two * 10 ** (power - 1))).concat(1e8, 1.2e8, 1.5e8, HIGHEST).filter((one) => one >= LOWEST);
slider.bitrate.max = BITRATES.length - 1;
let bitrate = LOWEST;

function label(input, text) {
  const share = (input.value - input.min) / (input.max - input.min);
  // The thumb is 20 px wide and stays inside.
  input.style.setProperty("--filled", `calc(10px + ${share} * (100% - 20px))`);
  input.setAttribute("aria-valuetext", text);
  document.querySelector(`output[for="${input.id}"]`).textContent = text;
}

function labelAll() {
  label(slider.strength, Number(slider.strength.value).toFixed(2));
  label(slider.bitrate, bits(bitrate).join(NARROW));
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
  // Any number may be in force: it is told as it is, and the thumb stands at the nearest place.
  bitrate = controls.bitrate;
  slider.bitrate.value = BITRATES.reduce((best, one, place) => (Math.abs(one - bitrate) < Math.abs(BITRATES[best] - bitrate) ? place : best), 0);
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
slider.bitrate.addEventListener("input", () => {
  bitrate = BITRATES[slider.bitrate.value];
  change({ bitrate });
});
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
    const wasOld = status?.isOld, isFirst = status === null;
    status = await answer.json();
    if (isFirst || wasOld) settleEncode(status);
    if (wasOld && view !== "encode") watch();
    if (status.size) {
      const [width, height] = status.size;
      stage.style.aspectRatio = `${width} / ${height}`;
    }
    showGauges(status);
    showFacts();
    showSound(status.live);
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

function setUpFullScreen() {
  const button = byId("full");
  const change = () => (document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen()).catch(() => {});
  button.hidden = !document.fullscreenEnabled;
  button.addEventListener("click", change);
  stage.addEventListener("dblclick", (event) => { if (!button.hidden && event.target !== button) change(); });
  document.addEventListener("fullscreenchange", () => { button.textContent = document.fullscreenElement ? "Leave full screen" : "Full screen"; });
}

function setUpRecorder() {
  const button = byId("record");
  const recorder = makeRecorder((state, words) => {
    const isOn = state === "waits" || state === "records";
    button.toggleAttribute("data-on", isOn);
    setText(button, isOn ? "Stop and save" : "Record");
    byId("recorded").setAttribute("aria-live", state === "records" ? "off" : "polite");
    setText(byId("recorded"), { waits: "Waiting for a key frame.", records: words, saved: `Saved ${words}.`, failed: `Not recorded: ${words}.` }[state]);
  });
  button.addEventListener("click", () => (recorder.isOn() ? recorder.stop() : recorder.start()));
  // What was recorded is in this page only.
  addEventListener("beforeunload", (event) => { if (recorder.isOn()) event.preventDefault(); });
}

setUpRecorder();
setUpFullScreen();
// Firefox keeps what was chosen before a reload.
view = document.querySelector("#views input:checked").value;
// Pictures never end, and a page that loads them is not loaded before they do.
if (document.readyState === "complete") watch();
else addEventListener("load", watch);
poll();
