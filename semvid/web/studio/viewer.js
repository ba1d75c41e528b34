/** The frame that is looked at, and its map over it. */
import { INFERNO, draw, readMap } from "./colours.js";
import { byId, bytes, el, format, isTyping } from "./dom.js";

const VIEWS = [["heat", "Heat map"], ["outline", "Outline"], ["dim", "Dimmed"], ["picture", "Picture"]];
const MOST_FRAMES = 24, MOST_MAPS = 240, LARGEST = 1280, STEP = 320;

export function setup(studio) {
  const canvas = el("canvas", { id: "canvas", width: 16, height: 9, role: "img", "aria-label": "Frame with its map" });
  const caption = el("p", { class: "small map-kind", role: "status" });
  const stage = el("div", { id: "stage", class: "stage" }, canvas, caption);
  const legend = el("canvas", { width: 256, height: 1, class: "ramp", "aria-hidden": "true" });
  const facts = el("p", { class: "small quiet facts" });
  const choices = el("fieldset", { class: "choices", id: "views" }, el("legend", { class: "unseen" }, "View"));
  for (const [value, name] of VIEWS) {
    choices.append(el("label", { class: "choice" }, el("input", { type: "radio", name: "view", value, checked: value === "heat", onchange: () => { view = value; show(); } }), el("span", {}, name)));
  }
  const key = el("div", { class: "legend small" }, el("span", {}, "does not matter"), legend, el("span", {}, "matters"));
  byId("see").append(el("figure", { class: "viewer" }, stage, el("div", { class: "under" }, choices, key)), facts);
  drawRamp(legend);

  let view = "heat", wanted = 0;
  const frames = new Map(), maps = new Map();
  /** For modules that draw over the frame: the picture fills this element exactly. */
  studio.stage = stage;
  /** Forget maps, as when edits changed them; then look again. */
  studio.refreshMaps = () => { maps.clear(); load(); };

  const width = () => Math.min(Math.ceil(stage.clientWidth * Math.min(devicePixelRatio, 2) / STEP) * STEP || STEP, LARGEST, studio.video.width);

  async function frameAt(index) {
    const answer = await fetch(`${studio.of(`frame/${index}`)}?width=${width()}`);
    if (!answer.ok) throw new Error((await answer.json()).error);
    return createImageBitmap(await answer.blob());
  }

  async function mapAt(index) {
    const answer = await fetch(studio.of(`map/${index}`));
    if (answer.status === 204) return { kind: "none" };
    if (!answer.ok) throw new Error((await answer.json()).error);
    return { ...(await readMap(await answer.blob())), kind: answer.headers.get("X-Map") };
  }

  /** Make a function that gets what the wanted frame lacks; wanted frames come and go, and the last one counts. */
  function loader(cache, most, isThere, get) {
    let isLoading = false, isAgain = false;
    return async () => {
      isAgain = true;
      if (isLoading) return;
      isLoading = true;
      while (isAgain) {
        isAgain = false;
        const index = wanted, { id } = studio.video;
        if (isThere(index)) continue;
        try {
          keep(cache, index, await get(index), id, most);
          show();
        } catch (error) {
          if (studio.video.id === id) studio.tell(error.message, true);
        }
      }
      isLoading = false;
    };
  }

  // A map is there long before its frame is decoded.
  const loadMap = loader(maps, MOST_MAPS, (index) => maps.has(index) && !isStale(index), mapAt);
  const loadFrame = loader(frames, MOST_FRAMES, (index) => frames.has(index), frameAt);
  function load() {
    loadMap();
    loadFrame();
  }

  function keep(cache, index, value, id, most) {
    if (studio.video.id !== id) return;
    cache.set(index, value);
    if (cache.size > most) cache.delete(cache.keys().next().value);
  }

  /** A quick look is worth less once the exact map is there. */
  const isStale = (index) => maps.get(index)?.kind !== "exact" && studio.maps && (studio.maps.is_done || index < studio.maps.made);

  function show() {
    const map = maps.get(wanted);
    // Until a frame is decoded, its map is seen over one nearby.
    const frame = frames.get(wanted) ?? (map ? studio.thumb?.(wanted) : null);
    if (!frame) return;
    if (frames.has(wanted) && (canvas.width !== frame.width || canvas.height !== frame.height)) Object.assign(canvas, { width: frame.width, height: frame.height });
    draw(canvas, frame, map?.grey ? map : null, view);
    key.classList.toggle("off", view !== "heat");
    canvas.dataset.map = map?.kind ?? "none";
    canvas.dataset.frame = wanted;
    canvas.dataset.picture = frames.has(wanted) ? "own" : "near";
    caption.textContent = view === "picture" ? "" : { exact: "", quick: "A quick look; the exact map follows.", none: "There is no map of this frame yet." }[map?.kind ?? "quick"];
  }

  studio.addEventListener("video", () => {
    frames.clear();
    maps.clear();
    const { name, width: across, height, fps, codec, bytes: size, num_frames: count } = studio.video;
    stage.style.aspectRatio = `${across} / ${height}`;
    stage.style.setProperty("--ratio", across / height);
    facts.replaceChildren(el("strong", {}, name), ` ${across}\u00d7${height}, ${format(codec)}${fps ? `, ${Number(fps.toFixed(2))} frames a second` : ""}${studio.video.kind === "still" ? "" : `, ${count} frames`}, ${bytes(size)}`);
  });
  studio.addEventListener("frame", () => { wanted = studio.frame; if (frames.has(wanted)) show(); load(); });
  studio.addEventListener("maps", () => { if (isStale(wanted)) load(); });
  studio.addEventListener("settings", () => { if (studio.video) { maps.clear(); load(); } });
  addEventListener("keydown", (event) => {
    const chosen = VIEWS[Number(event.key) - 1];
    if (!studio.video || isTyping(event) || !chosen) return;
    choices.querySelector(`input[value=${chosen[0]}]`).click();
  });
}

function drawRamp(canvas) {
  const context = canvas.getContext("2d"), image = context.createImageData(256, 1);
  INFERNO.forEach((colour, level) => image.data.set([...colour, 255], 4 * level));
  context.putImageData(image, 0, 0);
}
