// Updates elements of the page with HTML from the server, touching no more than differs: focus, selection and what was
// opened by hand stay.

/** The elements that a piece of HTML stands for, as children that would fit into `parent`. */
function parsed(html, parent) {
  const whole = document.createElement("template");
  const tag = parent.localName;
  if (tag === "tbody") whole.innerHTML = `<table><tbody>${html}</tbody></table>`;
  else if (tag === "tr") whole.innerHTML = `<table><tbody><tr>${html}</tr></tbody></table>`;
  else {
    whole.innerHTML = html;
    return whole.content;
  }
  return whole.content.querySelector(tag);
}

const keyOf = (node) => (node.nodeType === 1 ? node.id || node.dataset.key || "" : "");

function sameKind(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);
}

function morphAttributes(from, to) {
  for (const { name } of [...from.attributes]) {
    const kept = name === "open" || name === "data-picked" || (name === "value" && from === document.activeElement);
    if (!to.hasAttribute(name) && !kept) from.removeAttribute(name);
  }
  for (const { name, value } of [...to.attributes]) {
    if (name !== "open" && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
}

function morph(from, to) {
  if (from.nodeType !== 1) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  if (from.isEqualNode(to)) return;
  if (from.localName === "time" && from.getAttribute("datetime") === to.getAttribute("datetime")) return;
  morphAttributes(from, to);
  morphChildren(from, to);
}

/** Makes the children of `from` those of `to`. */
export function morphChildren(from, to) {
  let at = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    let found = at;
    if (keyOf(wanted)) while (found && !sameKind(found, wanted)) found = found.nextSibling;
    if (found && sameKind(found, wanted)) {
      if (found !== at) from.insertBefore(found, at);
      else at = at.nextSibling;
      morph(found, wanted);
    } else {
      from.insertBefore(wanted, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** The inside of an element, from HTML. */
export function putFragment(element, html) {
  morphChildren(element, parsed(html, element));
}

/** The rows of a list: those in `put` new or changed; with `order` those that stay, in their order. */
export function putRows(list, { put, order }) {
  const known = new Map([...list.children].map((row) => [row.dataset.key, row]));
  for (const [key, html] of Object.entries(put)) {
    const row = parsed(html, list).firstElementChild;
    const before = known.get(key);
    if (!before) known.set(key, row);
    else {
      morph(before, row);
      before.classList.add("changed");
      before.addEventListener("animationend", () => before.classList.remove("changed"), { once: true });
    }
  }
  if (!order) return;
  const wanted = new Set(order);
  for (const [key, row] of known) if (!wanted.has(key)) row.remove();
  let at = list.firstElementChild;
  for (const key of order) {
    const row = known.get(key);
    if (!row) continue;
    if (row === at) at = at.nextElementSibling;
    else list.insertBefore(row, at);
  }
}
