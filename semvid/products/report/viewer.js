"use strict";

/** The slider between two versions of a frame, and the enlarged parts. */
function showViewer() {
  const { width, height } = report.source;
  const say = (still) => {
    const at = (encode, name) => encode.scores[name]?.[still.index] ?? null;
    const said = ["salient", "background"].map((name) => {
      const [theirs, ours] = [at(report.plain, name), at(report.mapped, name)];
      if (theirs === null || ours === null) return `${MEASURES[name].name} ${DASH}`;
      return `${MEASURES[name].name} ${fixed(theirs, 1)} ${ARROW} ${fixed(ours, 1)} dB (${signed(ours - theirs, 1)})`;
    });
    const sizes = [report.plain, report.mapped].map((one) => Math.round(one.bits[still.index] / 8));
    return [el("b", {}, `Frame ${still.index}, ${time(still.seconds)}`),
      `. Plain ${ARROW} semvid: ${said.join(", ")}, ${bytesFromTo(...sizes)}.`];
  };
  const view = sliderView({ width, height, say, lefts: [["plain", "Plain"], ["source", "Source"]],
    named: (key) => ({ plain: "Plain encode", source: "Source", semvid: "semvid's encode" })[key],
    describe: (still) => `frame ${still.index}` }, report.stills[Math.floor(report.stills.length / 2)]);
  const show = (still) => {
    view.show(still);
    for (const button of frames.children) button.setAttribute("aria-pressed", button.dataset.index === String(still.index));
  };
  const frames = el("div", { class: "frames", role: "group", "aria-label": "Frames" }, ...report.stills.map((still) => {
    const small = el("img", { src: still.source, alt: "", width, height });
    small.style.aspectRatio = `${width} / ${height}`;
    small.style.height = "auto";
    return el("button", { type: "button", class: "frame", "data-index": still.index,
      "aria-label": `Frame ${still.index}, ${time(still.seconds)}${still.note ? ", " + still.note : ""}`,
      onclick: () => show(still) }, small, time(still.seconds), el("em", {}, still.note || "\u00a0"));
  }));
  byId("viewer").append(...view.parts, frames);
  show(report.stills[Math.floor(report.stills.length / 2)]);
  const chosen = frames.querySelector('[aria-pressed="true"]');
  frames.scrollLeft = chosen.offsetLeft - frames.offsetLeft - (frames.clientWidth - chosen.clientWidth) / 2;
}

function showCloseUps() {
  const { width, height } = report.source;
  if (!report.closeups.length) byId("parts").hidden = true;
  byId("closeups").append(...report.closeups.map((one) => closeUp(one,
    [["plain", "plain"], ["semvid", "semvid"], ["source", "source"]], { width, height,
      where: `Where it is in frame ${one.index}`,
      about: `Frame ${one.index}, ${time(one.seconds)}; ${one.width}\u00d7${one.height} pixels at ${one.x}, ${one.y}; `
        + `mean importance ${fixed(one.importance, 2)}.` })));
}
