// Keyboard navigation between panes and messages, and the list of keys.
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { closeOverlay, keepTabInside, openOverlay, overlayOpen } from "./overlay.js";

const PANES = ["#topbar .people [tabindex], #topbar .people .here", "#sidebar [aria-current=page]", "#main .scroller", "#main textarea", "#thread .scroller", "#panel [aria-selected=true]"];

/** F6 moves to the next pane, with Shift to the previous one. */
export function nextPane(step) {
  if (overlayOpen()) return;
  const stops = PANES.map((one) => document.querySelector(one)).filter((node) => node && node.offsetParent !== null);
  const rooms = ["#topbar", "#sidebar", "#main .scroll-wrap", "#main .composer", "#thread", "#panel"].map((one) => document.querySelector(one));
  const here = rooms.find((room) => room?.contains(document.activeElement));
  const at = stops.findIndex((stop) => here?.contains(stop));
  const from = at < 0 && step < 0 ? 0 : at;
  stops.at((from + step) % stops.length)?.focus();
}

/** ↑ and ↓ move between messages of `scroller`; Tab then moves through the controls. */
export function walkMessages(scroller) {
  scroller.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target.matches("input, select, textarea, [role=menuitem]")) return;
    const all = [...scroller.querySelectorAll(".message")];
    if (!all.length) return;
    event.preventDefault();
    const at = all.indexOf(event.target.closest(".message"));
    const next = at < 0 ? all.length - 1 : Math.max(0, Math.min(all.length - 1, at + step));
    all[next].focus({ preventScroll: true });
    all[next].scrollIntoView({ block: "nearest" });
  });
}

const KEYS = [
  ["Alt + 1 – 5", "keys_person"],
  ["Alt + ↑ ↓", "keys_channel"],
  ["F6", "keys_pane"],
  ["↑ ↓", "keys_message"],
  ["Tab", "keys_tab"],
  ["Enter", "keys_enter"],
  ["Ctrl + Enter", "keys_submit"],
  ["Esc", "keys_escape"],
];

/** List of keyboard shortcuts over the workspace. */
export function showKeys() {
  if (document.getElementById("keys")) return;
  const done = () => {
    closeOverlay(overlay);
    overlay.remove();
  };
  const close = h("button", { type: "button", class: "btn primary", onclick: done }, t("close"));
  const dialog = h("div", { class: "dialog keys", id: "keys", role: "dialog", "aria-modal": "true", "aria-labelledby": "keys-title" },
    h("div", { class: "dialog-head" }, h("h2", { id: "keys-title", class: "dialog-title" }, t("keys"))),
    h("div", { class: "dialog-body" }, h("dl", { class: "key-list" }, KEYS.map(([key, what]) => [h("dt", null, h("kbd", null, key)), h("dd", null, t(what))]))),
    h("div", { class: "dialog-foot" }, close));
  const overlay = h("div", { class: "overlay" }, dialog);
  overlay.addEventListener("keydown", (event) => {
    if (event.key === "Escape") event.stopPropagation(), done();
    keepTabInside(dialog, event);
  });
  document.getElementById("workspace").append(overlay);
  openOverlay(overlay);
  close.focus();
}
