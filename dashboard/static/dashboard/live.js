// Keeps the page in step with the region. Every message says from which version it leads to which, and how far the
// logs were; whoever has missed one asks for what is missing, by the version that it has.

import { listen } from "./keys.js";
import { putFragment, putRows } from "./patch.js";
import { ago, now, serverTime, tellTimes } from "./times.js";

const LATE = 6000; // milliseconds without a word from the server, which speaks at least every three seconds
const LOST = 15000; // after which the connection is given up and made anew
const PAUSES = [500, 1000, 2000, 4000, 8000];
const ENTREATIES = 3; // failures after which it is asked whether the page itself may still be read

const body = document.body;
const mark = document.getElementById("mark");
const markText = document.getElementById("mark-text");
const live = body.dataset.epoch !== undefined;

let socket = null;
let heardAt = 0; // by this machine's clock, which need not be right to measure
let failures = 0;
let state = null;
let epoch = body.dataset.epoch ?? "";
let version = Number(body.dataset.version ?? 0);
let reconnecting = 0;
let paused = false;

const address = () => location.pathname + location.search;

function watch() {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ page: address(), epoch, version }));
}

function connect() {
  clearTimeout(reconnecting);
  socket?.close();
  const url = new URL("/ws/dashboard", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const made = new WebSocket(url);
  socket = made;
  heardAt = Date.now();
  made.onopen = () => watch();
  made.onmessage = (event) => made === socket && take(JSON.parse(event.data));
  made.onclose = () => made === socket && later();
}

function later() {
  socket = null;
  const pause = PAUSES[Math.min(failures, PAUSES.length - 1)];
  failures += 1;
  reconnecting = setTimeout(connect, pause * (0.5 + Math.random())); // not everybody at the same moment
  if (failures % ENTREATIES === 0) renew();
  tellState();
}

// Why it was not let in, a browser does not say. The ticket runs out after some hours, and every page brings a new one;
// a page that leads elsewhere wants somebody to sign in.
async function renew() {
  try {
    const answer = await fetch(address(), { method: "HEAD", redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect") location.reload();
  } catch {
    // the server is away: it is tried again
  }
}

function take(message) {
  heardAt = Date.now();
  failures = 0;
  state = message.state;
  serverTime(state.at);
  if (message.kind === "sheet") takeSheet(message);
  else if (message.kind === "notice") notice(message.text);
  away();
  tellState();
}

function takeSheet(message) {
  if (paused) return; // what is missed meanwhile is asked for afterwards
  const whole = message.after === 0;
  if (!whole && (message.epoch !== epoch || message.after !== version)) {
    watch(); // something was missed
    return;
  }
  epoch = message.epoch;
  version = message.version;
  for (const [id, html] of Object.entries(message.fragments)) {
    const element = document.getElementById(id);
    if (element) putFragment(element, html);
  }
  for (const [id, rows] of Object.entries(message.lists)) {
    const element = document.getElementById(id);
    if (element) putRows(element, rows);
  }
  body.dataset.epoch = epoch;
  body.dataset.version = String(version);
  tellTimes();
  document.dispatchEvent(new CustomEvent("meridian:shown", { detail: message.state }));
}

function away() {
  const known = document.getElementById("away");
  if (!state.since) known?.remove();
  else if (!known) {
    const text = "The database cannot be read. This page is from memory; lookups go on, nothing can be changed.";
    notice(text, "warning").id = "away";
  }
}

/** A line at the top of the page; it stays until it is gone by itself or closed. */
function notice(text, kind = "info") {
  const line = document.createElement("p");
  line.className = `notice ${kind}`;
  line.textContent = text;
  document.getElementById("notices").append(line);
  if (kind === "info") setTimeout(() => line.remove(), 15000);
  return line;
}

function said() {
  if (!socket || socket.readyState !== WebSocket.OPEN) return ["reconnecting", "◌", "reconnecting"];
  const silent = Date.now() - heardAt;
  if (paused) return ["late", "‖", "paused"];
  if (silent > LATE) return ["late", "◔", `late by ${Math.round(silent / 1000)} s`];
  if (state?.since) return ["late", "◔", `from memory, ${ago(now() - state.since * 1000)}`];
  return state ? ["live", "●", "live"] : ["reconnecting", "◌", "connecting"];
}

function tellState() {
  const [name, glyph, text] = said();
  if (mark.dataset.state !== name || markText.textContent !== text) {
    mark.dataset.state = name;
    mark.querySelector(".glyph").textContent = glyph;
    markText.textContent = text;
  }
  if (state) mark.title = Object.entries(state.index).map(([region, index]) => `${region}: index ${index}`).join("\n");
}

// A laptop that slept has a socket that looks open and is not: when time has jumped, or the page is looked at again
// after a silence, it is made anew.
let tickedAt = Date.now();
function tick() {
  const jumped = Date.now() - tickedAt > 10000;
  tickedAt = Date.now();
  if (socket && (jumped || Date.now() - heardAt > LOST)) connect();
  tellState();
  tellTimes();
}

function wake() {
  if (document.visibilityState === "visible" && (!socket || Date.now() - heardAt > LATE)) connect();
}

// Forms that narrow what a page shows do so while they are filled in; without script they have a button.
function narrowed(form) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) query.set(name, value);
  const text = query.toString();
  history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
  epoch = "";
  version = 0;
  watch();
}

function listenToForms() {
  let waiting = 0;
  for (const form of document.querySelectorAll("form[data-narrow]")) {
    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => narrowed(form), 120);
    });
    form.addEventListener("submit", (event) => {
      if (socket?.readyState !== WebSocket.OPEN) return;
      event.preventDefault();
      narrowed(form);
    });
  }
}

function listenToPause() {
  for (const button of document.querySelectorAll("[data-pause]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      paused = !paused;
      button.setAttribute("aria-pressed", String(paused));
      button.textContent = paused ? "Go on" : "Pause";
      if (!paused) watch();
      tellState();
    });
  }
}

listen();
tellTimes();
setInterval(live ? tick : tellTimes, 1000);
if (live) {
  listenToForms();
  listenToPause();
  document.addEventListener("visibilitychange", wake);
  window.addEventListener("online", connect);
  window.addEventListener("pageshow", (event) => event.persisted && connect());
  connect();
}
