/** Begins the page: the state that all modules share, and the modules. */
import { byId } from "./dom.js";
import * as folder from "./folder.js";
import * as viewer from "./viewer.js";
import * as strip from "./strip.js";
import * as settings from "./settings.js";
import * as paint from "./paint.js";
import * as trying from "./try.js";
import * as gallery from "./gallery.js";
import * as stills from "./stills.js";
import * as queue from "./queue.js";

// Each exports setup(studio). The order is that of the page.
const MODULES = [folder, viewer, strip, settings, paint, trying, gallery, stills, queue];
const PATIENCE_MS = 30000, POLL_MS = 400, FIRST_POLL_MS = 120;

/**
 * What modules share. Events, each told after the property of its name was changed:
 * "video" (another one, or its description), "frame" (its index), "maps" (how far they are), "settings",
 * "jobs" (the queue's), "stills" (photographs that are chosen). Besides "queued" (look at the queue), "closed",
 * "edited" (what was corrected was followed).
 */
class Studio extends EventTarget {
  /** As /api/open describes it: a video, or a photograph, whose kind is "still"; null = none is open. */
  video = null;
  /** Index of the frame that is looked at. */
  frame = 0;
  /** As /api/video/ID/maps says: {made, total, is_done, is_stopped, failure, classes, cuts, sidecar}. */
  maps = null;
  /** {focus: {class: weight}, strength, background, model}. */
  settings = null;
  #timer = 0;

  get(path) { return this.#ask(path, {}); }

  post(path, body) {
    return this.#ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  }

  /** Address of something of the open video or photograph, as in of("maps"). */
  of(what) { return `/api/${this.video.kind ?? "video"}/${this.video.id}/${what}`; }

  /** Change a property and tell it. */
  set(name, value) {
    this[name] = value;
    this.dispatchEvent(new Event(name));
  }

  openVideo(video) {
    document.body.dataset.step = "see";
    document.body.dataset.kind = video.kind ?? "video";
    byId("see").hidden = byId("panels").hidden = false;
    document.title = `${video.name} \u2013 semvid studio`;
    // The page finds it again when it is loaded again.
    history.replaceState(null, "", `#${encodeURIComponent(video.path)}`);
    this.frame = 0;
    this.maps = null;
    this.tell("");
    this.set("video", video);
    this.set("settings", video.settings);
    this.set("frame", 0);
    this.watchMaps();
  }

  /** Go back to where one is chosen. */
  closeVideo() {
    clearTimeout(this.#timer);
    document.body.dataset.step = "choose";
    byId("see").hidden = byId("panels").hidden = true;
    document.title = "semvid studio";
    history.replaceState(null, "", location.pathname);
    this.dispatchEvent(new Event("closed"));
  }

  /** Look at another frame; beyond the ends it is the last one there. */
  seek(index) {
    const last = this.video ? this.video.num_frames - 1 : 0;
    const wanted = Math.min(Math.max(Math.round(index), 0), last);
    if (wanted !== this.frame) this.set("frame", wanted);
  }

  /** Say something to the user: what failed, or what was done. */
  tell(words, isBad = false) {
    const state = byId("state");
    state.textContent = state.title = words;
    state.classList.toggle("bad", isBad);
  }

  /** Ask how far the maps are until they are done; call it when they begin anew. */
  async watchMaps(wait = FIRST_POLL_MS) {
    clearTimeout(this.#timer);
    const { id } = this.video;
    try {
      const maps = await this.get(this.of("maps"));
      if (this.video.id !== id) return;
      this.set("maps", maps);
      if (maps.is_done || maps.is_stopped || maps.failure) return;
    } catch (error) {
      this.tell(error.message, true);
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.watchMaps(POLL_MS), wait);
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

const studio = new Studio();
for (const one of MODULES) one.setup(studio);
