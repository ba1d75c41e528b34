/** Begins the page: the state that all modules share, and the modules. */
import * as folder from "./folder.js";
import * as viewer from "./viewer.js";
import * as strip from "./strip.js";

// Each exports setup(studio). The order is that of the page.
const MODULES = [folder, viewer, strip];
const PATIENCE_MS = 30000;

/**
 * What modules share. Events, each told after the property of its name was changed:
 * "video" (another one, or its description), "frame" (its index), "maps" (how far they are), "settings".
 */
class Studio extends EventTarget {
  /** As /api/open describes it; null = none is open. */
  video = null;
  /** Index of the frame that is looked at. */
  frame = 0;
  /** As /api/video/ID/maps says: {made, total, is_done, failure, classes, cuts}. */
  maps = null;
  /** {focus: {class: weight}, strength, background, model}. */
  settings = { focus: {}, strength: 1, background: 0.28, model: "msroi" };

  get(path) { return this.#ask(path, {}); }

  post(path, body) {
    return this.#ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  }

  /** Address of something of the open video, as in of("maps"). */
  of(what) { return `/api/video/${this.video.id}/${what}`; }

  /** Change a property and tell it. */
  set(name, value) {
    this[name] = value;
    this.dispatchEvent(new Event(name));
  }

  openVideo(video) {
    this.frame = 0;
    this.maps = null;
    this.set("video", video);
    this.set("frame", 0);
  }

  /** Look at another frame; beyond the ends it is the last one there. */
  seek(index) {
    const last = this.video ? this.video.num_frames - 1 : 0;
    const wanted = Math.min(Math.max(Math.round(index), 0), last);
    if (wanted !== this.frame) this.set("frame", wanted);
  }

  /** Say something to the user: what failed, or what was done. */
  tell(words, isBad = false) {
    const state = document.getElementById("state");
    state.textContent = words;
    state.classList.toggle("bad", isBad);
  }

  async #ask(path, options) {
    let answer;
    try {
      answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS), ...options });
    } catch {
      throw new Error("semvid does not answer; see the terminal it was started in");
    }
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.error);
    return said;
  }
}

function setUpTheme() {
  const root = document.documentElement, button = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const name = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  button.setAttribute("aria-label", "Change between light and dark");
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; name(); });
  dark.addEventListener("change", name);
  name();
}

setUpTheme();
const studio = new Studio();
for (const one of MODULES) one.setup(studio);
