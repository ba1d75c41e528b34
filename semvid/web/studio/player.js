/** Two videos in step, one over the other, with a divider that is moved by mouse, finger or keys. */
import { bytes, el, fill, format } from "./dom.js";

const FORMATS = {
  h264: 'video/mp4; codecs="avc1.640028"',
  vp8: 'video/webm; codecs="vp8"',
  vp9: 'video/mp4; codecs="vp09.00.10.08"',
  av1: 'video/mp4; codecs="av01.0.05M.08"',
};
const FAR = 0.12, NEAR = 0.012;

/** Formats that this browser plays, by FFmpeg's names. */
export function played() {
  const probe = document.createElement("video");
  return Object.keys(FORMATS).filter((one) => probe.canPlayType(FORMATS[one]) !== "");
}

/** Make the player, once; returns {show(trial), close()}. */
export function makePlayer(studio) {
  const theirs = video("theirs"), ours = video("ours");
  const line = el("i", { class: "ab-line", "aria-hidden": "true" });
  const labels = [el("span", { class: "ab-label left" }), el("span", { class: "ab-label right" })];
  const picture = el("div", { class: "ab" }, theirs, ours, line, ...labels);
  const divider = el("input", { type: "range", id: "ab-divider", min: 0, max: 100, step: 0.5, "aria-label": "Divider between both videos" });
  const place = el("input", { type: "range", id: "ab-place", min: 0, max: 1, step: "any", "aria-label": "Time" });
  const play = el("button", { type: "button", class: "button", id: "ab-play", onclick: toggle }, "Pause");
  const speed = el("select", { id: "ab-speed", "aria-label": "Speed", onchange: () => setSpeed() },
    ...[["1", "Full speed"], ["0.5", "Half speed"], ["0.25", "A quarter"]].map(([value, name]) => el("option", { value }, name)));
  const zoom = el("select", { id: "ab-zoom", "aria-label": "Enlargement", onchange: () => { picture.dataset.zoom = zoom.value; } },
    ...[["1", "Whole picture"], ["2", "2\u202f\u00d7 larger"], ["4", "4\u202f\u00d7 larger"]].map(([value, name]) => el("option", { value }, name)));
  const sound = el("button", { type: "button", class: "button", id: "ab-sound", "aria-pressed": "false", onclick: () => mute(!theirs.muted) }, "Sound");
  const words = el("p", { class: "small", id: "ab-words" }), failure = el("p", { class: "told small", role: "alert" });
  const close = el("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Close");
  const dialog = el("dialog", { id: "ab", class: "ab-dialog", "aria-label": "Two versions side by side" },
    el("div", { class: "ab-box" }, picture,
      el("div", { class: "ab-row ab-under" }, divider),
      el("div", { class: "ab-row" }, play, el("button", { type: "button", class: "button", "aria-label": "One frame back", onclick: () => step(-1) }, "\u2039"),
        el("button", { type: "button", class: "button", "aria-label": "One frame on", onclick: () => step(1) }, "\u203a"), place, sound, speed, zoom, close),
      words, el("p", { class: "quiet small ab-hint" }, "Drag over the picture, or use the slider, to move the divider. Space plays and pauses; the keys , and . go one frame back and on."), failure));
  document.body.append(dialog);

  let shown = null, rate = 1, frameSeconds = 1 / 25;

  function video(name) {
    const one = el("video", { class: `ab-video ${name}`, muted: true, playsinline: true, preload: "auto", "aria-label": name === "ours" ? "Right video" : "Left video" });
    one.muted = true;
    one.addEventListener("error", () => { if (dialog.open) failure.textContent = "This browser cannot play these clips; try another browser."; });
    return one;
  }

  function split(percent) {
    const value = Math.min(Math.max(percent, 0), 100);
    divider.value = value;
    fill(divider);
    picture.style.setProperty("--split", `${value}%`);
    divider.setAttribute("aria-valuetext", `${Math.round(value)} % ${labels[0].textContent}`);
  }

  /** Both have the same sound: that of the left one is heard. */
  function mute(isMuted) {
    theirs.muted = isMuted;
    sound.setAttribute("aria-pressed", !isMuted);
    sound.textContent = isMuted ? "Sound on" : "Sound off";
  }

  function setSpeed() { rate = Number(speed.value); theirs.playbackRate = ours.playbackRate = rate; }

  function toggle() {
    if (theirs.paused) start(); else pause();
  }

  async function start() {
    play.textContent = "Pause";
    ours.currentTime = theirs.currentTime;
    try { await Promise.all([theirs.play(), ours.play()]); } catch { play.textContent = "Play"; }
  }

  function pause() {
    theirs.pause(); ours.pause();
    ours.currentTime = theirs.currentTime;
    play.textContent = "Play";
  }

  function seek(seconds) {
    theirs.currentTime = ours.currentTime = Math.min(Math.max(seconds, 0), theirs.duration || 0);
  }

  function step(count) { pause(); seek(theirs.currentTime + count * frameSeconds); }

  /** Keep the right video with the left one: by its speed, or by a jump if it is far off. */
  function follow() {
    if (!dialog.open) return;
    const off = ours.currentTime - theirs.currentTime;
    if (Math.abs(off) > FAR) ours.currentTime = theirs.currentTime;
    else ours.playbackRate = theirs.paused || Math.abs(off) < NEAR ? rate : rate * (1 - Math.max(-0.1, Math.min(0.1, off * 2)));
    if (document.activeElement !== place) place.value = theirs.currentTime;
    fill(place);
    requestAnimationFrame(follow);
  }

  theirs.addEventListener("loadedmetadata", () => {
    place.max = theirs.duration;
    dialog.style.setProperty("--ratio", theirs.videoWidth / theirs.videoHeight);
  });
  theirs.addEventListener("ended", () => { seek(0); start(); });
  divider.addEventListener("input", () => split(Number(divider.value)));
  place.addEventListener("input", () => { pause(); seek(Number(place.value)); });
  const drag = (event) => {
    const box = picture.getBoundingClientRect();
    split(((event.clientX - box.left) / box.width) * 100);
    picture.style.setProperty("--x", `${((event.clientX - box.left) / box.width) * 100}%`);
    picture.style.setProperty("--y", `${((event.clientY - box.top) / box.height) * 100}%`);
  };
  picture.addEventListener("pointerdown", (event) => { picture.setPointerCapture(event.pointerId); drag(event); });
  picture.addEventListener("pointermove", (event) => { if (picture.hasPointerCapture(event.pointerId)) drag(event); });
  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === " " && !(event.target instanceof HTMLButtonElement)) { event.preventDefault(); toggle(); }
    if (event.key === ".") step(1);
    if (event.key === ",") step(-1);
  });
  dialog.addEventListener("close", () => {
    pause();
    for (const one of [theirs, ours]) { one.removeAttribute("src"); one.load(); }
    shown = null;
  });

  return {
    show(trial) {
      if (shown === trial.id) return;
      shown = trial.id;
      failure.textContent = "";
      [theirs, ours].forEach((one, index) => {
        const side = index ? "ours" : "theirs", told = trial[side];
        one.src = `/api/try/${trial.id}/${side}`;
        labels[index].textContent = told.label + (told.is_transcode && trial.kind === "map" ? " (shown as a transcode)" : "");
      });
      frameSeconds = trial.frame_seconds;
      sound.hidden = !trial.has_sound;
      mute(true);
      words.textContent = sayTrial(trial);
      split(50);
      dialog.showModal();
      play.focus();
      setSpeed();
      start();
      follow();
    },
    close() { dialog.close(); },
  };
}

/** Say in words what both clips are. */
export function sayTrial(trial) {
  const { ours, theirs } = trial;
  if (trial.kind === "result") return `Left: ${theirs.label}, ${bytes(theirs.bytes)}. Right: ${ours.label}, ${bytes(ours.bytes)}. Both are shown as fine transcodes.`;
  const sizes = `${bytes(theirs.bytes)} without the map, ${bytes(ours.bytes)} with it`;
  const percent = Math.round(Math.abs(trial.saving) * 100);
  const said = trial.match === "size"
    ? `Both are about as large (${sizes}); the map moves bits to what matters.`
    : `What matters is as good in both; ${sizes}: ${trial.saving >= 0 ? `${percent} % smaller` : `${percent} % larger`}.`;
  const shown = ours.is_transcode ? ` Browsers do not play ${format(ours.format)}: both are shown as fine H.264 transcodes, with what they lost.` : "";
  return `${said}${shown}${trial.map_words ? ` ${trial.map_words}` : ""}`;
}
