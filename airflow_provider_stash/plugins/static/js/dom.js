// Makes elements. Text is always set as text: nothing that a run recorded is ever read as HTML.

/**
 * Make an element.
 * @param {string} tag - its name, with classes after dots: "p.muted".
 * @param {object} attributes - "on..." are listeners, booleans are set or left out, null is left out.
 * @param {...(Node|string|null|undefined|Array)} children
 */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

/** Change what an element holds; the focus and the caret stay in the same control, told by its data-key. */
export function keepFocus(element, change) {
  const before = document.activeElement?.closest?.("[data-key]");
  const [key, begin, end] = [before?.dataset.key, before?.selectionStart, before?.selectionEnd];
  change();
  const after = key ? element.querySelector(`[data-key="${CSS.escape(key)}"]`) : null;
  if (!after || after === document.activeElement) return;
  after.focus({ preventScroll: true });
  if (typeof begin === "number") after.setSelectionRange(begin, end);
}

/** Put content in place of what an element holds. */
export function fill(element, ...children) {
  keepFocus(element, () => element.replaceChildren(...children.flat(Infinity).filter(Boolean)));
}

/** Say something to the person, for a while; screen readers hear it. */
export function say(text, { kind = "info", link = null } = {}) {
  const message = h("div.message", { "data-kind": kind }, h("span", {}, text), link);
  const close = h("button.quiet", { type: "button", "aria-label": "Close", onclick: () => message.remove() }, "×");
  message.append(close);
  document.getElementById("messages").append(message);
  if (kind !== "error") setTimeout(() => message.remove(), 12000);
}
