/** Choose codec, preset, profile and what is wished for; try some seconds with the map and without. */
import { byId, bytes, el, lasting, sentence } from "./dom.js";
import { makePlayer, played, sayTrial } from "./player.js";

const POLL_MS = 500;
const UNITS = { size: "MB", bitrate: "kbit/s", vmaf: "" };
const NAMES = { quality: "Quality", size: "Size of the file", bitrate: "Bit rate of the video", vmaf: "Score of the picture (VMAF)" };
export const PROFILES = {
  web: "Upload to a site", messaging: "Messenger or mail, 25 MB", meeting: "Meeting or lecture", phone: "Archive of a phone",
  surveillance: "Fixed camera", drone: "Landscape from the air", screen: "Screen recording", mezzanine: "For editing",
};
const CODECS = {
  x264: "H.264: plays everywhere", x265: "H.265: newer players", av1: "AV1: newest players", vp9: "VP9: browsers",
  vp8: "VP8: older browsers", mjpeg: "Motion JPEG: for editing",
};
const FIRST = { size: 25, bitrate: 2000, vmaf: 93 };
const LIMITS = { size: [0.001, 1e6, "any"], bitrate: [1, 1e6, 1], vmaf: [10, 100, 0.5] };

export async function setup(studio) {
  const panel = byId("try");
  const profile = el("select", { id: "profile" }), about = el("p", { class: "quiet small" });
  const codec = el("select", { id: "codec" }), preset = el("select", { id: "preset" });
  const kind = el("select", { id: "wish" }), value = el("input", { type: "number", id: "wish-value", "aria-label": "How much" });
  const unit = el("span", { class: "quiet small" }), hint = el("p", { class: "quiet small", id: "wish-hint" });
  const mapWords = el("p", { class: "small told", id: "map-words" });
  const seconds = el("select", { id: "try-seconds", "aria-label": "Length of the trial" }, ...[2, 4, 8, 15].map((one) => el("option", { value: one, selected: one === 4 }, `${one} s`)));
  const go = el("button", { type: "button", class: "button strong", id: "try-go", onclick: begin }, "Try it here");
  const stop = el("button", { type: "button", class: "button", id: "try-stop", hidden: true, onclick: cancel }, "Stop");
  const again = el("button", { type: "button", class: "button", id: "try-show", hidden: true, onclick: () => player.show(status) }, "Compare again");
  const bar = el("progress", { id: "try-progress", hidden: true, "aria-label": "Progress of the trial" });
  const said = el("div", { class: "small", id: "try-said", role: "status" });
  const add = el("button", { type: "button", class: "button strong", id: "queue-add", onclick: enqueue }, "Encode all of it");
  // The queue itself may be out of sight.
  const ended = el("p", { class: "small", id: "queue-said", role: "status" }), left = el("progress", { id: "queue-left", hidden: true, "aria-label": "Progress of the encode" });
  const get = el("a", { class: "button", id: "queue-get", download: "", hidden: true }, "Download");
  const row = (label, input, ...more) => el("div", { class: "pick" }, el("label", { for: input.id }, label), input, ...more);
  panel.append(el("h2", {}, "Try and encode"),
    el("div", { class: "form" }, row("Profile", profile), about, row("Codec", codec), row("Speed", preset),
      row("Aim", kind), el("div", { class: "pick wish" }, value, unit), hint, mapWords),
    el("div", { class: "buttons" }, go, seconds, stop, again), bar, said, el("div", { class: "buttons" }, add, get), left, ended);

  const player = makePlayer(studio);
  let choices, status = { state: "none" }, isPolling = false, isToShow = false;
  // `tried`: what the last trial of this page was of.
  let turn = 0, waits = "", failure = "", tried = null;
  try {
    choices = await studio.get("/api/choices");
  } catch (error) { studio.tell(error.message, true); return; }
  const known = Object.fromEntries(choices.codecs.map((one) => [one.name, one]));
  const fillIn = (select, options) => {
    const before = select.value;
    select.replaceChildren(...options.map(([key, name]) => el("option", { value: key }, name)));
    select.value = options.some(([key]) => key === before) ? before : options[0][0];
  };
  const byName = Object.fromEntries(choices.profiles.map((one) => [one.name, one]));
  fillIn(profile, choices.profiles.map((one) => [one.name, PROFILES[one.name] ?? (one.name || (one.is_changed ? "As your semvid.toml says" : "None: choose yourself"))]));
  profile.closest(".pick").hidden = choices.profiles.length < 2;

  /** Show what goes with what is chosen. */
  function show() {
    const { name, about: words, error, is_changed: isOwn } = byName[profile.value];
    const usual = name ? "As the profile says" : isOwn ? "As your semvid.toml says" : "As usual";
    about.textContent = error ?? words;
    about.classList.toggle("bad", Boolean(error));
    fillIn(codec, [["", isOwn ? usual : CODECS.x264], ...choices.codecs.filter((one) => isOwn || one.name !== "x264").map((one) => [one.name, CODECS[one.name] ?? one.name])]);
    const chosen = known[codec.value || (isOwn ? "" : "x264")];
    fillIn(preset, [["", usual + (chosen?.preset ? ` (${chosen.preset})` : "")], ...(chosen?.presets ?? []).map((one, index, all) => [one, index === 0 ? `${one}: slowest, smallest` : index === all.length - 1 ? `${one}: fastest` : one])]);
    preset.closest(".pick").hidden = !chosen?.presets.length;
    const wishes = (chosen ?? known.x264).wishes.filter((one) => chosen || one !== "quality");
    fillIn(kind, [["", usual + (chosen ? ` (${chosen.quality.name} ${chosen.quality.default})` : "")], ...wishes.map((one) => [one, NAMES[one]])]);
    const scale = chosen?.quality;
    const [low, high, by] = kind.value === "quality" ? [scale.lowest, scale.highest, scale.name === "CRF" ? 0.5 : 1] : LIMITS[kind.value] ?? [0, 0, 1];
    Object.assign(value, { min: low, max: high, step: by });
    if (value.dataset.kind !== `${kind.value} ${chosen?.name}`) {
      value.value = kind.value === "quality" ? scale.default : FIRST[kind.value] ?? "";
      value.dataset.kind = `${kind.value} ${chosen?.name}`;
    }
    value.closest(".pick").hidden = !kind.value;
    unit.textContent = kind.value === "quality" ? scale.name : UNITS[kind.value] ?? "";
    hint.textContent = kind.value === "quality" ? `${low} to ${high}; ${scale.is_lower_better ? "lower" : "higher"} is better and larger. It is that of what matters; the rest is coarser.`
      : kind.value === "size" ? "At most so much, sound included. What matters gets more of it."
      : kind.value === "bitrate" ? "On average, of the picture alone. What matters gets more of it."
      : kind.value === "vmaf" ? "How alike people would find the whole picture to the source, 10 to 100; 93 to 95 is hard to tell from it." : "";
    mapWords.textContent = chosen?.map ?? "";
    tell();
  }

  /** What the profile says of maps is shown beside, where it can be changed. */
  async function takeSettings() {
    const { settings } = byName[profile.value];
    if (!studio.video || !settings) return;
    try {
      studio.set("settings", await studio.post(studio.of("settings"), settings));
      studio.watchMaps();
    } catch (error) { fail(error); }
  }

  function chosen() {
    const { focus, strength, background, model } = studio.settings;
    const found = { focus, strength, background, model };
    for (const one of [profile, codec, preset]) if (one.value) found[one.id] = one.value;
    if (kind.value) {
      if (!value.checkValidity() || value.value === "") throw new Error(`Give a number from ${value.min} to ${value.max}`);
      found.wish = { kind: kind.value, value: Number(value.value) };
    }
    return found;
  }

  /** Wait for what was corrected; false = the user would not. */
  async function isFollowed() {
    const mine = ++turn;
    failure = "";
    try {
      await studio.whenFollowed((said) => { waits = said; tell(); }, () => mine !== turn);
    } finally { if (mine === turn) { waits = ""; tell(); } }
    return mine === turn;
  }

  async function begin() {
    try {
      const options = chosen();
      if (!await isFollowed()) return;
      tried = JSON.stringify([options, studio.video.id]);
      status = await studio.post(studio.of("try"), { frame: studio.frame, seconds: Number(seconds.value), plays: played(), choices: options });
      isToShow = true;
      tell();
      poll();
    } catch (error) { fail(error); }
  }

  /** Told where it was asked for: the top of the page may be out of sight. */
  function fail(error) { failure = error.message; tell(); }

  async function cancel() {
    turn += 1;
    if (waits) { waits = ""; tell(); return; }
    try { status = await studio.post("/api/try/cancel", {}); } catch (error) { fail(error); }
    tell();
  }

  async function enqueue() {
    try {
      const options = chosen();
      if (!await isFollowed()) return;
      const { map_words: said } = await studio.post(studio.of("queue"), options);
      mapWords.textContent = said;
      tell();
      studio.dispatchEvent(new Event("queued"));
    } catch (error) { fail(error); }
  }

  async function poll() {
    if (isPolling) return;
    isPolling = true;
    while (status.state === "running") {
      await new Promise((done) => setTimeout(done, POLL_MS));
      try { status = await studio.get("/api/try"); } catch (error) { fail(error); break; }
      tell();
    }
    isPolling = false;
  }

  function tell() {
    const isRunning = status.state === "running", hasClips = Boolean(status.ours);
    stop.hidden = !isRunning && !waits;
    go.disabled = isRunning || Boolean(waits);
    add.disabled = Boolean(waits);
    again.hidden = !hasClips;
    bar.hidden = !isRunning && !waits;
    if (waits || status.share === null || status.share === undefined) bar.removeAttribute("value"); else bar.value = status.share;
    const lines = [];
    if (status.state === "failed") lines.push(["bad", status.failure]);
    if (failure) lines.push(["bad", failure]);
    if (waits) lines.push(["quiet", `${waits}...`]);
    if (isRunning) lines.push(["quiet", `${sentence(status.stage)}...`]);
    if (status.state === "cancelled") lines.push(["quiet", "Stopped."]);
    if (hasClips && tried && tried !== now()) lines.push(["quiet", "Of what was chosen before; try it again:"]);
    if (hasClips) lines.push(["", sayTrial(status)]);
    if (status.estimate) {
      const { bytes: size, seconds: time, is_rough: isRough } = status.estimate;
      lines.push(["strong", `All of it: about ${bytes(size)}${time ? `, in about ${lasting(time)}` : ""}${isRough ? " (roughly, by these seconds alone)" : ""}`]);
    }
    for (const one of status.notices ?? []) lines.push(["quiet", one]);
    said.replaceChildren(...lines.map(([kindOf, text]) => el("p", { class: kindOf }, text)));
    if (hasClips && isToShow) { isToShow = false; studio.tell(""); player.show(status); }
  }

  /** Say how far the newest encode of this video is, and offer its file, beside the button that began it. */
  function tellEncode() {
    const job = studio.jobs?.findLast((one) => one.is_ours && !one.is_picture && one.source === studio.video?.path);
    const words = sayEncode(job), isRunning = job?.state === "running";
    if (ended.textContent !== words) ended.textContent = words;
    ended.classList.toggle("bad", job?.state === "failed");
    left.hidden = !isRunning;
    if (isRunning && job.progress.share !== null) left.value = job.progress.share; else left.removeAttribute("value");
    get.hidden = !(job?.state === "done" && job.is_there);
    if (job) get.href = `/api/queue/${job.id}/output`;
  }

  function now() {
    try { return JSON.stringify([chosen(), studio.video?.id]); } catch { return ""; }
  }

  value.addEventListener("input", () => tell());
  studio.addEventListener("settings", () => tell());
  studio.addEventListener("video", () => { turn += 1; waits = failure = ""; tell(); tellEncode(); });
  studio.addEventListener("jobs", tellEncode);
  profile.addEventListener("change", takeSettings);
  studio.addEventListener("video", () => { if (profile.value) takeSettings(); });
  for (const one of [profile, codec, preset, kind]) one.addEventListener("change", show);
  studio.addEventListener("compare", (event) => { status = event.detail; isToShow = true; tell(); poll(); });
  show();
  const last = await studio.get("/api/try").catch(() => status);
  // That of a photograph is no affair of ours.
  if (last.kind !== "still") status = last;
  if (status.state === "running") poll();
  tell();
}

/** Say in words what became of a job of the queue; "" = nothing that is to be said here. */
function sayEncode(job) {
  if (job?.state === "waiting") return "It waits in the queue.";
  if (job?.state === "running") return "It is being encoded.";
  if (job?.state === "failed") return "It failed; the queue below says why.";
  return job?.state === "done" && job.is_there ? `Done: ${job.output}, ${bytes(job.output_bytes)}` : "";
}
