// DOM building and updates. Text only enters through text nodes and attributes.

/**
 * h("button", {class: "x", onclick: fn, "aria-label": "…"}, child, …)
 * Children are nodes, strings, numbers, nested arrays; null, undefined and false are skipped.
 */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) setProp(node, name, value);
  append(node, children);
  return node;
}

function setProp(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "style") Object.assign(node.style, value);
  else node.setAttribute(name, value === true ? "" : String(value));
}

export function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

/** The `data-fk` of a control and its ancestors, nearest first. */
export function placeOf(element) {
  const keys = [];
  for (let at = element?.closest?.("[data-fk]"); at; at = at.parentElement?.closest("[data-fk]")) keys.push(at.dataset.fk);
  return keys;
}

/** The current element of that path: the control, or its nearest remaining ancestor. */
export function found(place) {
  for (const key of place) {
    const node = document.querySelector(`[data-fk="${CSS.escape(key)}"]`);
    if (node) return node;
  }
  return null;
}

/**
 * Runs `change` and restores the focus by its `data-fk`. If the control is gone (a claimed card
 * has no claim button), its card gets the focus, so that Tab does not start from the top.
 */
export function withFocusKept(root, change) {
  const active = document.activeElement;
  const place = root.contains(active) ? placeOf(active) : [];
  const marks = place.length && "selectionStart" in active ? selection(active) : null;
  change();
  if (!place.length || (root.contains(document.activeElement) && document.activeElement !== root)) return;
  const again = found(place);
  if (!again) return;
  again.focus({ preventScroll: true });
  if (marks && again.setSelectionRange && again.dataset.fk === place[0]) again.setSelectionRange(marks[0], marks[1]);
}

function selection(input) {
  // Date, number and e-mail inputs return null, and throw when a range is set.
  return input.selectionStart === null ? null : [input.selectionStart, input.selectionEnd];
}

const kept = new WeakMap();

/**
 * Keeps one child per item: unchanged items keep their node (with focus, menus, scroll and
 * typed text); changed ones are rebuilt, the rest removed.
 * `spec`: {key(item), sign(item) → string, build(item) → Node, held?(node) → bool}.
 * A held node is skipped; the next call tries again.
 */
export function keyed(parent, items, spec) {
  const old = kept.get(parent) ?? new Map();
  const now = new Map();
  withFocusKept(parent, () => {
    items.forEach((item, index) => now.set(spec.key(item), settle(item, index)));
    for (const [key, entry] of old) if (!now.has(key)) entry.node.remove();
  });
  kept.set(parent, now);

  function settle(item, index) {
    const entry = current(item);
    if (parent.childNodes[index] !== entry.node) {
      parent.insertBefore(entry.node, parent.childNodes[index] ?? null);
    }
    return entry;
  }

  function current(item) {
    const before = old.get(spec.key(item));
    const sign = spec.sign(item);
    if (before && (before.sign === sign || spec.held?.(before.node))) return before;
    const node = spec.build(item);
    if (before) before.node.replaceWith(node);
    return { node, sign };
  }
}

/** True while a person types or chooses inside `node`; redrawing must wait. */
export function isBeingUsed(node) {
  const active = document.activeElement;
  return node.contains(active) && active.matches("input, select, textarea");
}

export function announce(text) {
  document.getElementById("announce").textContent = text;
}
