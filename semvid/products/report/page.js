"use strict";

const MEASURES = {
  salient: { name: "where it matters", unit: "dB", digits: 2, long: "PSNR where importance exceeds a half" },
  background: { name: "elsewhere", unit: "dB", digits: 2, long: "PSNR elsewhere" },
  whole: { name: "whole frame", unit: "dB", digits: 2, long: "PSNR of the whole frame" },
  weighted: { name: "weighted", unit: "dB", digits: 2, long: "PSNR weighted by importance" },
  ssim: { name: "SSIM", unit: "", digits: 4, long: "SSIM of the whole frame" },
  vmaf: { name: "VMAF", unit: "", digits: 1, long: "VMAF of the whole frame" },
};
const measures = Object.keys(MEASURES).filter((name) => name in report.mapped.scores);

function time(seconds) {
  if (seconds < 60) return `${seconds.toFixed(2)}\u00a0s`;
  const whole = Math.floor(seconds / 60);
  return `${whole}:${(seconds - 60 * whole).toFixed(1).padStart(4, "0")}`;
}

const mean = (encode, name) => encode.pooled[name]?.mean ?? null;

function difference(name, key = "mean") {
  const ours = report.mapped.pooled[name]?.[key] ?? null, theirs = report.plain.pooled[name]?.[key] ?? null;
  return ours === null || theirs === null ? null : ours - theirs;
}

const qualityName = () => (report.codec === "mjpeg" ? "quality" : "CRF");

function showHeadline() {
  const { source, mapped, plain } = report;
  const change = 1 - mapped.file_bytes / source.num_bytes;
  const frames = `${source.num_frames} frame${source.num_frames === 1 ? "" : "s"}`;
  byId("name").textContent =
    `${source.name}: ${source.width}\u00d7${source.height}, ${frames}, ${time(source.duration_seconds)}`;
  const gap = difference("salient");
  const outside = el("span", { class: sense(difference("background"), 1) }, judged(difference("background")));
  const sizes = bytesFromTo(source.num_bytes, mapped.file_bytes);
  const saved = 1 - mapped.file_bytes / Math.max(plain.file_bytes, 1);
  if (report.match === "region") {
    // As good is what nobody sees: a fifth of a dB.
    const isAsGood = gap !== null && Math.abs(gap) < 0.2;
    const exactly = gap === null ? "" : ` (${withUnit(signed(gap, 2), "dB")})`;
    byId("lede").append(`${sizes}: `, el("strong", {}, smaller(saved)),
      ` than a plain encode ${isAsGood ? "that is as good where it matters" : "of the same CRF"}`, exactly,
      ...(isAsGood || gap === null ? [] : ["; what matters is ", el("span", { class: sense(gap, 1) }, judged(gap))]),
      "; the rest is ", outside, ".");
  } else {
    byId("lede").append(`${sizes}, ${smaller(change)}. Against a plain encode of the same size: what matters `,
      el("span", { class: sense(gap, 1) }, judged(gap)), ", the rest ", outside, ".");
  }
  const [number, unit] = bytes(mapped.file_bytes).split("\u00a0");
  byId("cards").append(report.match === "region"
    ? card("Saved", fixed(100 * saved, 0), "%", sense(saved), bytesFromTo(plain.file_bytes, mapped.file_bytes))
    : card("Size", number, unit, "", `source ${bytes(source.num_bytes)}`));
  for (const name of ["salient", "background", "whole", "vmaf"]) {
    if (!measures.includes(name)) continue;
    const { name: title, unit: of, digits } = MEASURES[name], found = difference(name);
    byId("cards").append(card(title[0].toUpperCase() + title.slice(1), signed(found, digits), found === null ? "" : of, sense(found, 1),
      `${fixed(mean(plain, name), digits)} ${ARROW} ${withUnit(fixed(mean(mapped, name), digits), of)}`));
  }
  const ratio = plain.video_bytes / Math.max(mapped.video_bytes, 1) - 1;
  const same = Math.abs(ratio) < 0.0005 ? "exactly as large as" : `${Math.abs(100 * ratio).toFixed(1)}\u00a0% ${ratio > 0 ? "larger" : "smaller"} than`;
  byId("basis").append(
    "Every difference is semvid less plain. Plain is the same encoder without maps: ",
    `${report.codec}${report.preset ? ", preset " + report.preset : ""}, ${qualityName()} ${Number(plain.quality.toFixed(2))} `,
    `(semvid: ${Number(mapped.quality.toFixed(2))}), with a video stream ${same} semvid's. dB are PSNR of luma, means over frames; `,
    "what matters is where importance exceeds a half.");
}

function showScores() {
  const rows = measures.map((name) => {
    const { long, unit, digits } = MEASURES[name];
    const pair = (key) => [report.plain, report.mapped].map((one) => fixed(one.pooled[name][key], digits));
    const gap = (key) => el("span", { class: sense(difference(name, key), digits) }, signed(difference(name, key), digits));
    return [unit ? `${long}, ${unit}` : long, ...pair("mean"), gap("mean"), ...pair("percentile_5"), gap("percentile_5"), ...pair("minimum"), gap("minimum")];
  });
  byId("score-table").append(table(
    ["", ...["mean", "5", "worst"].flatMap(() => ["plain", "semvid", "difference"])], rows, { class: "scores" },
    [["mean", 3], ["5\u00a0% of frames are worse than", 3], ["worst frame", 3]]));
}

function showCommand() {
  byId("command").append(commandLine(report.command));
  const facts = [["source", `${report.source.name}, ${report.source.num_bytes} bytes, ${report.source.codec}`],
    ["result", `${report.mapped.file_bytes} bytes, video ${report.mapped.video_bytes}`],
    ["plain", `${report.plain.file_bytes} bytes, video ${report.plain.video_bytes}`], ["semvid", report.semvid], ...report.settings];
  byId("settings").append(folded("All settings", table([], facts, { class: "words" })));
}

addEventListener("DOMContentLoaded", () => {
  showHeadline();
  showViewer();
  showCloseUps();
  showTime();
  showRate();
  showFound();
  showScores();
  showCommand();
  byId("foot").textContent = `Made by semvid ${report.semvid}. Numbers were measured on the decoded videos; stills are WebP of quality 86, close-ups lossless.`;
});
