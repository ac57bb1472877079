// Keyboard shortcuts.

const PLACES = { o: "/dashboard/", s: "/dashboard/services", f: "/dashboard/federation", c: "/dashboard/changes" };

let leader = 0; // when `g` was pressed

function typing(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

function moveTo(step) {
  const links = [...document.querySelectorAll("[data-rows] > * > th a, [data-rows] > * a.row")];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, at + step))].focus();
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const led = Date.now() - leader < 1500;
  leader = 0;
  if (led && PLACES[event.key]) location.assign(PLACES[event.key]);
  else if (event.key === "g") leader = Date.now();
  else if (event.key === "/") (document.querySelector("[data-search]") ?? document.querySelector(".find input")).focus();
  else if (event.key === "j") moveTo(1);
  else if (event.key === "k") moveTo(-1);
  else if (event.key === "?") document.getElementById("help").showModal();
  else return;
  event.preventDefault();
}

export function listen() {
  document.addEventListener("keydown", pressed);
  document.getElementById("help-button")?.addEventListener("click", () => document.getElementById("help").showModal());
}
