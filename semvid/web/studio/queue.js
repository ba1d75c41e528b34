/** The queue: what is encoded, how far it is, and what came of it. It goes on when this page is closed. */
import { byId, bytes, el, lasting, sentence } from "./dom.js";

const BUSY_MS = 1000, IDLE_MS = 4000;
const WORDS = { waiting: "waiting", running: "encoding", done: "done", skipped: "skipped", failed: "failed", cancelled: "cancelled" };

export function setup(studio) {
  const pause = el("button", { type: "button", class: "button", id: "queue-pause", onclick: () => act(isPaused ? "resume" : "pause") }, "Pause");
  const list = el("ul", { class: "jobs" }), failure = el("p", { class: "told small", role: "alert" });
  const where = el("p", { class: "quiet small" });
  const panel = byId("queue");
  const title = el("div", { class: "title" }, el("h2", {}, "Queue"), pause);
  let isPaused = false, hasFileManager = false, timer = 0, shownText = "";
  const asked = new Set();
  // There may be hundreds: they are made when they are looked at.
  const stillsTitle = el("summary"), stillList = el("ul", { class: "jobs" });
  const stills = el("details", { class: "jobs-of-stills", hidden: true, ontoggle: () => { shownText = ""; poll(); } }, stillsTitle, stillList);

  async function act(path, body = {}) {
    try { show(await studio.post(`/api/queue/${path}`, body)); studio.tell(""); } catch (error) { studio.tell(error.message, true); }
  }

  async function poll() {
    clearTimeout(timer);
    let isBusy = false;
    try {
      const told = await studio.get("/api/queue");
      isBusy = told.jobs.some((one) => one.state === "running" || one.state === "waiting" || one.report === "making");
      show(told);
    } catch (error) { studio.tell(error.message, true); }
    timer = setTimeout(poll, isBusy && !document.hidden ? BUSY_MS : IDLE_MS);
  }

  function show(told) {
    ({ is_paused: isPaused, has_file_manager: hasFileManager } = told);
    studio.set("jobs", told.jobs);
    const text = JSON.stringify([told, [...asked]]);
    if (text === shownText) return;
    shownText = text;
    if (!panel.firstChild) panel.append(title, failure, list, stills, where);
    // What an earlier day left is seen before a video is chosen.
    if (told.jobs.length) byId("panels").hidden = false;
    pause.textContent = isPaused ? "Go on" : "Pause";
    pause.setAttribute("aria-description", isPaused ? "Begin what waits" : "Finish what is in hand and begin nothing");
    pause.hidden = !told.jobs.length;
    failure.textContent = told.failure ? `The queue stands still: ${told.failure}` : "";
    where.textContent = told.jobs.length ? `Outputs are in ${told.folder}. Closing this page stops nothing; Ctrl-C in the terminal does, and the next start goes on.` : "Nothing is encoded yet. What you encode is listed here.";
    const focus = document.activeElement?.dataset?.key;
    const newest = told.jobs.slice().reverse(), pictures = newest.filter((one) => one.is_picture);
    list.replaceChildren(...newest.filter((one) => !one.is_picture).map(card));
    stills.hidden = !pictures.length;
    if (stills.open || !pictures.length) stillList.replaceChildren(...pictures.map(card));
    stillsTitle.textContent = `Photographs: ${sayStates(pictures)}`;
    if (focus) panel.querySelector(`[data-key="${focus}"]`)?.focus();
  }

  function sayStates(jobs) {
    const count = (state) => jobs.filter((one) => one.state === state).length;
    return ["done", "running", "waiting", "failed", "cancelled"].filter(count).map((one) => `${count(one)} ${one === "waiting" ? "waiting" : WORDS[one]}`).join(", ");
  }

  function button(job, name, key, run) {
    return el("button", { type: "button", class: "button", "data-key": `${job.id}-${key}`, onclick: run }, name);
  }

  /** A button that asks once more before it does something for good. */
  function asking(job, name, sure, key, run) {
    const id = `${job.id}-${key}`;
    return button(job, asked.has(id) ? sure : name, key, () => {
      if (asked.delete(id)) { run(); return; }
      asked.add(id);
      setTimeout(() => { asked.delete(id); }, 5000);
      poll();
    });
  }

  function card(job) {
    const parts = [el("div", { class: "job-head" }, el("strong", {}, job.name), el("span", { class: `badge ${job.state}` }, isPaused && job.state === "waiting" ? "paused" : WORDS[job.state]))];
    const buttons = el("div", { class: "buttons" });
    const line = (text, kind = "quiet small") => { if (text) parts.push(el("p", { class: kind }, text)); };
    if (job.state === "running") {
      const bar = el("progress", { "aria-label": `Progress of ${job.name}` });
      if (job.progress.share !== null) bar.value = job.progress.share;
      parts.push(bar);
      line(sayProgress(job.progress));
    }
    if (job.state === "waiting" && !job.is_ours) line("It waits for semvid batch, which put it here; run that again in this folder.");
    line(job.reason, "bad small");
    for (const one of job.progress?.notices ?? []) line(one);
    if (job.state === "done") {
      line(sayResult(job), "small");
      if (job.output_bytes > job.source_bytes) line("It is larger than the source. For a smaller one, ask for less: a smaller size, or a lower quality.");
      parts.push(el("code", { class: "small where" }, job.output));
      if (!job.is_there) line("The file is not there any more.", "bad small");
      if (job.is_there) {
        buttons.append(
          ...(job.is_picture ? [] : [button(job, "Compare", "compare", () => compare(job))]),
          el("a", { class: "button", href: `/api/queue/${job.id}/output`, download: "", "data-key": `${job.id}-get` }, "Download"));
        if (hasFileManager) buttons.append(button(job, "Open folder", "folder", () => showFolder(job)));
        if (job.report === "done") {
          const href = `/api/queue/${job.id}/report`;
          buttons.append(
            el("a", { class: "button", href, target: "_blank", rel: "noopener", "data-key": `${job.id}-report` }, "Open report"),
            el("a", { class: "button", href, download: `${job.output.split("/").pop()}.report.html`, "data-key": `${job.id}-save` }, "Save report"));
        }
        else if (job.report === "making") line(job.is_picture ? "The report is being made: other coders make it in as many bytes." : "The report is being made: that takes one more encode.");
        else {
          line(job.report, "bad small");
          buttons.append(button(job, "Make a report", "report", () => act(`${job.id}/report`)));
        }
        buttons.append(asking(job, "Delete file", "Yes, delete it", "delete", () => act(`${job.id}/delete`, { with_output: true })));
      }
    }
    if (job.state === "waiting" || job.state === "running") buttons.append(asking(job, "Cancel", "Yes, cancel it", "cancel", () => act(`${job.id}/cancel`)));
    if (job.state === "failed" || job.state === "cancelled") buttons.append(button(job, "Try again", "retry", () => act(`${job.id}/retry`)));
    if (!["waiting", "running"].includes(job.state)) buttons.append(button(job, "Remove from list", "remove", () => act(`${job.id}/delete`, {})));
    return el("li", { class: "job", "data-state": job.state }, ...parts, buttons);
  }

  async function showFolder(job) {
    try { await studio.post(`/api/queue/${job.id}/folder`, {}); studio.tell(""); } catch (error) { studio.tell(error.message, true); }
  }

  async function compare(job) {
    try {
      const detail = await studio.post(`/api/queue/${job.id}/compare`, {});
      studio.tell("Clips of both are made; they play when they are ready.");
      studio.dispatchEvent(new CustomEvent("compare", { detail }));
    } catch (error) { studio.tell(error.message, true); }
  }

  studio.addEventListener("queued", poll);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
  poll();
}

function sayProgress({ stage, share, frames_per_second: speed, seconds_left: left, num_parts: parts, num_parts_done: done }) {
  const said = [sentence(stage || "encoding")];
  if (parts) said.push(`${done} of ${parts} parts done`);
  if (share !== null) said.push(`${Math.floor(share * 100)} %`);
  if (speed !== null) said.push(`${speed < 10 ? speed.toFixed(1) : Math.round(speed)} frames/s`);
  if (left !== null) said.push(`about ${lasting(left)} left`);
  return said.join(" · ");
}

function sayResult({ source_bytes: before, output_bytes: after, saving, seconds }) {
  if (before === null || after === null) return "";
  const change = Math.round((after / Math.max(before, 1) - 1) * 100);
  const saved = saving === null ? "" : `; the map saved about ${Math.round(saving * 100)} % of a plain encode`;
  return `${bytes(before)} → ${bytes(after)} (${change > 0 ? "+" : "−"}${Math.abs(change)} %)${saved}${seconds === null ? "" : `; took ${lasting(seconds)}`}`;
}
