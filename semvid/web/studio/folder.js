/** Choosing a video: from the folder, by its path, or dropped on the page. */
import { byId, bytes, el } from "./dom.js";


const DROPPED = ".semvid/dropped";

export function setup(studio) {
  const section = byId("files"), button = byId("files-button"), veil = byId("drop-veil");
  const list = el("ul", { class: "entries" }), trail = el("nav", { class: "trail small", "aria-label": "Folder" });
  const told = el("p", { class: "told small", role: "alert" });
  const picker = el("input", { type: "file", accept: "video/*,.mkv,.ts,.mts,.m2ts,.mxf,.y4m", class: "unseen", id: "picker", onchange: () => take(picker.files) });
  const progress = el("progress", { max: 1, value: 0, hidden: true, "aria-label": "Copying" });
  const path = el("input", { type: "text", id: "path", placeholder: "Path of a video in this folder", "aria-label": "Path of a video in this folder", autocomplete: "off", spellcheck: "false" });
  const form = el("form", { class: "path", onsubmit: (event) => { event.preventDefault(); if (path.value.trim()) open(path.value.trim().replace(/^["']|["']$/g, "")); } },
    path, el("button", { class: "button" }, "Open"));
  section.append(
    el("div", { class: "welcome" },
      el("h2", {}, "See what matters in a video"),
      el("p", { class: "quiet" }, "Choose one. The map of what matters appears at once; correct it, try it on a few seconds, then encode."),
      el("label", { class: "drop", for: "picker" }, picker, el("strong", {}, "Drop a video here"), el("span", { class: "quiet small" }, "or click to choose one. It is copied into this folder, and goes nowhere else."), progress),
    ),
    el("div", { class: "browse" }, el("h3", {}, "In this folder"), trail, list, form, told),
  );

  const isShown = (shown) => {
    section.hidden = !shown;
    button.setAttribute("aria-expanded", shown);
  };
  button.addEventListener("click", () => { isShown(section.hidden); if (!section.hidden) show(shown); });

  let shown = "", most = Infinity;
  async function show(wanted) {
    try {
      const folder = await studio.get(`/api/folder?path=${encodeURIComponent(wanted)}`);
      shown = folder.path;
      most = folder.most_dropped;
      trail.replaceChildren(...crumbs(folder));
      list.replaceChildren(...folder.entries.map(entry));
      if (!folder.entries.length) list.append(el("li", { class: "quiet small none" }, "No videos here."));
      told.textContent = "";
    } catch (error) {
      told.textContent = error.message;
    }
  }

  function crumbs({ path: place, root }) {
    const parts = place ? place.split("/") : [];
    return [root || "/", ...parts].flatMap((name, index) => {
      const to = parts.slice(0, index).join("/"), isLast = index === parts.length;
      const crumb = isLast ? el("span", { "aria-current": "true" }, name) : el("button", { type: "button", class: "link", onclick: () => show(to) }, name);
      return index ? [" / ", crumb] : [crumb];
    });
  }

  function entry({ name, path: place, kind, bytes: size }) {
    const act = { folder: () => show(place), video: () => open(place) }[kind];
    const words = kind === "folder" ? "" : kind === "still" ? "picture" : bytes(size);
    const one = el("button", { type: "button", class: "entry", disabled: !act, title: act ? name : "Pictures are compressed by semvid image", onclick: act },
      el("span", { class: `kind ${kind}`, "aria-hidden": "true" }), el("span", { class: "name" }, place === DROPPED ? "Dropped here" : name), el("span", { class: "quiet small" }, words));
    return el("li", {}, one);
  }

  async function open(place) {
    told.textContent = "";
    section.setAttribute("aria-busy", "true");
    studio.tell(`Opening ${place.split("/").pop()}`);
    try {
      begin(await studio.post("/api/open", { path: place }));
    } catch (error) {
      told.textContent = error.message;
      studio.tell("");
    }
    section.removeAttribute("aria-busy");
  }

  function begin(video) {
    button.hidden = false;
    isShown(false);
    studio.openVideo(video);
  }

  /** Copy a dropped file into the folder, and open it. */
  function take(files) {
    if (!files?.length) return;
    const [file] = files, request = new XMLHttpRequest();
    isShown(true);
    if (file.size > most) {
      told.textContent = `${file.name} has ${bytes(file.size)}; up to ${bytes(most)} are copied. Start semvid studio in its folder instead.`;
      return;
    }
    told.textContent = files.length > 1 ? "One at a time: the first is taken." : "";
    progress.hidden = false;
    progress.value = 0;
    request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) progress.value = event.loaded / event.total; });
    request.addEventListener("loadend", () => {
      progress.hidden = true;
      picker.value = "";
      let said = { error: "The file was not taken; look into the terminal semvid studio was started in." };
      try { said = JSON.parse(request.responseText); } catch { /* The connection broke off: said says so. */ }
      if (request.status === 200) begin(said);
      else told.textContent = said.error;
    });
    request.open("PUT", `/api/drop?name=${encodeURIComponent(file.name)}`);
    request.send(file);
  }

  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => { if (hasFiles(event)) { event.preventDefault(); veil.hidden = false; } });
  addEventListener("dragleave", (event) => { if (event.relatedTarget === null) veil.hidden = true; });
  addEventListener("drop", (event) => {
    veil.hidden = true;
    if (hasFiles(event)) { event.preventDefault(); take(event.dataTransfer.files); }
  });

  show("");
  // The modules after this one hear of it, too.
  if (location.hash.length > 1) queueMicrotask(() => open(decodeURIComponent(location.hash.slice(1))));
}
