"use strict";

const KEEP_BEHIND = 10, AIM_BEHIND = 0.15, CHASE_BEHIND = 0.5, JUMP_BEHIND = 2;
/** Chunks are joined now and then: browsers put large blobs on the disk. */
const JOIN_BYTES = 8e6;

const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;

/** Why a recording or a stream could not be had. */
async function reasonOf(answer) {
  try { return (await answer.json()).error; } catch { return `status ${answer.status}`; }
}

/**
 * Plays the encode in a video element, close to its newest picture.
 * `told(state, words)`: "plays"; "cannot" = this browser never will; "lost" = it broke off.
 */
function makePlayer(video, told) {
  let current = null;

  function stop() {
    current?.abort();
    current = null;
    video.removeAttribute("src");
    video.load();
  }

  async function start() {
    stop();
    if (!Source) { told("cannot", "this browser has no Media Source Extensions"); return; }
    const mine = current = new AbortController();
    try {
      const answer = await fetch("/stream/encode", { signal: mine.signal });
      if (!answer.ok) { told("lost", await reasonOf(answer)); return; }
      const type = answer.headers.get("Content-Type");
      if (!Source.isTypeSupported(type)) {
        mine.abort();
        told("cannot", `this browser does not play ${type.match(/codecs="(.*)"/)?.[1] ?? type}`);
        return;
      }
      await play(answer, type, mine);
      if (!mine.signal.aborted) told("lost", "the encode ended");
    } catch (error) {
      if (!mine.signal.aborted) told("lost", error.message);
    }
  }

  async function play(answer, type, mine) {
    const source = new Source(), address = URL.createObjectURL(source);
    video.disableRemotePlayback = true;
    video.src = address;
    await once(source, "sourceopen", mine);
    URL.revokeObjectURL(address);
    const buffer = source.addSourceBuffer(type), reader = answer.body.getReader();
    let isShown = false;
    while (!mine.signal.aborted) {
      const { value, done } = await reader.read();
      if (done || mine.signal.aborted) return;
      if (video.error) throw new Error(video.error.message || "this browser cannot decode it");
      buffer.appendBuffer(value);
      await once(buffer, "updateend", mine);
      follow();
      const first = buffer.buffered.length ? buffer.buffered.start(0) : Infinity;
      if (video.currentTime - first > 2 * KEEP_BEHIND) {
        buffer.remove(0, video.currentTime - KEEP_BEHIND);
        await once(buffer, "updateend", mine);
      }
      if (!isShown && video.readyState >= 2) { isShown = true; told("plays", ""); }
    }
  }

  /** Stay close to the newest picture: a little faster when behind, and at once when far behind or in a gap. */
  function follow() {
    const behind = lag();
    if (behind === null) return;
    const { buffered } = video, last = buffered.length - 1;
    if (behind > JUMP_BEHIND || video.currentTime < buffered.start(last)) {
      video.currentTime = Math.max(buffered.start(last), buffered.end(last) - AIM_BEHIND);
    }
    video.playbackRate = behind > CHASE_BEHIND ? 1.1 : 1;
    if (video.paused) video.play().catch(() => {});
  }

  /** Seconds behind the newest picture here; null = there is none. */
  function lag() {
    const { buffered } = video;
    return buffered.length ? buffered.end(buffered.length - 1) - video.currentTime : null;
  }

  return { start, stop, lag };
}

function once(target, name, { signal }) {
  return new Promise((resolve, reject) => {
    const end = () => { target.removeEventListener(name, end); signal.removeEventListener("abort", end); (signal.aborted ? reject(new Error("stopped")) : resolve()); };
    target.addEventListener(name, end);
    signal.addEventListener("abort", end);
  });
}

/**
 * Keeps the encode, with its sound, and gives it to the browser as a download. Nothing is written where semvid runs.
 * `told(state, words)`: "waits", "records", "saved", "failed".
 */
function makeRecorder(told) {
  let current = null, isStopped = false;

  async function start() {
    const mine = current = new AbortController();
    const began = performance.now();
    let joined = new Blob(), chunks = [], waiting = 0, name = "semvid", words = "";
    isStopped = false;
    told("waits", "");
    try {
      const answer = await fetch("/stream/recording", { signal: mine.signal });
      if (!answer.ok) { told("failed", await reasonOf(answer)); return; }
      name = answer.headers.get("Content-Disposition").match(/filename="(.*)"/)[1];
      const reader = answer.body.getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        chunks.push(part.value);
        waiting += part.value.length;
        if (waiting > JOIN_BYTES) { joined = new Blob([joined, ...chunks]); chunks = []; waiting = 0; }
        told("records", `${duration((performance.now() - began) / 1000)}, ${bytes(joined.size + waiting)}`);
      }
      words = "it ended by itself";
    } catch (error) {
      if (!isStopped) words = `it broke off: ${error.message}`;
    } finally {
      current = null;
    }
    const blob = new Blob([joined, ...chunks]);
    if (!blob.size) { told("failed", words || "nothing came"); return; }
    const link = el("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    told("saved", `${name}, ${bytes(blob.size)}${words ? `; ${words}` : ""}`);
  }

  function stop() {
    isStopped = true;
    current?.abort();
  }

  return { start, stop, isOn: () => current !== null };
}
