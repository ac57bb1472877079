// Keeps the page up to date. Every message says from which version it leads to which, and the index of each log; a page
// that missed one asks for what is missing, by the version that it has.

import { listen } from "./keys.js";
import { putFragment, putRows } from "./patch.js";
import { ago, now, serverTime, showTimes } from "./times.js";

const LATE = 6000; // milliseconds without a message from the server, which sends one at least every three seconds
const LOST = 15000; // milliseconds after which the connection is replaced
const PAUSES = [500, 1000, 2000, 4000, 8000];
const RENEW_AFTER = 3; // failures after which it is checked whether the page itself may still be read

const body = document.body;
const mark = document.getElementById("mark");
const markText = document.getElementById("mark-text");
const live = body.dataset.epoch !== undefined;

let socket = null;
let receivedAt = 0; // by this machine's clock, which need not be right to measure
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
  receivedAt = Date.now();
  made.onopen = () => watch();
  made.onmessage = (event) => made === socket && take(JSON.parse(event.data));
  made.onclose = () => made === socket && later();
}

function later() {
  socket = null;
  const pause = PAUSES[Math.min(failures, PAUSES.length - 1)];
  failures += 1;
  reconnecting = setTimeout(connect, pause * (0.5 + Math.random())); // not all browsers at the same time
  if (failures % RENEW_AFTER === 0) renew();
  showState();
}

// A browser does not say why a connection was refused. The ticket expires after some hours, and loading any page brings a
// new one; a page that redirects wants a sign-in.
async function renew() {
  try {
    const answer = await fetch(address(), { method: "HEAD", redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect") location.reload();
  } catch {
    // the server is down: it is tried again
  }
}

function take(message) {
  receivedAt = Date.now();
  failures = 0;
  state = message.state;
  serverTime(state.at);
  if (message.kind === "sheet") takeContent(message);
  else if (message.kind === "notice") notice(message.text);
  away();
  showState();
}

function takeContent(message) {
  if (paused) return; // what is missed meanwhile is asked for on resuming
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
  showTimes();
  document.dispatchEvent(new CustomEvent("meridian:shown", { detail: message.state }));
}

function away() {
  const known = document.getElementById("away");
  if (!state.since) known?.remove();
  else if (!known) {
    const text = "The database cannot be read. This page is from memory; lookups continue, changes are not possible.";
    notice(text, "warning").id = "away";
  }
}

/** A line at the top of the page; an info disappears after a while. */
function notice(text, kind = "info") {
  const line = document.createElement("p");
  line.className = `notice ${kind}`;
  line.textContent = text;
  document.getElementById("notices").append(line);
  if (kind === "info") setTimeout(() => line.remove(), 15000);
  return line;
}

function status() {
  if (!socket || socket.readyState !== WebSocket.OPEN) return ["reconnecting", "◌", "reconnecting"];
  const silent = Date.now() - receivedAt;
  if (paused) return ["late", "‖", "paused"];
  if (silent > LATE) return ["late", "◔", `late by ${Math.round(silent / 1000)} s`];
  if (state?.since) return ["late", "◔", `from memory, ${ago(now() - state.since * 1000)}`];
  return state ? ["live", "●", "live"] : ["reconnecting", "◌", "connecting"];
}

function showState() {
  const [name, glyph, text] = status();
  if (mark.dataset.state !== name || markText.textContent !== text) {
    mark.dataset.state = name;
    mark.querySelector(".glyph").textContent = glyph;
    markText.textContent = text;
  }
  if (state) mark.title = Object.entries(state.index).map(([region, index]) => `${region}: index ${index}`).join("\n");
}

// A laptop that slept has a socket that looks open and is not: when time has jumped, or the page becomes visible after a
// silence, it is replaced.
let tickedAt = Date.now();
function tick() {
  const jumped = Date.now() - tickedAt > 10000;
  tickedAt = Date.now();
  if (socket && (jumped || Date.now() - receivedAt > LOST)) connect();
  showState();
  showTimes();
}

function wake() {
  if (document.visibilityState === "visible" && (!socket || Date.now() - receivedAt > LATE)) connect();
}

// Forms that filter a page do so while they are filled in; without script they have a button.
function narrowed(form) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) query.set(name, value);
  const text = query.toString();
  history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
  epoch = "";
  version = 0;
  watch();
}

function watchForms() {
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

function watchPause() {
  for (const button of document.querySelectorAll("[data-pause]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      paused = !paused;
      button.setAttribute("aria-pressed", String(paused));
      button.textContent = paused ? "Resume" : "Pause";
      if (!paused) watch();
      showState();
    });
  }
}

listen();
showTimes();
setInterval(live ? tick : showTimes, 1000);
if (live) {
  watchForms();
  watchPause();
  document.addEventListener("visibilitychange", wake);
  window.addEventListener("online", connect);
  window.addEventListener("pageshow", (event) => event.persisted && connect());
  connect();
}
