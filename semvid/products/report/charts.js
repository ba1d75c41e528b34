"use strict";

const MOST_BINS = 60;

function shape(tag, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

/** Round numbers that cover a range in about `count` steps. */
function ticks(low, high, count) {
  const rough = Math.max(high - low, 1e-9) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10);
  const found = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + step * 1e-6; value += step) found.push(value);
  return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

/**
 * A chart of lines, drawn again whenever its width changes.
 * series: [{ name, kind: "mapped" | "plain", points: [[x, y], ...] }]; a y of null leaves a gap.
 * say: index of a point -> what is said of it.
 */
function chart({ title, controls, series, xName, yName, xRange, fromZero, marks, say, alone }) {
  const readout = el("output", {}), holder = el("div", {});
  const legend = el("div", { class: "legend", "aria-hidden": "true" },
    ...["plain", "mapped"].map((kind) => el("span", {}, el("i", { class: kind }), kind === "plain" ? "plain" : "semvid")));
  const figure = el("figure", { class: "chart" },
    el("div", { class: "top" }, el("h3", {}, title), alone ? "" : legend), controls ?? "", holder, readout);
  const all = series.flatMap((one) => one.points).filter(([, y]) => y !== null);
  if (!all.length) {
    holder.append(el("p", { class: "quiet" }, "No frame has a value here."));
    return figure;
  }
  const ys = all.map(([, y]) => y), xs = all.map(([x]) => x);
  const spread = Math.max(...ys) - Math.min(...ys) || Math.abs(ys[0]) * 0.1 || 1;
  const bounds = [fromZero ? 0 : Math.min(...ys) - 0.08 * spread, Math.max(...ys) + 0.08 * spread];
  const [x0, x1] = xRange ?? [Math.min(...xs) - 0.06 * (Math.max(...xs) - Math.min(...xs) || 1), Math.max(...xs) + 0.06 * (Math.max(...xs) - Math.min(...xs) || 1)];
  const count = Math.max(...series.map((one) => one.points.length));
  let selected = null, draw = () => {};

  const select = (index) => {
    selected = index === null ? null : Math.min(Math.max(index, 0), count - 1);
    readout.textContent = selected === null ? "" : say(selected);
    draw();
  };
  const svg = shape("svg", { role: "img", tabindex: "0", "aria-label": `${title}. Left and right arrows read values; they are in the table below too.` });
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    select(selected === null ? 0 : selected + step);
  });
  svg.addEventListener("pointermove", (event) => {
    const at = event.clientX - svg.getBoundingClientRect().left;
    let nearest = 0, least = Infinity;
    series[0].points.forEach(([x], index) => {
      const distance = Math.abs(svg.toX(x) - at);
      if (distance < least) { least = distance; nearest = index; }
    });
    select(nearest);
  });
  svg.addEventListener("pointerleave", () => select(null));
  svg.addEventListener("blur", () => select(null));
  holder.append(svg);

  draw = () => {
    const width = holder.clientWidth, height = width < 520 ? 190 : 230;
    if (!width) return;
    const edge = { left: width < 520 ? 44 : 52, right: 12, top: 10, bottom: 34 };
    const toX = (x) => edge.left + ((x - x0) / (x1 - x0 || 1)) * (width - edge.left - edge.right);
    const toY = (y) => height - edge.bottom - ((y - bounds[0]) / (bounds[1] - bounds[0])) * (height - edge.top - edge.bottom);
    svg.toX = toX;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    const parts = [];
    const down = ticks(...bounds, 5), across = ticks(x0, x1, width < 520 ? 4 : 9);
    for (const y of down.found) {
      parts.push(shape("line", { class: "grid", x1: edge.left, x2: width - edge.right, y1: toY(y), y2: toY(y) }));
      parts.push(shape("text", { x: edge.left - 8, y: toY(y) + 4, "text-anchor": "end" }, fixed(y, down.digits)));
    }
    for (const x of across.found) {
      parts.push(shape("text", { x: toX(x), y: height - edge.bottom + 18, "text-anchor": "middle" }, fixed(x, across.digits)));
    }
    parts.push(shape("text", { x: width - edge.right, y: height - 1, "text-anchor": "end" }, xName));
    parts.push(shape("text", { x: edge.left + 4, y: edge.top + 8 }, yName));
    if (selected !== null) {
      const x = toX(series[0].points[selected]?.[0] ?? x0);
      parts.push(shape("line", { class: "cross", x1: x, x2: x, y1: edge.top, y2: height - edge.bottom }));
    }
    for (const { kind, points } of series) {
      let path = "", isDown = false;
      for (const [x, y] of points) {
        if (y !== null) path += `${isDown ? "L" : "M"}${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`;
        isDown = y !== null;
      }
      parts.push(shape("path", { class: kind, d: path }));
      points.forEach(([x, y], index) => {
        if (y !== null && (marks || points.length === 1 || index === selected)) {
          parts.push(shape("circle", { class: kind, cx: toX(x), cy: toY(y), r: 4 }));
        }
      });
    }
    svg.replaceChildren(...parts);
  };
  new ResizeObserver(() => draw()).observe(holder);
  return figure;
}

/** Group frames, so that a long video fits a chart: the mean of each group, or its bits a second. */
function binned() {
  const { seconds, source } = report, count = seconds.length, bins = Math.min(count, MOST_BINS);
  const end = Math.max(source.duration_seconds, count > 1 ? seconds[count - 1] + seconds[1] - seconds[0] : 0.04);
  return Array.from({ length: bins }, (_, bin) => {
    const from = Math.floor((bin * count) / bins), to = Math.floor(((bin + 1) * count) / bins);
    const until = to < count ? seconds[to] : end, length = Math.max(until - seconds[from], 1e-3);
    const average = (values) => {
      const known = values.slice(from, to).filter((one) => one !== null);
      return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
    };
    const of = (encode) => ({
      kbps: encode.bits.slice(from, to).reduce((a, b) => a + b, 0) / 1000 / length,
      ...Object.fromEntries(measures.map((name) => [name, average(encode.scores[name])])),
    });
    return { middle: (seconds[from] + until) / 2, from: seconds[from], frames: to - from, end,
      plain: of(report.plain), mapped: of(report.mapped) };
  });
}

function showTime() {
  const groups = binned(), end = groups[0].end;
  byId("strip").append(...report.strip.map((one) => el("li", {},
    el("img", { src: one.picture, alt: `Map at ${time(one.seconds)}`, title: time(one.seconds), width: 160, height: 64 }))));
  const lines = (name) => ["plain", "mapped"].map((kind) => ({ kind, points: groups.map((one) => [one.middle, one[kind][name]]) }));
  const say = (name, digits, unit) => (index) => {
    const { from, plain, mapped } = groups[index];
    const gap = plain[name] === null || mapped[name] === null ? null : mapped[name] - plain[name];
    return `${time(from)}: plain ${withUnit(fixed(plain[name], digits), unit)}, semvid ${withUnit(fixed(mapped[name], digits), unit)} (${signed(gap, digits)})`;
  };
  const showQuality = (name) => {
    const { long, unit, digits } = MEASURES[name];
    byId("quality-chart").replaceChildren(chart({ title: `Quality: ${long}`, series: lines(name), xName: "seconds", yName: unit,
      xRange: [0, end], say: say(name, digits, unit) }));
  };
  byId("quality").append(
    el("div", { class: "controls" }, choices("Quality", "measure", measures.map((name) => [name, MEASURES[name].name]), "salient", showQuality)),
    el("div", { id: "quality-chart" }));
  showQuality("salient");
  const each = groups[0].frames > 1 ? `, averages of ${groups[0].frames} frames` : "";
  byId("bits").append(chart({ title: `Bits: kilobits a second${each}`, series: lines("kbps"), xName: "seconds", yName: "kbit/s",
    xRange: [0, end], fromZero: true, say: say("kbps", 0, "kbit/s") }));
  const names = ["kbit/s", ...measures.map((name) => MEASURES[name].name)];
  byId("time-table").append(folded("These numbers as a table", table(["from, s", ...names.flatMap(() => ["plain", "semvid"])], groups.map((one) => [one.from.toFixed(2),
    ...["kbps", ...measures].flatMap((name) => ["plain", "mapped"].map((kind) => fixed(one[kind][name], MEASURES[name]?.digits ?? 0)))]),
    {}, names.map((name) => [name, 2]))));
}

function showRate() {
  const points = [...report.points].sort((a, b) => a.mapped.kbps - b.mapped.kbps);
  if (points.length < 2) return;
  byId("rate").hidden = false;
  const label = (one, kind) => `${one.codec}${one.preset ? " " + one.preset : ""} ${Number(one[kind].quality.toFixed(2))}`;
  const kinds = [...new Set(points.map((one) => `${one.codec} ${one.preset}`))];
  for (const name of ["salient", "whole"]) {
    // One line for each encoder and preset: points of different ones are no curve.
    const series = kinds.flatMap((kind) => ["plain", "mapped"].map((of) => ({ kind: of,
      points: points.filter((one) => `${one.codec} ${one.preset}` === kind).map((one) => [one[of].kbps, one[of].scores[name] ?? null]) })));
    const shown = kinds.length === 1 ? points : points.filter((one) => `${one.codec} ${one.preset}` === kinds[0]);
    byId("curves").append(chart({ title: MEASURES[name].long, series, xName: "kbit/s", yName: "dB", marks: true,
      say: (index) => ["plain", "mapped"].map((kind) => `${kind === "plain" ? "plain" : "semvid"} ${label(shown[index], kind)}: `
        + `${fixed(shown[index][kind].kbps, 0)}\u00a0kbit/s, ${fixed(shown[index][kind].scores[name], 2)}\u00a0dB`).join("; ") }));
  }
  const names = measures.filter((name) => points.every((one) => name in one.mapped.scores));
  byId("rate-table").append(folded("These numbers as a table", table(
    ["encode", "kbit/s", ...names.map((name) => MEASURES[name].name)],
    points.flatMap((one) => ["plain", "mapped"].map((kind) => [`${kind === "plain" ? "plain" : "semvid"} ${label(one, kind)}`, fixed(one[kind].kbps, 0),
      ...names.map((name) => fixed(one[kind].scores[name], MEASURES[name].digits))])))));
}

/** The trials by which the quality was found, if it was not given. */
function showFound() {
  const { trials } = report;
  if (!trials.length) return;
  byId("found").hidden = false;
  const kind = (one) => (one.is_whole ? "whole video" : one.has_map ? "parts" : "parts, no map");
  const hasScore = trials.some((one) => one.score !== null);
  const off = (one) => (!one.has_map ? DASH : hasScore ? signed(one.missed_by, 2) : `${signed(100 * one.missed_by, 1)}\u00a0%`);
  const parts = trials.filter((one) => !one.is_whole).length, wholes = trials.length - parts;
  byId("found-lede").append(`${qualityName()} ${Number(report.mapped.quality.toFixed(2))} was found by ${parts} trial${parts === 1 ? "" : "s"} on parts of the `
    + `video, and ${wholes} encode${wholes === 1 ? "" : "s"} of all of it. Sizes of parts are those of the whole file, if the rest is like them.`);
  const mapped = trials.filter((one) => one.has_map).sort((a, b) => a.output_bytes - b.output_bytes);
  if (mapped.length > 1) {
    byId("trials").append(chart({ title: hasScore ? "Score by size" : `${qualityName()} by size`, marks: true, alone: true, xName: "kB",
      yName: hasScore ? "score" : qualityName(),
      series: [{ kind: "mapped", points: mapped.map((one) => [one.output_bytes / 1000, hasScore ? one.score : one.quality]) }],
      say: (index) => `${kind(mapped[index])}: ${qualityName()} ${Number(mapped[index].quality.toFixed(2))}, ${bytes(mapped[index].output_bytes)}, off by ${off(mapped[index])}` }));
  }
  byId("trial-table").append(table(["", qualityName(), "file", ...(hasScore ? ["score", "rest"] : []), "off by", "seconds"], trials.map((one) => [
    kind(one), fixed(one.quality, 2), bytes(one.output_bytes), ...(hasScore ? [fixed(one.score, 2), fixed(one.rest, 2)] : []),
    off(one), fixed(one.seconds, 1)])));
}
