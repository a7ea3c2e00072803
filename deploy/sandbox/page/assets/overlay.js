// Menus, confirm dialogs and their focus traps.
import { found, h, placeOf } from "./dom.js";
import { t } from "./i18n.js";
import { textNodes } from "./mrkdwn.js";

const overlays = []; // dialogs over the workspace, lowest first

/** Puts `node` over the workspace; everything below is inert until it closes. */
export function openOverlay(node) {
  const back = document.activeElement;
  overlays.push({ node, back, place: placeOf(back) });
  arrange();
}

export function closeOverlay(node) {
  const index = overlays.findIndex((one) => one.node === node);
  if (index < 0) return;
  const [{ back, place }] = overlays.splice(index, 1);
  arrange();
  // The opener may be redrawn or gone; then its card gets the focus.
  if (overlays.length === index) (found(place) ?? back)?.focus?.({ preventScroll: true });
}

export const overlayOpen = () => overlays.length > 0;

// The user tabs and the panel stay usable on purpose: a fault can be switched on, or the
// user changed, while a modal is open.
function arrange() {
  const top = overlays.at(-1)?.node;
  for (const id of ["sidebar", "main", "thread"]) {
    document.getElementById(id).inert = Boolean(top);
  }
  for (const { node } of overlays) node.inert = node !== top;
}

/** Keeps Tab inside `node`. */
export function keepTabInside(node, event) {
  if (event.key !== "Tab") return;
  const stops = [...node.querySelectorAll("button, input, select, textarea, a[href], [tabindex='0']")]
    .filter((stop) => !stop.disabled && stop.offsetParent !== null);
  const [first, last] = [stops[0], stops.at(-1)];
  if (event.shiftKey && document.activeElement === first) event.preventDefault(), last.focus();
  else if (!event.shiftKey && document.activeElement === last) event.preventDefault(), first.focus();
}

let declined = null; // answers "no" to the open confirm dialog

/** Closes an open dialog when the user is switched. */
export function dropQuestion() {
  declined?.();
}

/** Draws Slack's confirm object; true when the person confirms. */
export function confirmed(spec) {
  return new Promise((resolve) => {
    const done = (answer) => () => {
      closeOverlay(overlay);
      overlay.remove();
      declined = null;
      resolve(answer);
    };
    const danger = spec.style === "danger";
    const yes = h("button", { class: danger ? "btn danger" : "btn primary", "data-testid": "confirm-yes", onclick: done(true) },
      spec.confirm ? textNodes(spec.confirm) : t("confirm"));
    const no = h("button", { class: "btn", "data-testid": "confirm-no", onclick: done(false) },
      spec.deny ? textNodes(spec.deny) : t("cancel"));
    const dialog = h("div", { class: "dialog confirm", role: "alertdialog", "aria-modal": "true", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text", "data-testid": "confirm" },
      h("h2", { id: "confirm-title" }, spec.title ? textNodes(spec.title) : t("confirm_title")),
      h("div", { id: "confirm-text", class: "confirm-text" }, textNodes(spec.text)),
      h("div", { class: "dialog-foot" }, no, yes));
    const overlay = h("div", { class: "overlay" }, dialog);
    overlay.addEventListener("keydown", (event) => {
      if (event.key === "Escape") event.stopPropagation(), done(false)();
      keepTabInside(dialog, event);
    });
    document.getElementById("workspace").append(overlay);
    openOverlay(overlay);
    declined = done(false);
    // Enter must not confirm a dangerous action before it is read.
    (danger ? no : yes).focus();
  });
}

let menu = null; // the one open menu: {node, anchorKey, anchor}

/**
 * Opens a menu at `anchor`. `items`: [{label, hint?, checked?, onPick, danger?}].
 * With `many`, choices toggle and the menu stays open. The menu is outside the message,
 * so a redrawn card does not close it.
 */
export function openMenu(anchor, items, { many = false, label = "" } = {}) {
  const same = menu?.anchor === anchor;
  closeMenu();
  if (same) return;
  const buttons = items.map((item) => menuItem(item, many));
  const node = h("div", { class: "menu", role: "menu", "aria-label": label, "data-testid": "menu" }, buttons);
  node.addEventListener("keydown", (event) => menuKeys(event, buttons));
  document.body.append(node);
  menu = { node, anchor, anchorKey: anchor.dataset.fk };
  anchor.setAttribute("aria-expanded", "true");
  placeMenu();
  buttons[0]?.focus();
}

function menuItem(item, many) {
  const role = many ? "menuitemcheckbox" : "menuitem";
  const button = h("button", { class: item.danger ? "menu-item danger" : "menu-item", role, "aria-checked": many ? String(Boolean(item.checked)) : null },
    many && h("span", { class: "tick", "aria-hidden": "true" }, "✓"),
    h("span", null, item.label, item.hint && h("small", null, item.hint)));
  button.addEventListener("click", () => {
    if (many) button.setAttribute("aria-checked", String(button.getAttribute("aria-checked") !== "true"));
    else closeMenu();
    item.onPick(button.getAttribute("aria-checked") === "true");
  });
  return button;
}

function menuKeys(event, buttons) {
  const at = buttons.indexOf(document.activeElement);
  const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 };
  if (event.key in steps) {
    event.preventDefault();
    buttons.at(steps[event.key] % buttons.length).focus();
  }
  if (event.key === "Escape" || event.key === "Tab") {
    event.preventDefault();
    event.stopPropagation();
    closeMenu();
  }
}

export function closeMenu() {
  if (!menu) return;
  const { node, anchor } = menu;
  const hadFocus = node.contains(document.activeElement);
  const target = currentAnchor();
  menu = null;
  node.remove();
  anchor.removeAttribute("aria-expanded");
  if (hadFocus) (target ?? anchor).focus({ preventScroll: true });
}

function currentAnchor() {
  if (menu.anchor.isConnected) return menu.anchor;
  return document.querySelector(`[data-fk="${CSS.escape(menu.anchorKey ?? "")}"]`);
}

/** Keeps the open menu at its button after scrolling or redrawing. */
export function placeMenu() {
  const at = menu && currentAnchor();
  if (!at) return;
  const box = at.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu.node;
  const below = box.bottom + 4 + height <= innerHeight;
  const top = below ? box.bottom + 4 : Math.max(8, box.top - 4 - height);
  menu.node.style.top = `${top}px`;
  menu.node.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
}

document.addEventListener("pointerdown", (event) => {
  if (menu && !menu.node.contains(event.target) && !menu.anchor.contains(event.target)) closeMenu();
});
document.addEventListener("scroll", placeMenu, true);
addEventListener("resize", placeMenu);
