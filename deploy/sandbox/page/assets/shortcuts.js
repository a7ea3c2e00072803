// The app's shortcuts: ⚡ beside the composer, and those of a message in its "more" menu.
import * as api from "./api.js";
import { banner, readable, refresh } from "./actions.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { plain } from "./mrkdwn.js";
import { openMenu } from "./overlay.js";
import { store, update } from "./state.js";

export async function loadShortcuts() {
  const answer = await api.shortcuts();
  if (answer.ok) update({ shortcuts: answer.data ?? [] });
}

export const globalShortcuts = () => store.shortcuts.filter((one) => one.type === "global");
export const messageShortcuts = () => store.shortcuts.filter((one) => one.type === "message");

async function run(shortcut, message) {
  const person = store.as;
  const asked = { as: person, callback_id: shortcut.callback_id };
  const answer = message
    ? await api.messageShortcut({ ...asked, channel: message.channel, ts: message.ts })
    : await api.shortcut(asked);
  await refresh();
  if (!answer.ok && store.as === person) banner(readable(answer.error));
}

const item = (message) => (shortcut) => ({
  label: plain(shortcut.name),
  hint: shortcut.description ? plain(shortcut.description) : null,
  onPick: () => run(shortcut, message),
});

/** ⚡: global shortcuts; null without any. */
export function shortcutButton(key) {
  if (!globalShortcuts().length) return null;
  const button = h("button", { type: "button", class: "bolt", "aria-haspopup": "menu", "aria-label": t("shortcuts"), title: t("shortcuts"), "data-testid": "shortcuts", "data-fk": `${key}|shortcuts`,
    onclick: () => openMenu(button, globalShortcuts().map(item(null)), { label: t("shortcuts") }) }, bolt());
  return button;
}

/** ⋯ of a message; null without message shortcuts. */
export function moreButton(message, pane) {
  if (!messageShortcuts().length || message.ephemeral) return null;
  const button = h("button", { type: "button", class: "more-btn", "aria-haspopup": "menu", "aria-label": t("message_actions"), title: t("message_actions"), "data-testid": `more-${message.ts}`, "data-fk": `more:${pane}:${message.ts}`,
    onclick: () => openMenu(button, messageShortcuts().map(item(message)), { label: t("message_actions") }) }, "⋯");
  return button;
}

function bolt() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M11.500 1.500 4 11h4.500l-1 7.500L15.500 8.500H11z");
  svg.append(path);
  return svg;
}
