/** What is wished for of photographs: one is tried beside a plain JPEG, all are encoded, all are downloaded. */
import { byId, bytes, el } from "./dom.js";
import { isStill } from "./gallery.js";
import { makeSlider } from "./slider.js";
import { PROFILES } from "./try.js";

const POLL_MS = 300, SAID_MS = 6000;
const NAMES = { ...PROFILES, messaging: "Messenger or mail", screen: "Screenshots" };
const WISHES = {
  quality: { unit: "", first: 80, min: 1, max: 100, step: 1, hint: "1 to 100, as in plain JPEG. It is that of what matters; the rest is coarser." },
  bytes: { unit: "kB each", first: 200, min: 1, max: 1e6, step: "any", hint: "At most so much each, everything in the file included. A JPEG that is smaller already is kept as it is." },
};
const EDGES = [4096, 2560, 2048, 1600, 1080];

export async function setup(studio) {
  const panel = byId("stills");
  const option = ([value, name]) => el("option", { value }, name);
  const profile = el("select", { id: "still-profile", onchange: () => { showProfile(); takeSettings(); } }), failure = el("p", { class: "told small", role: "alert" });
  const kind = el("select", { id: "still-wish", onchange: () => showWish() }, ...[["quality", "Quality"], ["bytes", "Size of each file"]].map(option));
  const value = el("input", { type: "number", id: "still-value", "aria-label": "How much" }), unit = el("span", { class: "quiet small" });
  const hint = el("p", { class: "quiet small" });
  const edge = el("select", { id: "still-edge" }, ...[["0", "As it is"], ...EDGES.map((one) => [one, `${one} pixels`])].map(option));
  const strip = el("select", { id: "still-strip" }, ...[["none", "Nothing"], ["gps", "Where it was taken"], ["all", "All that does not change its look"]].map(option));
  const row = (label, input) => el("div", { class: "pick" }, el("label", { for: input.id }, label), input);
  const button = (text, id, act, more = "") => el("button", { type: "button", class: `button ${more}`, id, onclick: act }, text);
  const go = button("Compare with a plain JPEG", "still-go", begin, "strong"), stop = button("Stop", "still-stop", cancel), again = button("Compare again", "still-again", compare);
  const bar = el("progress", { hidden: true, "aria-label": "Progress of the trial" });
  const said = el("div", { class: "small", id: "still-said", role: "status" });
  const all = button("Encode all", "still-all", () => enqueue(null), "strong"), one = button("Only this one", "still-one", () => enqueue([studio.video.id]));
  const zip = el("a", { class: "button", id: "still-zip", download: "" }), counts = el("p", { class: "small quiet", id: "still-counts" });
  panel.append(el("h2", {}, "Try and encode"),
    el("div", { class: "form" }, row("Profile", profile), failure, row("Wish", kind), el("div", { class: "pick wish" }, value, unit), hint, row("Longest side", edge), row("Leave out", strip)),
    el("div", { class: "buttons" }, go, stop, again), bar, said, el("div", { class: "buttons" }, all, one), counts, el("div", { class: "buttons" }, zip));
  const slider = makeSlider();
  let status = { state: "none" }, isToShow = false, isPolling = false, tried = "", numEdited = 0;
  /** All that makes a trial what it is. */
  const wanted = () => JSON.stringify([profile.value, kind.value, value.value, edge.value, strip.value, studio.settings, numEdited]);

  let profiles = [{ name: "", wish: { kind: "quality", value: 80 }, max_edge: 0, strip: "none" }];
  const profileNow = () => profiles.find((each) => each.name === profile.value) ?? profiles[0];

  /** Show what goes with the wish; what it says at first is by `number`, if that is given. */
  function showWish(number) {
    value.closest(".pick").hidden = !kind.value;
    if (!kind.value) { hint.textContent = ""; return; }
    const { unit: words, first, min, max, step, hint: told } = WISHES[kind.value];
    Object.assign(value, { min, max, step });
    value.value = number ?? first;
    unit.textContent = words;
    hint.textContent = told;
  }

  /** Fill in what a profile says. */
  function showProfile() {
    const { error, wish, max_edge: most, strip: less } = profileNow();
    // What profiles say about themselves is of videos.
    failure.textContent = error ?? "";
    if (error) return;
    kind.querySelector("[value='']")?.remove();
    // A score has no field here, but may be kept.
    if (!wish.kind) kind.prepend(option(["", wish.value]));
    kind.value = wish.kind;
    showWish(wish.kind === "bytes" ? wish.value / 1000 : wish.value);
    if (![...edge.options].some((each) => each.value === String(most))) edge.append(option([most, `${most} pixels`]));
    edge.value = most;
    strip.value = less;
  }

  /** What a profile says of maps holds for all photographs, and is shown where it can be changed. */
  async function takeSettings() {
    const { settings } = profileNow();
    if (!isStill(studio) || !settings) return;
    try { studio.set("settings", await studio.post(studio.of("settings"), settings)); } catch (error) { studio.tell(error.message, true); }
  }

  function chosen() {
    const found = { max_edge: Number(edge.value), strip: strip.value, ...(profile.value && { profile: profile.value }) };
    if (!kind.value) return found;
    if (!value.reportValidity() || value.value === "") throw new Error(`give a number from ${value.min} to ${value.max}`);
    const number = Number(value.value);
    return { ...found, wish: { kind: kind.value, value: kind.value === "bytes" ? Math.round(1000 * number) : number } };
  }

  function compare() {
    slider.show(status, studio.video.name, sayStill(status)[1]?.[1] ?? "");
  }

  async function begin() {
    try {
      status = await studio.post(studio.of("try"), chosen());
      isToShow = true;
      tried = wanted();
      tell();
      poll();
    } catch (error) { studio.tell(error.message, true); }
  }

  async function cancel() {
    isToShow = false;
    try { status = await studio.post("/api/try/cancel", {}); } catch (error) { studio.tell(error.message, true); }
    tell();
  }

  async function poll() {
    if (isPolling) return;
    isPolling = true;
    while (status.state === "running") {
      await new Promise((done) => setTimeout(done, POLL_MS));
      try { status = await studio.get("/api/try"); } catch (error) { studio.tell(error.message, true); break; }
      tell();
    }
    isPolling = false;
  }

  /** The trial, if it is of the photograph that is looked at. */
  const isHere = () => status.still !== undefined && status.still === studio.video?.id;

  function tell() {
    if (!isStill(studio)) return;
    const isRunning = status.state === "running" && status.kind !== "map", hasPictures = isHere() && Boolean(status.ours);
    stop.hidden = bar.hidden = !isRunning;
    go.disabled = isRunning;
    again.hidden = !hasPictures;
    const lines = [];
    if (status.state === "failed" && isHere()) lines.push(["bad", status.failure]);
    if (isRunning) lines.push(["quiet", `${status.stage || "beginning"}...`]);
    if (hasPictures) lines.push(...sayStill(status));
    if (hasPictures && tried !== wanted()) lines.push(["quiet", "Something was changed since; compare anew to see it."]);
    for (const each of isHere() ? status.notices ?? [] : []) lines.push(["quiet", each.split(";")[0]]);
    said.replaceChildren(...lines.map(([kindOf, text]) => el("p", { class: kindOf }, text.replaceAll("`", ""))));
    if (!isToShow || !hasPictures) return;
    isToShow = false;
    compare();
  }

  async function enqueue(ids) {
    try {
      const { jobs } = await studio.post("/api/stills/queue", { choices: chosen(), ...(ids && { stills: ids }) });
      const words = jobs.length === 1 ? "1 photograph is in the queue" : `${jobs.length} photographs are in the queue`;
      studio.tell(words);
      // What is counted below says what becomes of them.
      setTimeout(() => { if (byId("state").textContent === words) studio.tell(""); }, SAID_MS);
      studio.dispatchEvent(new Event("queued"));
    } catch (error) { studio.tell(error.message, true); }
  }

  /** Say how far all are, and offer what is done as one file. */
  function count() {
    if (!isStill(studio)) return;
    const number = studio.stills.length;
    all.textContent = number === 1 ? "Encode it" : `Encode all ${number}`;
    one.hidden = number === 1;
    const jobs = studio.stills.map((each) => studio.jobOf(each)).filter(Boolean), of = (...states) => jobs.filter((each) => states.includes(each.state));
    const done = of("done").filter((each) => each.is_there), left = of("waiting", "running").length, failed = of("failed").length;
    const sum = (key) => done.reduce((total, each) => total + (each[key] ?? 0), 0);
    counts.textContent = [
      done.length && `${done.length} of ${number} done: ${bytes(sum("source_bytes"))} \u2192 ${bytes(sum("output_bytes"))}`,
      left && `${left} to do`, failed && `${failed} failed`,
    ].filter(Boolean).join(", ");
    zip.hidden = !done.length;
    zip.textContent = done.length === 1 ? `Download 1 (${bytes(sum("output_bytes"))})` : `Download all ${done.length} (${bytes(sum("output_bytes"))}, one zip)`;
    zip.href = done.length === 1 ? `/api/queue/${done[0].id}/output` : `/api/stills/zip?jobs=${done.map((each) => each.id).join()}`;
  }

  for (const name of ["stills", "jobs", "video"]) studio.addEventListener(name, count);
  for (const name of ["video", "settings"]) studio.addEventListener(name, tell);
  studio.addEventListener("edited", () => { numEdited += 1; tell(); });
  panel.addEventListener("change", tell);
  try { ({ profiles } = await studio.get("/api/stills/choices")); } catch (error) { studio.tell(error.message, true); }
  profile.replaceChildren(...profiles.map((each) => option([each.name, NAMES[each.name] ?? (each.name || (each.is_changed ? "As your semvid.toml says" : "None: choose yourself"))])));
  profile.closest(".pick").hidden = profiles.length < 2;
  showProfile();
  tell();
  count();
}

/** Say in words, line by line, what a trial came to. */
export function sayStill({ ours, theirs, source_bytes: before, as_good: asGood, important_share: share, width, height }) {
  if (!theirs) return [["strong", `Kept as it is: ${bytes(ours.bytes)}`]];
  const measure = ours.scores.salient === null ? "whole" : "salient", gain = ours.scores[measure] - theirs.scores[measure];
  const where = measure === "salient" ? "Where it matters" : "All of it (nothing stands out)";
  const lines = [
    ["strong", `${bytes(before)} \u2192 ${bytes(ours.bytes)}, ${width}\u00d7${height}; the plain JPEG has ${bytes(theirs.bytes)}`],
    ["", `${where}: ${ours.scores[measure].toFixed(1)} dB, plain ${theirs.scores[measure].toFixed(1)} dB (${gain < 0 ? "\u2212" : "+"}${Math.abs(gain).toFixed(1)} dB).`],
  ];
  if (asGood?.bytes) {
    const more = Math.round(100 * (asGood.bytes / ours.bytes - 1));
    lines.push(["", `A plain JPEG as good there needs ${bytes(asGood.bytes)}, ${Math.abs(more)} % ${more < 0 ? "less" : "more"}.`]);
  } else if (asGood) lines.push(["", "No plain JPEG is as good there."]);
  if (measure === "salient" && ours.scores.background !== null) lines.push(["quiet", `The rest, ${Math.round(100 * (1 - share))} % of the picture: ${ours.scores.background.toFixed(1)} dB, plain ${theirs.scores.background.toFixed(1)} dB.`]);
  return lines;
}
