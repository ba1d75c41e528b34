/** The scrubber, its filmstrip of maps, and how far the maps are. */
import { draw, readMap } from "./colours.js";
import { byId, clock, el, fill, isTyping } from "./dom.js";

const CELL = 104, HIGH = 56, THUMB = 160;

export function setup(studio) {
  const film = el("canvas", { class: "film", height: HIGH, "aria-hidden": "true" });
  const made = el("div", { class: "made", "aria-hidden": "true" }, el("i"));
  const head = el("div", { class: "head", "aria-hidden": "true" });
  const range = el("input", { type: "range", id: "scrubber", min: 0, max: 0, step: 1, value: 0, "aria-label": "Frame", oninput: () => { stop(); studio.seek(Number(range.value)); } });
  const time = el("output", { for: "scrubber", class: "time" });
  const back = button("\u2039", "One frame back", () => step(-1)), on = button("\u203a", "One frame on", () => step(1));
  const play = button("\u25b6", "Play", () => (timer ? stop() : start()));
  const state = el("p", { class: "small quiet making", role: "status" });
  const halt = el("button", { type: "button", class: "link small", hidden: true, onclick: toggle });
  byId("see").querySelector(".viewer").after(
    el("div", { class: "strip" },
      el("div", { class: "film-box" }, film, head, made),
      el("div", { class: "controls" }, back, play, on, range, time),
      el("div", { class: "progress-line" }, state, halt),
    ),
  );

  function button(sign, name, act) {
    return el("button", { type: "button", class: "button sign", "aria-label": name, title: name, onclick: act }, sign);
  }

  // Moving about.

  let timer = 0, began = 0, beganAt = 0;
  const rate = () => studio.video.fps || 25;
  function step(count) { stop(); studio.seek(studio.frame + count); }
  function start() {
    if (studio.frame >= studio.video.num_frames - 1) studio.seek(0);
    began = performance.now();
    beganAt = studio.frame;
    timer = setInterval(() => {
      studio.seek(beganAt + (performance.now() - began) / 1000 * rate());
      if (studio.frame >= studio.video.num_frames - 1) stop();
    }, 1000 / Math.min(rate(), 30));
    name("\u275a\u275a", "Stop playing");
  }
  function stop() {
    clearInterval(timer);
    timer = 0;
    name("\u25b6", "Play");
  }
  function name(sign, words) {
    play.textContent = sign;
    play.title = words;
    play.setAttribute("aria-label", words);
  }

  addEventListener("keydown", (event) => {
    if (!studio.video || studio.video.kind === "still" || isTyping(event) || event.target === range && event.key.startsWith("Arrow") && !event.shiftKey) return;
    const isButton = event.target.closest?.("button, summary, [role=switch], input[type=radio], input[type=range]:not(#scrubber)");
    const moves = {
      ArrowLeft: () => step(event.shiftKey ? -rate() : -1), ArrowRight: () => step(event.shiftKey ? rate() : 1),
      Home: () => step(-Infinity), End: () => step(Infinity), " ": () => (timer ? stop() : start()),
    };
    if (!moves[event.key] || isButton) return;
    event.preventDefault();
    moves[event.key]();
  });

  const toFrame = (event) => {
    const box = film.getBoundingClientRect();
    return (event.clientX - box.left) / box.width * (studio.video.num_frames - 1);
  };
  film.addEventListener("pointerdown", (event) => { stop(); film.setPointerCapture(event.pointerId); studio.seek(toFrame(event)); });
  film.addEventListener("pointermove", (event) => { if (film.hasPointerCapture(event.pointerId)) studio.seek(toFrame(event)); });

  // The filmstrip.

  let cells = [], isFilling = false, isToFillAgain = false;
  const scratch = document.createElement("canvas");

  function lay() {
    if (!studio.video || !film.clientWidth) return;
    const scale = Math.min(devicePixelRatio, 2), count = Math.max(Math.round(film.clientWidth / CELL), 3);
    film.width = Math.round(film.clientWidth * scale);
    film.height = Math.round(HIGH * scale);
    const { num_frames: frames } = studio.video, old = cells;
    cells = Array.from({ length: count }, (_, place) => {
      const index = Math.min(Math.floor((place + 0.5) / count * frames), frames - 1);
      return old.find((one) => one.index === index) ?? { index, picture: null, map: null, kind: "none" };
    });
    cells.forEach(paint);
    fillUp();
  }

  function paint(cell, place) {
    if (!cell.picture) return;
    const context = film.getContext("2d"), left = Math.round(place / cells.length * film.width), right = Math.round((place + 1) / cells.length * film.width);
    Object.assign(scratch, { width: cell.picture.width, height: cell.picture.height });
    draw(scratch, cell.picture, cell.map, "heat");
    // Cut to the cell, so that nothing is squeezed.
    const across = right - left, scale = Math.max(across / scratch.width, film.height / scratch.height);
    const width = across / scale, height = film.height / scale;
    context.drawImage(scratch, (scratch.width - width) / 2, (scratch.height - height) / 2, width, height, left, 0, across - 2, film.height);
  }

  const lacksMap = (cell) => cell.kind !== "exact" && (cell.kind === "none" || studio.maps?.is_done || cell.index < (studio.maps?.made ?? 0));

  /** Load what cells lack, one after the other, so that the frame that is looked at comes first. */
  async function fillUp() {
    if (!studio.maps) return;
    // More came while cells were filled that lacked it.
    isToFillAgain = isFilling;
    if (isFilling) return;
    isFilling = true;
    const { id } = studio.video, now = cells;
    const near = Math.floor(studio.video.num_frames / cells.length / 2);
    try {
      for (const [place, cell] of now.entries()) {
        if (studio.video.id !== id || cells !== now) break;
        const lacked = !cell.picture;
        if (lacked) {
          const answer = await fetch(`${studio.of(`frame/${cell.index}`)}?width=${THUMB}&near=${near}`);
          if (answer.ok) cell.picture = await createImageBitmap(await answer.blob());
        }
        if (lacksMap(cell)) {
          const answer = await fetch(`${studio.of(`map/${cell.index}`)}?made=1`);
          if (answer.status === 200) Object.assign(cell, { map: await readMap(await answer.blob()), kind: answer.headers.get("X-Map") });
        } else if (!lacked) continue;
        if (cells === now) paint(cell, place);
      }
    } catch (error) {
      studio.tell(error.message, true);
    }
    isFilling = false;
    if (cells !== now || isToFillAgain) fillUp();
  }

  /** The small picture nearest to a frame; null = there is none yet. */
  studio.thumb = (index) => {
    const there = cells.filter((one) => one.picture);
    const nearest = there.sort((one, other) => Math.abs(one.index - index) - Math.abs(other.index - index))[0];
    return nearest?.picture ?? null;
  };

  // How far the maps are.

  async function toggle() {
    try {
      await studio.post(studio.of("maps"), { go_on: studio.maps.is_stopped });
      studio.watchMaps();
    } catch (error) {
      studio.tell(error.message, true);
    }
  }

  function tellMaps() {
    const { made: count, total, is_done: isDone, is_stopped: isStopped, failure } = studio.maps;
    made.firstChild.style.width = `${100 * (isDone ? 1 : count / total)}%`;
    made.classList.toggle("done", isDone);
    state.classList.toggle("bad", Boolean(failure));
    state.textContent = failure || (isDone ? `All ${total} maps are made.` : isStopped ? `Stopped at ${count} of ${total} maps.` : count ? `${count} of ${total} maps` : "A first look at the video");
    halt.hidden = isDone || Boolean(failure);
    halt.textContent = isStopped ? "Go on" : "Stop";
  }

  studio.addEventListener("video", () => {
    stop();
    cells = [];
    film.getContext("2d").clearRect(0, 0, film.width, film.height);
    range.max = studio.video.num_frames - 1;
    state.textContent = "";
    lay();
  });
  studio.addEventListener("frame", () => {
    range.value = studio.frame;
    const { num_frames: count, duration } = studio.video, seconds = studio.frame / count * duration;
    time.textContent = `${clock(seconds)} / ${clock(duration)}`;
    range.setAttribute("aria-valuetext", `frame ${studio.frame + 1} of ${count}, ${clock(seconds)}`);
    time.title = `Frame ${studio.frame + 1} of ${count}`;
    head.style.left = `${100 * (count > 1 ? studio.frame / (count - 1) : 0)}%`;
    fill(range);
  });
  studio.addEventListener("maps", () => { tellMaps(); fillUp(); });
  studio.addEventListener("settings", () => { for (const one of cells) one.kind = "none"; });
  studio.addEventListener("edited", () => { for (const one of cells) one.kind = "none"; fillUp(); });
  new ResizeObserver(lay).observe(film);
}
