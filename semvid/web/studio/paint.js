/** Correcting maps: shapes that are painted over the frame, and follow what is inside. */
import { byId, el, isTyping, slider } from "./dom.js";

const TOOLS = [["look", "Look", "v"], ["brush", "Brush", "b"], ["box", "Rectangle", "r"], ["lasso", "Lasso", "l"], ["lock", "Lock on this", "k"]];
const POLL_MS = 500, MOST_POINTS = 400, LEAST_STEP = 0.004;
const HINTS = {
  look: "Is the map wrong somewhere? Choose a tool, then paint on the picture.",
  brush: "Paint over what is wrong.", box: "Draw a rectangle over what is wrong.", lasso: "Draw around what is wrong.", lock: "Click a thing: all of it is marked.",
};

export function setup(studio) {
  const panel = byId("edit"), status = el("p", { class: "small quiet", role: "status", id: "edit-state" });
  let tool = "look", matters = true, radius = 0.04, points = null, over = null, state = null, timer = 0;

  const canvas = el("canvas", { class: "paint", "aria-hidden": "true" });
  const button = (text, key, action) => el("button", { type: "button", class: "button", title: `${text} (${key})`, onclick: action }, text);
  const tools = radios("tool", "Tool", TOOLS.map(([value, name, key]) => [value, name, key]), tool, choose);
  const kinds = radios("matters", "What is inside", [["yes", "Matters"], ["no", "Does not matter"]], "yes", (value) => { matters = value === "yes"; });
  const size = slider({ id: "brush-size", label: "Width of the brush", min: 2, max: 40, step: 2, value: 200 * radius, say: (value) => `${value} % of the picture`, onchange: (value) => { radius = value / 200; } });
  const follows = el("input", { type: "checkbox", id: "follows", checked: true }), following = el("p", { class: "row" }, el("label", { for: "follows" }, follows, " Follow it when it moves"));
  const undo = button("Undo", "Z", () => send({ undo: true })), redo = button("Redo", "Shift+Z", () => send({ redo: true }));
  const clear = button("Clear all", "all edits", () => send({ clear: true }));
  panel.append(el("h2", {}, "Correct"), tools, kinds, size.row, following, el("p", { class: "row" }, undo, redo, clear), status);
  studio.stage.append(canvas);

  function radios(name, legend, values, chosen, onchange) {
    const set = el("fieldset", { class: "choices" }, el("legend", { class: "unseen" }, legend));
    for (const [value, text, key] of values) {
      set.append(el("label", { class: "choice", title: key ? `${text} (${key.toUpperCase()})` : text }, el("input", { type: "radio", name, value, checked: value === chosen, onchange: () => onchange(value) }), el("span", {}, text)));
    }
    return set;
  }

  function choose(value) {
    tool = value;
    points = null;
    canvas.classList.toggle("on", tool !== "look");
    // On a phone the tools are below the picture.
    const { top, bottom } = studio.stage.getBoundingClientRect();
    if (tool !== "look" && (bottom < 160 || top > innerHeight - 160)) studio.stage.scrollIntoView({ block: "center" });
    size.row.hidden = tool !== "brush";
    draw();
    tell();
  }

  function tell() {
    const isStill = studio.video?.kind === "still", hint = isStill && tool === "lock" ? "Click a thing: its outline in the map is taken." : HINTS[tool];
    let words = hint;
    following.hidden = isStill;
    if (state?.failure) words = state.failure;
    else if (state && !state.is_applied) words = state.waits ? "Followed once all maps are made." : `Being followed: ${state.followed} of ${state.total} frames. You can paint on.`;
    else if (state?.num_done) words = `${state.num_done === 1 ? "1 edit" : `${state.num_done} edits`}${isStill ? "" : ", until the next cut"}. ${hint}`;
    status.textContent = words;
    status.classList.toggle("bad", Boolean(state?.failure));
    undo.disabled = clear.disabled = !state?.num_done;
    redo.disabled = !state?.num_undone;
  }

  async function send(body) {
    if (!studio.video) return;
    try {
      state = await studio.post(studio.of("edits"), body);
      studio.refreshMaps();
      if (state.is_applied) studio.dispatchEvent(new Event("edited"));
      watch();
    } catch (error) {
      studio.tell(error.message, true);
    }
    tell();
  }

  /** Wait until what was corrected is in the maps; `say` is told how far that is, `isOver` ends it. */
  studio.whenFollowed = async (say, isOver) => {
    const { id } = studio.video;
    for (;;) {
      const seen = await studio.get(`/api/video/${id}/edits`);
      if (isOver() || seen.is_applied && !seen.failure) return;
      if (seen.failure) throw new Error(seen.failure);
      if (seen.waits && studio.maps?.is_stopped) throw new Error("The making of maps was stopped, and what you corrected is followed after it: press \"Go on\" under the picture");
      say(seen.waits ? "Waiting until all maps are made" : `Following what you corrected: ${seen.followed} of ${seen.total} frames`);
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
  };

  /** Look how far the edits were followed, and show what that changed. */
  function watch() {
    clearTimeout(timer);
    if (!state || state.is_applied || state.failure) return;
    const { id } = studio.video;
    timer = setTimeout(async () => {
      try {
        const seen = await studio.get(studio.of("edits"));
        if (studio.video.id !== id) return;
        state = seen;
        if (!seen.waits || seen.is_applied) studio.refreshMaps();
        if (seen.is_applied) studio.dispatchEvent(new Event("edited"));
      } catch (error) {
        studio.tell(error.message, true);
      }
      tell();
      watch();
    }, POLL_MS);
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map((one) => Math.round(one * 1e4) / 1e4);
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (tool === "look" || !studio.video || event.button) return;
    event.preventDefault();
    const point = place(event);
    if (tool === "lock") {
      send({ lock: { frame: studio.frame, point: point.map((one) => Math.min(Math.max(one, 0), 1)), matters } });
      return;
    }
    canvas.setPointerCapture(event.pointerId);
    points = [point];
    draw();
  });
  canvas.addEventListener("pointerleave", () => { over = null; draw(); });
  canvas.addEventListener("pointermove", (event) => {
    over = place(event);
    if (!points) { draw(); return; }
    const point = place(event), last = points.at(-1);
    if (tool === "box") points[1] = point;
    else if (points.length < MOST_POINTS && Math.hypot(point[0] - last[0], point[1] - last[1]) >= LEAST_STEP) points.push(point);
    draw();
  });
  canvas.addEventListener("pointercancel", () => { points = null; draw(); });
  canvas.addEventListener("pointerup", () => {
    if (!points) return;
    const shape = shapeOf(tool, points, radius);
    points = null;
    draw();
    if (shape) send({ add: { frame: studio.frame, shape, matters, follows: follows.checked } });
  });

  /** Draw what is being painted. */
  function draw() {
    const box = canvas.getBoundingClientRect(), scale = Math.min(devicePixelRatio, 2);
    Object.assign(canvas, { width: Math.max(box.width * scale, 1), height: Math.max(box.height * scale, 1) });
    const context = canvas.getContext("2d"), { width, height } = canvas;
    if (!points) {
      if (tool !== "brush" || !over) return;
      // What a click would paint.
      context.lineWidth = 2 * scale;
      context.strokeStyle = matters ? "rgb(255 190 60)" : "rgb(70 150 255)";
      context.arc(over[0] * width, over[1] * height, radius * width, 0, 2 * Math.PI);
      context.stroke();
      return;
    }
    context.strokeStyle = context.fillStyle = matters ? "rgb(255 190 60 / .75)" : "rgb(70 150 255 / .75)";
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = tool === "brush" ? 2 * radius * width : 2 * scale;
    context.beginPath();
    const corners = tool === "box" && points[1] ? boxOf(points) : points;
    corners.forEach(([x, y]) => context.lineTo(x * width, y * height));
    if (corners.length === 1) context.lineTo(corners[0][0] * width + 0.1, corners[0][1] * height);
    if (tool !== "brush") context.closePath();
    context.stroke();
  }

  studio.addEventListener("video", async () => {
    clearTimeout(timer);
    [state, points] = [null, null];
    const { id } = studio.video;
    try {
      const seen = await studio.get(studio.of("edits"));
      if (studio.video.id !== id) return;
      state = seen;
    } catch (error) {
      studio.tell(error.message, true);
    }
    tell();
    watch();
  });
  studio.addEventListener("settings", () => { if (studio.video && state?.num_done) { state.is_applied = false; watch(); } });
  addEventListener("keydown", (event) => {
    if (!studio.video || isTyping(event)) return;
    const key = event.key.toLowerCase(), found = TOOLS.find((one) => one[2] === key);
    if (key === "escape") { points = null; check("look"); }
    else if (key === "z") (event.shiftKey ? redo : undo).click();
    else if (found) check(found[0]);
  });
  function check(value) { tools.querySelector(`input[value=${value}]`).click(); }
  choose(tool);
}

/** The corners of a rectangle, by two that are opposite. */
function boxOf([[left, top], [right, bottom]]) {
  return [[left, top], [right, top], [right, bottom], [left, bottom]];
}

/** What the server is sent; null = too little was painted. */
function shapeOf(tool, points, radius) {
  const inside = points.map((point) => point.map((one) => Math.min(Math.max(one, -1), 2)));
  if (tool === "brush") return { points: inside, radius };
  if (tool === "box") return inside.length > 1 ? { points: boxOf(inside) } : null;
  return inside.length > 2 ? { points: inside } : null;
}
