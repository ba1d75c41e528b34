"use strict";

const COLUMNS = ["File", "State", "Before", "After", "Saved", "Codec", "Time"];
const STATES = ["failed", "running", "waiting", "cancelled", "skipped", "done"];
const AT_ONCE = 200, MORE = 1000;
const jobs = report.rows.map(([name, output, link, state, reason, before, after, codec, seconds], place) => ({
  name, output, link, state, reason, before, after, codec, seconds, place,
  saved: before ? 1 - after / before : null, text: `${name} ${output} ${reason}`.toLowerCase(),
}));
const counts = Object.fromEntries(STATES.map((state) => [state, jobs.filter((one) => one.state === state).length]));
const KEYS = ["name", "state", "before", "after", "saved", "codec", "seconds"];
const view = { state: "all", words: "", key: null, isDown: false, shown: AT_ONCE };

const plural = (count, noun) => `${count.toLocaleString("en")}\u00a0${noun}${count === 1 ? "" : "s"}`;

/** Seconds as people say them. */
function lasting(seconds) {
  if (seconds === null) return "";
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)}\u00a0s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}\u00a0min`;
  return `${Math.floor(minutes / 60).toLocaleString("en")}\u00a0h ${minutes % 60}\u00a0min`;
}

const sized = (count) => (count === null ? "" : bytes(count));
const share = (one) => (one === null ? "" : `${(100 * one).toFixed(0).replace("-", MINUS)}\u00a0%`);

function showHeadline() {
  const total = (key) => jobs.reduce((sum, one) => sum + (one[key] ?? 0), 0);
  const [before, after] = [total("before"), total("after")];
  byId("name").textContent = report.folder;
  const lede = byId("lede");
  // What the sums are of.
  const some = counts.done && counts.done < jobs.length ? `${counts.done.toLocaleString("en")} of ` : "";
  lede.append(`${some}${plural(jobs.length, "file")}`);
  if (before) lede.append(`: ${bytes(before)} ${ARROW} ${bytes(after)}, `, el("strong", {}, smaller(1 - after / before)));
  lede.append(".");
  const left = counts.waiting + counts.running;
  if (report.is_stopped && left) {
    byId("stopped").textContent = `The run was stopped: ${plural(left, "file")} left. The same command goes on.`;
    byId("stopped").hidden = false;
  }
  const cards = [["Done", counts.done, counts.done ? "gain" : "", before ? `${bytes(before - after)} saved` : ""],
    ["Failed", counts.failed, counts.failed ? "loss" : "", counts.failed ? "each with its reason below" : ""],
    ["Skipped", counts.skipped, "", counts.skipped ? "their sources stay" : ""]];
  if (left + counts.cancelled) cards.push(["Left", left + counts.cancelled, "", counts.cancelled ? `${counts.cancelled} cancelled` : "waiting, or in work"]);
  for (const [title, count, kind, note] of cards) byId("cards").append(card(title, count.toLocaleString("en"), "", kind, note));
  byId("cards").append(card("Time", lasting(report.elapsed_seconds), "", "", `of this run; ${lasting(total("seconds"))} of work in what is done`));
}

function compare(a, b) {
  const key = view.key, x = a[key], y = b[key];
  if (key === "state") return STATES.indexOf(x) - STATES.indexOf(y) || a.place - b.place;
  if (typeof x === "string") return x.localeCompare(y, "en", { numeric: true }) || a.place - b.place;
  // What is not known comes last, either way.
  if (x === null || y === null) return (x === null) - (y === null) || a.place - b.place;
  return (view.isDown ? y - x : x - y) || a.place - b.place;
}

function chosen() {
  const found = jobs.filter((one) => (view.state === "all" || one.state === view.state) && one.text.includes(view.words));
  if (view.key === null) return found;
  found.sort(compare);
  return view.isDown && typeof found[0]?.[view.key] === "string" ? found.reverse() : found;
}

function row(one) {
  const name = one.link ? el("a", { href: one.link }, one.name) : one.name;
  const below = [one.output ? `as ${one.output}` : "", one.reason].filter(Boolean).join("; ");
  return el("tr", {}, el("th", { scope: "row" }, name, ...(below ? [el("span", { class: "why" }, below)] : [])),
    el("td", { class: "state" }, el("b", { class: one.state }, one.state)), el("td", {}, sized(one.before)), el("td", {}, sized(one.after)),
    el("td", {}, share(one.saved)), el("td", { class: "codec" }, one.codec), el("td", {}, lasting(one.seconds)));
}

function sortBy(key) {
  // Sizes and times are wanted largest first.
  const isText = ["name", "state", "codec"].includes(key);
  view.isDown = view.key === key ? !view.isDown : !isText;
  view.key = key;
  show();
}

function show() {
  const found = chosen(), visible = found.slice(0, view.shown);
  const heads = COLUMNS.map((title, index) => el("th",
    { scope: "col", "aria-sort": view.key === KEYS[index] ? (view.isDown ? "descending" : "ascending") : null },
    el("button", { type: "button", onclick: () => sortBy(KEYS[index]) }, title)));
  byId("jobs").replaceChildren(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Files" },
    el("table", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...visible.map(row)))));
  byId("count").textContent = found.length > visible.length
    ? `The first ${visible.length.toLocaleString("en")} of ${plural(found.length, "file")}` : plural(found.length, "file");
  byId("more").hidden = found.length <= visible.length;
  byId("more").textContent = `Show ${Math.min(MORE, found.length - visible.length).toLocaleString("en")} more`;
}

function setUpTable() {
  const states = STATES.filter((state) => counts[state]);
  const options = [["all", `all ${jobs.length.toLocaleString("en")}`], ...states.map((state) => [state, `${state} ${counts[state].toLocaleString("en")}`])];
  if (states.length > 1) {
    byId("states").append(choices("Show", "state", options, "all", (state) => { Object.assign(view, { state, shown: AT_ONCE }); show(); }));
  }
  byId("search").addEventListener("input", (event) => { Object.assign(view, { words: event.target.value.toLowerCase(), shown: AT_ONCE }); show(); });
  byId("more").addEventListener("click", () => { view.shown += MORE; show(); });
  show();
}

showHeadline();
setUpTable();
byId("foot").textContent = `Made by semvid ${report.semvid} on ${report.made}.`;
