/** Choosing a video or photographs: from the folder, by path, or dropped on the page. */
import { byId, bytes, el } from "./dom.js";

const DROPPED = ".semvid/dropped";
/** Browsers do not know the types of all of them. */
const PICTURE = /\.(jpe?g|jfif|png|webp|tiff?|avif|gif|bmp|jp2|j2k|p[bgnp]m|tga|qoi|sgi|pcx|ico)$/i;

export function setup(studio) {
  const section = byId("files"), button = byId("files-button"), veil = byId("drop-veil");
  const list = el("ul", { class: "entries" }), trail = el("nav", { class: "trail small", "aria-label": "Folder" });
  const told = el("p", { class: "told small", role: "alert" });
  const picker = el("input", { type: "file", multiple: true, accept: "video/*,image/*,.mkv,.ts,.mts,.m2ts,.mxf,.y4m", class: "unseen", id: "picker", onchange: () => take(picker.files) });
  const progress = el("progress", { max: 1, value: 0, hidden: true, "aria-label": "Copying" });
  const path = el("input", { type: "text", id: "path", placeholder: "Path of a file in this folder", "aria-label": "Path of a file in this folder", autocomplete: "off", spellcheck: "false" });
  const form = el("form", { class: "path", onsubmit: (event) => { event.preventDefault(); if (path.value.trim()) open(path.value.trim().replace(/^["']|["']$/g, "")); } },
    path, el("button", { class: "button" }, "Open"));
  const every = el("button", { type: "button", class: "button all-stills", id: "all-stills", hidden: true, onclick: chooseAll }, "Choose all photographs here");
  section.append(
    el("div", { class: "welcome" },
      el("h2", {}, "See what matters in a video, or in photographs"),
      el("p", { class: "quiet" }, "Choose some. The map of what matters appears at once; correct it, try it, then encode."),
      el("label", { class: "drop", for: "picker" }, picker, el("strong", {}, "Drop a video or photographs here"), el("span", { class: "quiet small" }, "or click to choose. They are copied into this folder, and go nowhere else."), progress),
    ),
    el("div", { class: "browse" }, el("h3", {}, "In this folder"), trail, list, every, form, told),
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
      if (!folder.entries.length) list.append(el("li", { class: "quiet small none" }, "No videos or pictures here."));
      every.hidden = folder.entries.filter((one) => one.kind === "still").length < 2;
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
    const words = kind === "folder" ? "" : bytes(size);
    const one = el("button", { type: "button", class: "entry", title: name, onclick: () => (kind === "folder" ? show(place) : open(place)) },
      el("span", { class: `kind ${kind}`, "aria-hidden": "true" }), el("span", { class: "name" }, place === DROPPED ? "Dropped here" : name), el("span", { class: "quiet small" }, words));
    return el("li", {}, one);
  }

  async function open(place) {
    let isOpen = true;
    told.textContent = "";
    section.setAttribute("aria-busy", "true");
    studio.tell(`Opening ${place.split("/").pop()}`);
    try {
      begin(await studio.post("/api/open", { path: place }));
    } catch (error) {
      told.textContent = error.message;
      studio.tell("");
      isOpen = false;
    }
    section.removeAttribute("aria-busy");
    return isOpen;
  }

  /** Choose all photographs of the folder that is shown, and open the first that can be. */
  async function chooseAll() {
    try {
      const { chosen } = await studio.post("/api/stills/choose", { folder: shown });
      for (const one of chosen) if (await open(one)) return;
    } catch (error) { told.textContent = error.message; }
  }

  function begin(video) {
    button.hidden = false;
    isShown(false);
    studio.openVideo(video);
  }

  /** Copy dropped files into the folder one by one, and open the first: all photographs, or a video. */
  async function take(given) {
    const files = [...given ?? []], isPicture = (file) => file.type.startsWith("image/") || PICTURE.test(file.name);
    const pictures = files.filter(isPicture), taken = pictures.length ? pictures : files.slice(0, 1), failed = [];
    if (!files.length) return;
    isShown(true);
    told.textContent = "";
    progress.hidden = false;
    let first = null;
    for (const [index, file] of taken.entries()) {
      try {
        const said = await copy(file, (share) => { progress.value = (index + share) / taken.length; });
        first ??= said;
      } catch (error) { failed.push(taken.length > 1 ? `${file.name}: ${error.message}` : error.message); }
    }
    progress.hidden = true;
    picker.value = "";
    if (first) begin(first);
    if (files.length > taken.length) failed.push(pictures.length ? "Photographs were taken; drop the video by itself." : "One video at a time: the first is taken.");
    told.replaceChildren(...failed.flatMap((one) => [one, el("br")]));
    // The panel of files is closed now.
    if (first && failed.length) studio.tell(failed.length === 1 ? failed[0] : `${failed.length} files were not taken; "Files" says why`, true);
  }

  function copy(file, tell) {
    if (file.size > most) throw new Error(`it has ${bytes(file.size)}; up to ${bytes(most)} are copied. Start semvid studio in its folder instead.`);
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) tell(event.loaded / event.total); });
    return new Promise((done, fail) => {
      request.addEventListener("loadend", () => {
        let said = { error: "The file was not taken; look into the terminal semvid studio was started in." };
        try { said = JSON.parse(request.responseText); } catch { /* The connection broke off: said says so. */ }
        if (request.status === 200) done(said); else fail(new Error(said.error));
      });
      request.open("PUT", `/api/drop?name=${encodeURIComponent(file.name)}`);
      request.send(file);
    });
  }

  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => { if (hasFiles(event)) { event.preventDefault(); veil.hidden = false; } });
  addEventListener("dragleave", (event) => { if (event.relatedTarget === null) veil.hidden = true; });
  addEventListener("drop", (event) => {
    veil.hidden = true;
    if (hasFiles(event)) { event.preventDefault(); take(event.dataTransfer.files); }
  });

  studio.addEventListener("closed", () => { button.hidden = true; isShown(true); show(shown); });
  show("");
  // The modules after this one hear of it, too.
  if (location.hash.length > 1) queueMicrotask(() => open(decodeURIComponent(location.hash.slice(1))));
}
