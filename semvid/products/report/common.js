"use strict";

/** What the pages of reports have in common: data, elements, numbers in words. */
const report = JSON.parse(document.getElementById("data").textContent);
const MINUS = "\u2212", DASH = "\u2013", ARROW = "\u2192";

/** Make an element; text stays text, whatever a file is called. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

const byId = (id) => document.getElementById(id);

function fixed(value, digits) {
  if (value === null || value === undefined) return DASH;
  return value.toFixed(digits).replace("-", MINUS);
}

function signed(value, digits) {
  if (value === null) return DASH;
  const text = value.toFixed(digits);
  if (Number(text) === 0) return "\u00b1" + (0).toFixed(digits);
  return value > 0 ? "+" + text : text.replace("-", MINUS);
}

function withUnit(text, unit) {
  return unit && text !== DASH ? `${text}\u00a0${unit}` : text;
}

/** Sizes in decimal units with three digits, as file managers write them. */
function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let power = 0;
  while (count >= 1000 && power < units.length - 1) { count /= 1000; power += 1; }
  return `${power ? Number(count.toPrecision(3)) : count}\u00a0${units[power]}`;
}

/** Two sizes with an arrow between, in one unit, and with as many digits as tell them apart. */
function bytesFromTo(before, after) {
  const units = ["B", "kB", "MB", "GB", "TB"], largest = Math.max(before, after);
  let power = 0;
  while (largest >= 1000 ** (power + 1) && power < units.length - 1) power += 1;
  const scale = 1000 ** power;
  let digits = 3, texts;
  do {
    texts = [before, after].map((one) => String(power ? Number((one / scale).toPrecision(digits)) : one));
    digits += 1;
  } while (texts[0] === texts[1] && before !== after && digits < 8);
  return `${texts[0]} ${ARROW} ${texts[1]}\u00a0${units[power]}`;
}

/** A table; groups are [title, columns] over the heads, all but the first. */
function table(heads, rows, attributes = {}, groups = []) {
  const row = (cells, tag) => el("tr", {}, ...cells.map((one, index) =>
    el(index ? tag : "th", tag === "th" ? { scope: "col" } : index ? {} : { scope: "row" }, one)));
  const above = groups.length
    ? [el("tr", {}, el("td"), ...groups.map(([title, columns]) => el("th", { class: "group", scope: "colgroup", colspan: columns }, title)))]
    : [];
  const head = heads.length ? [el("thead", {}, ...above, row(heads, "th"))] : [];
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table" },
    el("table", attributes, ...head, el("tbody", {}, ...rows.map((one) => row(one, "td")))));
}

function folded(summary, content) {
  return el("details", {}, el("summary", {}, summary), content);
}

/** A row of radio buttons that look like a switch. */
function choices(legend, name, options, selected, onchange) {
  return el("fieldset", { class: "choices" }, el("legend", {}, legend), ...options.map(([value, label]) =>
    el("label", { class: "choice" },
      el("input", { type: "radio", name, value, checked: value === selected, onchange: () => onchange(value) }),
      el("span", {}, label))));
}

function sense(value, digits = 2) {
  if (value === null || Number(value.toFixed(digits)) === 0) return "";
  return value > 0 ? "gain" : "loss";
}

/** By how much one size is below another. */
function smaller(share) {
  return share >= 0 ? `${(100 * share).toFixed(0)}\u00a0% smaller` : `${(-100 * share).toFixed(0)}\u00a0% larger`;
}

/** Say how much better a number of decibels is. */
function judged(value) {
  if (value === null) return "not measured";
  const shown = Math.abs(value).toFixed(1);
  if (shown === "0.0") return "as well";
  return `${shown}\u00a0dB ${value > 0 ? "better" : "worse"}`;
}

/** A number to see first: what it is, how much, and a line below it. */
function card(title, big, unit, kind, note) {
  return el("div", { class: "card" }, el("dt", {}, title),
    el("dd", { class: `big ${kind}` }, big, el("small", {}, unit ? `\u00a0${unit}` : "")), el("dd", { class: "quiet small" }, note));
}

/** A command line with a button that copies it. */
function commandLine(words) {
  const text = el("pre", { tabindex: "0" }, words);
  const copy = el("button", { type: "button", class: "button", onclick: async () => {
    try {
      await navigator.clipboard.writeText(words);
      copy.textContent = "Copied";
    } catch {
      // Browsers may refuse a page from disk: then the text is selected for the user to copy.
      getSelection().selectAllChildren(text);
    }
  } }, "Copy");
  return el("div", { class: "command" }, text, copy);
}
