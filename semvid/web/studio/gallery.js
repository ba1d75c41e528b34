/** The photographs that are chosen: a strip of them, which one is looked at, and what came of each. */
import { byId, bytes, el, isTyping } from "./dom.js";

const EDGE = 320, ROOM = 40;
const WORDS = { waiting: "waits", running: "encoding", failed: "failed", cancelled: "cancelled", skipped: "skipped" };

/** Whether a photograph is open, not a video. */
export const isStill = (studio) => studio.video?.kind === "still";

export function setup(studio) {
  const strip = el("ul", { class: "thumbs", "aria-label": "Photographs" });
  const count = el("p", { class: "small quiet", role: "status" });
  const button = (text, id, act) => el("button", { type: "button", class: "button", id, onclick: act }, text);
  const out = button("Take out", "still-out", () => takeOut([studio.video.id]));
  const none = button("Take out all", "still-out-all", () => takeOut(studio.stills.map((one) => one.id)));
  out.title = "Choose it no longer; the file stays (Delete)";
  const get = el("a", { class: "button", id: "still-get", download: "" }, "Download result"), drop = button("Delete result", "still-delete", remove);
  const said = el("p", { class: "small", id: "still-result" });
  byId("see").append(el("div", { class: "gallery" }, el("div", { class: "gallery-head" }, count, el("div", { class: "buttons" }, out, none)), strip, said, el("div", { class: "buttons" }, get, drop)));

  /** Those that are chosen: {id, name, path, is_edited}. */
  studio.stills = [];
  let isSure = false;

  /** The newest job of a photograph; undefined = it was never encoded. */
  studio.jobOf = (still) => studio.jobs?.findLast((one) => one.is_picture && one.is_ours && one.source === still.path);

  async function refresh() {
    try { take(await studio.get("/api/stills")); } catch (error) { studio.tell(error.message, true); }
  }

  function take({ stills }) {
    const before = studio.stills.map((one) => one.id).join();
    studio.stills = stills;
    if (stills.map((one) => one.id).join() !== before) strip.replaceChildren(...stills.map(thumb));
    tell();
    studio.dispatchEvent(new Event("stills"));
  }

  function thumb(still) {
    const picture = el("img", { src: `/api/still/${still.id}/frame/0?edge=${EDGE}`, alt: "", loading: "lazy", fetchpriority: "low", draggable: "false" });
    picture.addEventListener("error", () => { one.classList.add("broken"); tell(); });
    const one = el("button", { type: "button", class: "thumb", title: still.name, "data-id": still.id, onclick: () => open(still) },
      picture, el("span", { class: "thumb-name" }, still.name), el("span", { class: "badge" }));
    return el("li", {}, one);
  }

  async function open(still, isFocused = true) {
    try {
      studio.openVideo(await studio.post("/api/open", { path: still.path }));
      const one = thumbOf(still.id);
      if (isFocused) one?.focus({ preventScroll: true });
    } catch (error) {
      studio.tell(error.message, true);
      // What cannot be opened is chosen no longer.
      refresh();
    }
  }

  const thumbOf = (id) => strip.querySelector(`[data-id="${id}"]`);

  function tell() {
    if (!isStill(studio)) return;
    const here = studio.stills.findIndex((one) => one.id === studio.video.id);
    count.textContent = studio.stills.length > 1 ? `Photograph ${here + 1} of ${studio.stills.length}` : "1 photograph";
    none.hidden = studio.stills.length < 2;
    for (const still of studio.stills) {
      const one = thumbOf(still.id), job = studio.jobOf(still), badge = one.querySelector(".badge");
      if (still.id === studio.video.id) one.setAttribute("aria-current", "true"); else one.removeAttribute("aria-current");
      const isBroken = one.classList.contains("broken");
      badge.className = `badge ${isBroken ? "failed" : job?.state ?? ""}`;
      badge.textContent = isBroken ? "cannot be read" : !job ? "" : job.state === "done" ? (job.is_there ? bytes(job.output_bytes) : "") : WORDS[job.state];
    }
    const job = studio.jobOf(studio.video), isThere = job?.state === "done" && job.is_there;
    get.hidden = drop.hidden = !isThere;
    if (isThere) get.href = `/api/queue/${job.id}/output`;
    drop.textContent = isSure ? "Yes, delete it" : "Delete result";
    said.hidden = !job;
    said.classList.toggle("bad", job?.state === "failed");
    if (job) said.textContent = job.state === "failed" ? job.reason.replaceAll("`", "") : isThere ? `${job.output}: ${bytes(job.source_bytes)} \u2192 ${bytes(job.output_bytes)}` : job.state === "done" ? `${job.output} is not there any more.` : `It ${job.state === "waiting" ? "waits in the queue" : `is ${WORDS[job.state]}`}.`;
  }

  async function takeOut(ids) {
    const here = studio.stills.findIndex((one) => one.id === studio.video.id);
    try {
      take(await studio.post("/api/stills/take-out", { stills: ids }));
      const next = studio.stills[Math.min(here, studio.stills.length - 1)];
      if (next) open(next);
      else studio.closeVideo();
    } catch (error) { studio.tell(error.message, true); }
  }

  async function remove() {
    if (!isSure) {
      isSure = true;
      setTimeout(() => { isSure = false; tell(); }, 5000);
    } else {
      isSure = false;
      try { await studio.post(`/api/queue/${studio.jobOf(studio.video).id}/delete`, { with_output: true }); } catch (error) { studio.tell(error.message, true); }
      studio.dispatchEvent(new Event("queued"));
    }
    tell();
  }

  studio.addEventListener("video", () => {
    isSure = false;
    if (!isStill(studio)) return;
    refresh().then(() => {
      const one = thumbOf(studio.video.id);
      // Only the strip moves, not the page.
      if (one) strip.scrollLeft = Math.min(Math.max(strip.scrollLeft, one.offsetLeft + one.offsetWidth - strip.clientWidth + ROOM), one.offsetLeft - ROOM);
    });
  });
  studio.addEventListener("jobs", tell);
  addEventListener("keydown", (event) => {
    if (!isStill(studio) || isTyping(event) || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input[type=radio], input[type=range], summary")) return;
    const here = studio.stills.findIndex((one) => one.id === studio.video.id), last = studio.stills.length - 1;
    const to = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: last }[event.key];
    if (event.key === "Delete") takeOut([studio.video.id]);
    else if (to === undefined || to === here || !studio.stills[to]) return;
    else open(studio.stills[to], strip.contains(document.activeElement));
    event.preventDefault();
  });
}
