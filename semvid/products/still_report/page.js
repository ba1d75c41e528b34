"use strict";

const MEASURES = {
  hvs_m_salient: { name: "PSNR-HVS-M where it matters", unit: "dB", digits: 2 },
  hvs_m: { name: "PSNR-HVS-M", unit: "dB", digits: 2 },
  ssim_salient: { name: "SSIM where it matters", unit: "", digits: 4 },
  ssim: { name: "SSIM", unit: "", digits: 4 },
  ssimulacra2: { name: "SSIMULACRA\u00a02", unit: "", digits: 1 },
  salient: { name: "PSNR where it matters", unit: "dB", digits: 2 },
  background: { name: "PSNR elsewhere", unit: "dB", digits: 2 },
  whole: { name: "PSNR", unit: "dB", digits: 2 },
};
if (report.shrunk_by > 1) MEASURES.ssimulacra2.name += ` of the picture shrunk to 1/${report.shrunk_by}`;
const [ours, ...others] = report.versions;
const measures = Object.keys(MEASURES).filter((name) => name in ours.scores);
const score = (version, name) => version.scores[name] ?? null;

function gain(other, name) {
  const [a, b] = [score(ours, name), score(other, name)];
  return a === null || b === null ? null : a - b;
}

/** Say of a version how large it is. */
const sized = (one) => `${bytes(one.bytes)}, quality ${Number(one.quality.toFixed(1))}`;

function showHeadline() {
  const { source, output_bytes: size } = report, [turbo] = others;
  byId("name").textContent = `${source.name}: ${source.width}\u00d7${source.height}`;
  const [ofRegion, ofWhole] = measures.includes("hvs_m") ? ["hvs_m_salient", "hvs_m"] : ["salient", "whole"];
  const kind = `JPEG, ${report.sampling}, ${report.progressive ? "progressive where that is smaller" : "sequential"}`;
  byId("lede").append(`${bytesFromTo(source.num_bytes, size)}: `,
    el("strong", {}, smaller(1 - size / source.num_bytes)), ". Against libjpeg-turbo in as many bytes: what matters ",
    el("span", { class: sense(gain(turbo, ofRegion), 1) }, judged(gain(turbo, ofRegion))), ", the whole ",
    el("span", { class: sense(gain(turbo, ofWhole), 1) }, judged(gain(turbo, ofWhole))), ".");
  for (const name of [ofRegion, ofWhole, "ssim_salient", "ssim", "ssimulacra2"].filter((one) => measures.includes(one))) {
    const { name: title, unit, digits } = MEASURES[name], found = gain(turbo, name);
    byId("cards").append(card(title, signed(found, digits), found === null ? "" : unit, sense(found, digits),
      `${fixed(score(turbo, name), digits)} ${ARROW} ${withUnit(fixed(score(ours, name), digits), unit)}`));
  }
  const sizes = others.every((one) => one.bytes >= ours.bytes) ? "at least as many bytes as semvid's" : "at least as many bytes as semvid's, or their highest quality";
  byId("basis").append(`Every difference is semvid less libjpeg-turbo, in the first line by ${MEASURES[ofWhole].name}. All are ${kind}, with optimised `
    + `Huffman codes; the others have ${sizes}, metadata not counted. What matters is where importance exceeds a half: ${(100 * report.important_share).toFixed(0)}\u00a0% of the picture.`);
}

function showViewer() {
  const lefts = [...others.map((one) => [one.key, one.name]), ["source", "Source"]];
  // Beside the source the spots are those of the first of the others.
  const rival = (left) => others.find((one) => one.key === left) ?? others[0];
  const tours = Object.fromEntries(others.map((one) => [one.key, report.spots[one.key].map((spot) => ({ still: report.still, spot }))]));
  const tour = (left) => tours[rival(left).key];
  const say = (still, left, spot) => {
    byId("seen").replaceChildren(...sayFound(tour(left).map((one) => one.spot), rival(left).name, "The whole picture was searched."));
    if (spot) {
      const number = tour(left).findIndex((one) => one.spot === spot) + 1;
      return saySpot(spot, `Difference ${number} of ${tour(left).length}`, rival(left).name);
    }
    const other = others.find((one) => one.key === left);
    const known = measures.filter((name) => ["hvs_m_salient", "ssim_salient", "ssimulacra2"].includes(name));
    const said = (one) => [sized(one), ...known.map((name) =>
      `${MEASURES[name].name} ${withUnit(fixed(score(one, name), MEASURES[name].digits), MEASURES[name].unit)}`)].join(", ");
    return [...(other ? [el("b", {}, other.name), `: ${said(other)}. `] : []), el("b", {}, "semvid"), `: ${said(ours)}.`];
  };
  const names = Object.fromEntries([...report.versions.map((one) => [one.key, one.name]), ["source", "Source"]]);
  byId("viewer").append(...sliderView({ width: report.source.width, height: report.source.height, lefts, say, tour,
    named: (key) => names[key], describe: () => report.source.name }, report.still).parts);
}

function showCloseUps() {
  const { width, height } = report.source;
  const cells = [...report.versions.map((one) => [one.key, one.name]), ["source", "source"]];
  byId("closeups").append(...report.closeups.map((one) => closeUp(one, cells, { width, height, where: "Where it is in the picture",
    about: `${one.width}\u00d7${one.height} pixels at ${one.x}, ${one.y}; mean importance ${fixed(one.importance, 2)}.` })));
}

function showScores() {
  const rows = [
    ["bytes of the picture", ...report.versions.map((one) => String(one.bytes))],
    ["quality, on its own scale", ...report.versions.map((one) => String(Number(one.quality.toFixed(2))))],
    ...measures.map((name) => {
      const { name: title, unit, digits } = MEASURES[name];
      const best = Math.max(...report.versions.map((one) => score(one, name) ?? -Infinity));
      return [unit ? `${title}, ${unit}` : title, ...report.versions.map((one) => {
        const text = fixed(score(one, name), digits);
        return score(one, name) === best ? el("strong", {}, text) : text;
      })];
    })];
  byId("score-table").append(table(["", ...report.versions.map((one) => one.name)], rows, {}));
}

addEventListener("DOMContentLoaded", () => {
  showHeadline();
  showViewer();
  showCloseUps();
  showScores();
  byId("command").append(commandLine(report.command));
  byId("foot").textContent = `Made by semvid ${report.semvid}. The pictures above are the files themselves; the source is WebP, close-ups are lossless.`;
});
