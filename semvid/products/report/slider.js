"use strict";

/**
 * A picture in two versions, and a border between them to move.
 * lefts: [[key of a still, label], ...], what the left side may show; labelled in words by `named(key)`.
 * say: (still, left) -> what stands below; describe: still -> what an alternative text calls it.
 * Returns what to put on the page, and a function that shows another still: its pictures by key.
 */
function sliderView({ width, height, lefts, named, say, describe }, first) {
  const image = (name) => el("img", { class: name, alt: "", width, height, draggable: "false" });
  const under = image("under"), over = image("over"), heat = image("heat");
  const left = el("span", { class: "tag left" }), right = el("span", { class: "tag right" }, "semvid");
  const slider = el("input", { type: "range", min: 0, max: 100, step: 1, value: 50, id: "split",
    "aria-label": "Border between the left picture and semvid's, in percent from the left" });
  const zoomed = el("div", { class: "zoomed" }, under, over, heat);
  const stage = el("div", { class: "stage" }, zoomed, left, right,
    el("div", { class: "divider" }, el("div", { class: "handle" })), slider);
  stage.style.aspectRatio = `${width} / ${height}`;
  // A small picture is not enlarged, but for what a hand can move the border on.
  stage.style.width = `min(100%, ${(78 * width) / height}vh, ${Math.max(width, 320)}px)`;
  const caption = el("figcaption", { "aria-live": "polite" });
  const state = { still: first, left: lefts[0][0], heat: false, zoom: 1 };

  const place = () => {
    stage.style.setProperty("--split", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${100 - Math.round(slider.value)} % semvid`);
  };
  const show = (still = state.still) => {
    state.still = still;
    under.src = still[state.left];
    over.src = still.semvid;
    heat.src = still.heat;
    heat.hidden = !state.heat;
    left.textContent = lefts.find(([key]) => key === state.left)[1].toLowerCase();
    under.alt = `${named(state.left)}, ${describe(still)}`;
    over.alt = `${named("semvid")}, ${describe(still)}`;
    heat.alt = "Map of importance: bright matters";
    zoomed.style.transform = state.zoom === 1 ? "none" : `scale(${state.zoom})`;
    caption.replaceChildren(...say(still, state.left));
  };
  const toggle = el("button", { type: "button", class: "button", id: "heat", "aria-pressed": "false", onclick: () => {
    state.heat = !state.heat;
    toggle.setAttribute("aria-pressed", state.heat);
    show();
  } }, "Map");

  // The input below takes keys and speaks to screen readers; the whole picture takes mouse and touch.
  const follow = (event) => {
    const box = stage.getBoundingClientRect();
    const across = (event.clientX - box.left) / box.width, down = (event.clientY - box.top) / box.height;
    slider.value = Math.min(Math.max(100 * across, 0), 100);
    stage.style.setProperty("--height", `${Math.min(Math.max(100 * down, 0), 100)}%`);
    place();
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    stage.setPointerCapture(event.pointerId);
    slider.focus({ preventScroll: true, focusVisible: false });
    follow(event);
  });
  stage.addEventListener("pointermove", (event) => { if (stage.hasPointerCapture(event.pointerId)) follow(event); });
  slider.addEventListener("input", place);

  const controls = el("div", { class: "controls" },
    choices("Left", "left", lefts, state.left, (value) => { state.left = value; show(); }),
    choices("Zoom", "zoom", [["1", "Fit"], ["2", "2\u00d7"], ["4", "4\u00d7"]], "1", (value) => { state.zoom = Number(value); show(); }),
    toggle);
  place();
  show();
  return { parts: [el("figure", { class: "viewer" }, stage, caption), controls], show };
}

/** A part of a picture, enlarged: cells are [[key, label], ...]; `about` stands below how much is gained. */
function closeUp(one, cells, { where, about, width, height }) {
  const names = { best: "Best", worst: "Worst" };
  const cell = ([name, label]) => el("figure", { class: `cell ${name}` },
    el("img", { src: one[name], alt: `${label}, enlarged`, width: one.width, height: one.height }), el("figcaption", {}, label));
  const article = el("article", { class: "closeup" },
    el("div", { class: "head" },
      el("img", { src: one.where, alt: where, width, height }),
      el("div", {},
        el("h3", {}, `${names[one.kind]}: `, el("span", { class: sense(one.gain_db, 1) }, `${signed(one.gain_db, 1)}\u00a0dB`)),
        el("p", {}, about))),
    el("div", { class: "row" }, ...cells.map(cell)));
  for (const image of article.querySelectorAll("img")) image.style.height = "auto";
  return article;
}
