"use strict";

/** The slider between two versions of a frame, and the enlarged parts. */
function showViewer() {
  const { width, height } = report.source;
  const image = (name) => el("img", { class: name, alt: "", width, height, draggable: "false" });
  const under = image("under"), over = image("over"), heat = image("heat");
  const left = el("span", { class: "tag left" }), right = el("span", { class: "tag right" }, "semvid");
  const slider = el("input", { type: "range", min: 0, max: 100, step: 1, value: 50, id: "split",
    "aria-label": "Border between the left picture and semvid's, in percent from the left" });
  const zoomed = el("div", { class: "zoomed" }, under, over, heat);
  const stage = el("div", { class: "stage" }, zoomed, left, right,
    el("div", { class: "divider" }, el("div", { class: "handle" })), slider);
  stage.style.aspectRatio = `${width} / ${height}`;
  stage.style.width = `min(100%, ${(78 * width) / height}vh)`;
  const caption = el("figcaption", { "aria-live": "polite" });
  const state = { still: report.stills[Math.floor(report.stills.length / 2)], left: "plain", heat: false, zoom: 1 };

  const place = () => {
    stage.style.setProperty("--split", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${100 - Math.round(slider.value)} % semvid`);
  };
  const show = () => {
    const { still } = state;
    under.src = still[state.left];
    over.src = still.semvid;
    heat.src = still.heat;
    heat.hidden = !state.heat;
    left.textContent = state.left;
    under.alt = `${state.left === "plain" ? "Plain encode" : "Source"}, frame ${still.index}`;
    over.alt = `semvid's encode, frame ${still.index}`;
    heat.alt = "Map of importance: bright matters";
    zoomed.style.transform = state.zoom === 1 ? "none" : `scale(${state.zoom})`;
    const at = (encode, name) => encode.scores[name]?.[still.index] ?? null;
    const said = ["salient", "background"].map((name) => {
      const [theirs, ours] = [at(report.plain, name), at(report.mapped, name)];
      if (theirs === null || ours === null) return `${MEASURES[name].name} ${DASH}`;
      return `${MEASURES[name].name} ${fixed(theirs, 1)} ${ARROW} ${fixed(ours, 1)} dB (${signed(ours - theirs, 1)})`;
    });
    const kilobytes = [report.plain, report.mapped].map((one) => (one.bits[still.index] / 8000).toFixed(1));
    caption.replaceChildren(el("b", {}, `Frame ${still.index}, ${time(still.seconds)}`),
      `. Plain ${ARROW} semvid: ${said.join(", ")}, ${kilobytes.join(` ${ARROW} `)} kB.`);
    for (const button of frames.children) button.setAttribute("aria-pressed", button.dataset.index === String(still.index));
  };

  const frames = el("div", { class: "frames", role: "group", "aria-label": "Frames" }, ...report.stills.map((still) => {
    const small = el("img", { src: still.source, alt: "", width, height });
    small.style.aspectRatio = `${width} / ${height}`;
    small.style.height = "auto";
    return el("button", { type: "button", class: "frame", "data-index": still.index,
      "aria-label": `Frame ${still.index}, ${time(still.seconds)}${still.note ? ", " + still.note : ""}`,
      onclick: () => { state.still = still; show(); } }, small, time(still.seconds), el("em", {}, still.note || "\u00a0"));
  }));
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

  byId("viewer").append(
    el("figure", { class: "viewer" }, stage, caption),
    el("div", { class: "controls" },
      choices("Left", "left", [["plain", "Plain"], ["source", "Source"]], "plain", (value) => { state.left = value; show(); }),
      choices("Zoom", "zoom", [["1", "1\u00d7"], ["2", "2\u00d7"], ["4", "4\u00d7"]], "1", (value) => { state.zoom = Number(value); show(); }),
      toggle),
    frames);
  place();
  show();
  const chosen = frames.querySelector('[aria-pressed="true"]');
  frames.scrollLeft = chosen.offsetLeft - frames.offsetLeft - (frames.clientWidth - chosen.clientWidth) / 2;
}

function showCloseUps() {
  const names = { best: "Best", worst: "Worst" };
  if (!report.closeups.length) byId("parts").hidden = true;
  for (const one of report.closeups) {
    const cell = (name, label) => el("figure", { class: `cell ${name}` },
      el("img", { src: one[name], alt: `${label}, enlarged`, width: one.width, height: one.height }), el("figcaption", {}, label));
    byId("closeups").append(el("article", { class: "closeup" },
      el("div", { class: "head" },
        el("img", { src: one.where, alt: `Where it is in frame ${one.index}`, width: report.source.width, height: report.source.height }),
        el("div", {},
          el("h3", {}, `${names[one.kind]}: `, el("span", { class: sense(one.gain_db, 1) }, `${signed(one.gain_db, 1)}\u00a0dB`)),
          el("p", {}, `Frame ${one.index}, ${time(one.seconds)}; ${one.width}\u00d7${one.height} pixels at ${one.x}, ${one.y}; `
            + `mean importance ${fixed(one.importance, 2)}.`))),
      el("div", { class: "row" }, cell("plain", "plain"), cell("semvid", "semvid"), cell("source", "source"))));
  }
  for (const image of byId("closeups").querySelectorAll("img")) image.style.height = "auto";
}
