"use strict";

/**
 * A picture in two versions, and a border between them to move.
 * lefts: [[key of a still, label], ...], what the left side may show; labelled in words by `named(key)`.
 * tour: left -> [{ still, spot }, ...], where a difference is seen, the strongest first.
 * say: (still, left, spot) -> what stands below; spot is null unless the picture is enlarged at one.
 * describe: still -> what an alternative text calls it; onstill: called with each still that is shown.
 * Returns what to put on the page, and a function that shows another still: its pictures by key.
 */
function sliderView({ width, height, lefts, named, tour, say, describe, onstill = () => {} }, first) {
  const image = (name) => el("img", { class: name, alt: "", width, height, draggable: "false" });
  const under = image("under"), over = image("over"), heat = image("heat");
  const below = el("div", { class: "layer" }, under), above = el("div", { class: "layer above" }, over);
  const outlines = el("div", { class: "layer" });
  const left = el("span", { class: "tag left" }), right = el("span", { class: "tag right" }, "semvid");
  const slider = el("input", { type: "range", min: 0, max: 100, step: 1, value: 50, id: "split",
    "aria-label": "Border between the left picture and semvid's, in percent from the left" });
  const zoomed = el("div", { class: "zoomed" }, below, above, heat);
  const stage = el("div", { class: "stage" }, zoomed, outlines, left, right,
    el("div", { class: "divider" }, el("div", { class: "handle" })), slider);
  stage.style.aspectRatio = `${width} / ${height}`;
  // A small picture is not enlarged, but for what a hand can move the border on.
  stage.style.width = `min(100%, ${(78 * width) / height}vh, ${Math.max(width, 320)}px)`;
  const caption = el("figcaption", { "aria-live": "polite" });
  const state = { still: first, left: lefts[0][0], heat: false, zoom: 1, spot: null, down: 50 };

  /** Put a node where a box of the picture is, enlarged and moved by shares of the whole. */
  const boxed = (node, [x, y, across, down], [scale, left, top] = [1, 0, 0]) => {
    const percent = (share) => `${100 * share}%`;
    Object.assign(node.style, { left: percent((scale * x) / width + left), top: percent((scale * y) / height + top),
      width: percent((scale * across) / width), height: percent((scale * down) / height) });
    return node;
  };
  /** How much the picture is enlarged, and where its upper left corner lies then, in shares of the stage. */
  const placed = () => {
    if (state.spot) {
      const [x, y, across, down] = state.spot.view, scale = Math.min(width / across, height / down);
      return [scale, (-scale * x) / width, (-scale * y) / height];
    }
    // What the border points at stays where it is.
    return [state.zoom, ((1 - state.zoom) * slider.value) / 100, ((1 - state.zoom) * state.down) / 100];
  };
  const outlined = () => (state.spot ? [state.spot]
    : tour(state.left).filter((one) => one.still === state.still).map((one) => one.spot));
  const place = () => {
    const [scale, x, y] = placed();
    zoomed.style.transform = scale === 1 ? "none" : `translate(${100 * x}%, ${100 * y}%) scale(${scale})`;
    stage.style.setProperty("--split", `${slider.value}%`);
    stage.style.setProperty("--clip", `${(slider.value - 100 * x) / scale}%`);
    // Not in what is enlarged, where their lines would be as thick.
    outlines.replaceChildren(...outlined().map((one) => boxed(el("div", { class: `spot ${one.kind}` }), [one.x, one.y, one.width, one.height], [scale, x, y])));
    slider.setAttribute("aria-valuetext", `${100 - Math.round(slider.value)} % semvid`);
    left.hidden = slider.value < 3;
    right.hidden = slider.value > 97;
  };
  const show = () => {
    const { still, spot } = state;
    under.src = still[state.left];
    over.src = still.semvid;
    heat.src = still.heat;
    heat.hidden = !state.heat;
    left.textContent = lefts.find(([key]) => key === state.left)[1].toLowerCase();
    const where = spot ? ", enlarged at a difference" : "";
    under.alt = `${named(state.left)}, ${describe(still)}${where}`;
    over.alt = `${named("semvid")}, ${describe(still)}${where}`;
    heat.alt = "Map of importance: bright matters";
    // At a spot the pixels themselves, where the still has fewer.
    const sharp = (key) => (spot?.[key] ? [boxed(el("img", { class: "part", alt: "", src: spot[key] }), spot.view)] : []);
    below.replaceChildren(under, ...sharp(state.left));
    above.replaceChildren(over, ...sharp("semvid"));
    stage.classList.toggle("close", Boolean(spot));
    for (const input of zooms.querySelectorAll("input")) input.checked = !spot && Number(input.value) === state.zoom;
    next.hidden = !tour(state.left).length;
    caption.replaceChildren(...say(still, state.left, spot));
    place();
    onstill(still);
  };
  const toggle = el("button", { type: "button", class: "button", id: "heat", "aria-pressed": "false", onclick: () => {
    state.heat = !state.heat;
    toggle.setAttribute("aria-pressed", state.heat);
    show();
  } }, "Map");

  const goTo = (found) => {
    Object.assign(state, found);
    slider.value = 50;
    show();
  };
  const goOn = () => {
    const spots = tour(state.left), here = spots.findIndex((one) => one.spot === state.spot);
    if (spots.length) goTo(spots[(here + 1) % spots.length]);
  };
  const next = el("button", { type: "button", class: "button", id: "next", "aria-keyshortcuts": "n", onclick: goOn }, "Next difference");
  /** One of the two alone, then the other: so the eye sees what changes. */
  const flip = () => {
    slider.value = slider.value > 50 ? 0 : 100;
    place();
  };
  const zoomTo = (value) => { Object.assign(state, { zoom: value, spot: null }); show(); };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("[contenteditable], textarea, input[type=text], input[type=search]")) return;
    if (event.key === "n") goOn();
    else if (event.key === "w") zoomTo(1);
    else if (event.key === "f") flip();
  });

  // The input below takes keys and speaks to screen readers; the whole picture takes mouse and touch.
  const follow = (event) => {
    const box = stage.getBoundingClientRect();
    const across = (event.clientX - box.left) / box.width, down = (event.clientY - box.top) / box.height;
    slider.value = Math.min(Math.max(100 * across, 0), 100);
    state.down = Math.min(Math.max(100 * down, 0), 100);
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

  const zooms = choices("Zoom", "zoom", [["1", "Whole"], ["2", "2\u00d7"], ["4", "4\u00d7"]], "1", (value) => zoomTo(Number(value)));
  const isFound = (spot) => tour(state.left).some((one) => one.spot === spot);
  const controls = el("div", { class: "controls" }, next,
    el("button", { type: "button", class: "button", id: "flip", "aria-keyshortcuts": "f", onclick: flip }, "Flip"),
    choices("Left", "left", lefts, state.left, (value) => {
      state.left = value;
      if (state.spot && !isFound(state.spot)) state.spot = tour(value)[0]?.spot ?? null;
      show();
    }),
    zooms, toggle);
  /** Show another still: at its strongest difference, if such a one is looked at now. */
  const showStill = (still) => {
    const spot = state.spot && (tour(state.left).find((one) => one.still === still)?.spot ?? null);
    goTo({ still, spot });
  };
  goTo(tour(state.left)[0] ?? {});
  return { parts: [el("figure", { class: "viewer" }, stage, caption), controls], show: showStill };
}

/** Similarity from which on most eyes find a difference. */
const SEEN = 0.03;

/** Say how many differences there are, and for whom they speak: `there` is the other's name, `searched` says where they were sought. */
function sayFound(spots, there, searched) {
  if (!spots.length) return [el("b", {}, "No difference is seen"), ` between semvid and ${there}. ${searched}`];
  const isFaint = spots.every(({ seen }) => seen < SEEN), one = spots.length === 1;
  const count = [el("b", {}, `${spots.length} ${isFaint ? "faint " : ""}difference${one ? "" : "s"}`)];
  const ours = spots.filter(({ kind }) => kind === "better").length, theirs = spots.length - ours;
  const sides = [["semvid", "gain", ours], [there, "loss", theirs]].filter(([, , number]) => number);
  const said = sides.flatMap(([name, kind, number], index) => [index ? ", " : "", el("span", { class: kind }, name),
    `${index ? "" : " is better"} ${one ? "there" : sides.length > 1 ? `at ${number}` : "at all of them"}`]);
  return [...(isFaint ? [el("b", {}, "No difference is seen easily"), ` between semvid and ${there}. There ${one ? "is " : "are "}`, ...count]
    : [...count, ` between semvid and ${there}`]), ": ", ...said, ". ",
  el("span", { class: "keys" }, el("kbd", {}, "n"), " goes to the next, ", el("kbd", {}, "f"), " shows one alone, then the other, ", el("kbd", {}, "w"), " the whole picture.")];
}

/** Say of a spot who is better there: `there` is the other's name. */
function saySpot(spot, place, there) {
  const isOurs = spot.kind === "better";
  const seen = spot.seen >= 0.12 ? "strong" : spot.seen >= 0.06 ? "clear" : spot.seen >= SEEN ? "slight" : "faint";
  return [el("b", {}, place, ": ", el("span", { class: isOurs ? "gain" : "loss" }, `${isOurs ? "semvid" : there} is better here`)),
    `, by ${fixed(Math.abs(spot.gain_db), 1)}\u00a0dB: a ${seen} difference. `,
    `This spot ${spot.importance > 0.5 ? "matters" : spot.importance > 0.2 ? "matters a little" : "does not matter much"} `,
    `(importance ${fixed(spot.importance, 2)}). `];
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
