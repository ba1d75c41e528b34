"use strict";

/** The slider between two versions of a frame, and the enlarged parts. */
function showViewer() {
  const { width, height } = report.source;
  const rank = ({ spot }) => (spot.kind === "better" ? spot.seen * (1 + spot.importance) : spot.seen);
  const differences = report.stills.flatMap((still) => still.spots.map((spot) => ({ still, spot }))).sort((a, b) => rank(b) - rank(a));
  // Older reports were not searched.
  if (report.version >= 4) {
    const more = report.plain.file_bytes / Math.max(report.mapped.file_bytes, 1) - 1;
    byId("seen").append(...sayFound(differences.map((one) => one.spot), "plain", "Every third frame was searched."),
      ...(Math.abs(more) >= 0.01 ? [` Plain has ${Math.abs(100 * more).toFixed(0)}\u00a0% ${more > 0 ? "more" : "fewer"} bytes.`] : []));
  }
  const inFrame = (count) => {
    if (!differences.length) return "";
    if (!count) return " No difference is seen in this frame.";
    return ` The line${count === 1 ? " is" : "s are"} around what looks different.`;
  };
  const say = (still, left, spot) => {
    const place = `Frame ${still.index}, ${time(still.seconds)}`;
    if (spot) {
      const number = differences.findIndex((one) => one.spot === spot) + 1;
      return [...saySpot(spot, place, "plain"), `Difference ${number} of ${differences.length}.`];
    }
    const at = (encode, name) => encode.scores[name]?.[still.index] ?? null;
    const said = ["salient", "background"].map((name) => {
      const [theirs, ours] = [at(report.plain, name), at(report.mapped, name)];
      if (theirs === null || ours === null) return `${MEASURES[name].name} ${DASH}`;
      return `${MEASURES[name].name} ${fixed(theirs, 1)} ${ARROW} ${fixed(ours, 1)} dB (${signed(ours - theirs, 1)})`;
    });
    const sizes = [report.plain, report.mapped].map((one) => Math.round(one.bits[still.index] / 8));
    return [el("b", {}, place), `. Plain ${ARROW} semvid: ${said.join(", ")}, ${bytesFromTo(...sizes)}.${inFrame(still.spots.length)}`];
  };
  const mark = (still) => {
    for (const button of frames.children) button.setAttribute("aria-pressed", button.dataset.index === String(still.index));
  };
  const below = ({ note, spots }) => note || (spots.length ? `${spots.length} difference${spots.length === 1 ? "" : "s"}` : "\u00a0");
  const frames = el("div", { class: "frames", role: "group", "aria-label": "Frames" }, ...report.stills.map((still) => {
    const small = el("img", { src: still.source, alt: "", width, height });
    small.style.aspectRatio = `${width} / ${height}`;
    small.style.height = "auto";
    return el("button", { type: "button", class: "frame", "data-index": still.index,
      "aria-label": `Frame ${still.index}, ${time(still.seconds)}${still.note ? ", " + still.note : ""}`,
      onclick: () => view.show(still) }, small, time(still.seconds), el("em", {}, below(still)));
  }));
  const view = sliderView({ width, height, say, tour: () => differences, onstill: mark, lefts: [["plain", "Plain"], ["source", "Source"]],
    named: (key) => ({ plain: "Plain encode", source: "Source", semvid: "semvid's encode" })[key],
    describe: (still) => `frame ${still.index}` }, report.stills[Math.floor(report.stills.length / 2)]);
  byId("viewer").append(...view.parts, frames);
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
