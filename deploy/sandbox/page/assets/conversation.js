// Middle column and thread: message lists that keep their scroll position during updates.
import * as api from "./api.js";
import { composer } from "./composer.js";
import { day, dayKey, tsDate } from "./dates.js";
import { announce, h, isBeingUsed, keyed } from "./dom.js";
import { t } from "./i18n.js";
import { walkMessages } from "./keyboard.js";
import { messageNode, messageSign } from "./message.js";
import { mrkdwn } from "./mrkdwn.js";
import { authorOf } from "./people.js";
import { channelTitle } from "./sidebar.js";
import { channelById, isReply, lang, messagesOf, repliesTo, store } from "./state.js";

const NEAR_BOTTOM = 60; // px from the bottom that count as reading the newest message
const GROUPED_WITHIN = 300; // seconds in which a person's next message has no header
const places = new Map(); // "person/channel" → scrollTop, or absent for the bottom
let shells = {}; // pane → {key, …}

/** Draws channel `store.channel` into `root`. */
export function drawChannel(root, onThread) {
  const channel = channelById(store.channel);
  if (!channel) return;
  const key = `${store.as}/${channel.id}/${lang()}/${store.shortcuts.length}`;
  if (shells.main?.key !== key) shells.main = channelShell(root, key, channel);
  shells.main.retitle(channel);
  const shown = messagesOf(channel.id).filter((one) => !isReply(one) && (!one.deleted || one.reply_count));
  fillList(shells.main, withDays(shown), "main", onThread);
  markRead(channel);
}

let readUpTo = ""; // the last read mark sent, so that each is sent once

function markRead(channel) {
  const mark = `${store.as}/${channel.id}/${messagesOf(channel.id).at(-1)?.ts}`;
  if (document.hidden || mark === readUpTo || !(channel.unread || channel.mention_count)) return;
  readUpTo = mark;
  api.read({ as: store.as, channel: channel.id });
}

export function forgetChannel() {
  shells.main = null;
}

function channelShell(root, key, channel) {
  const title = h("h1", { class: "channel-title" });
  const topic = h("span", { class: "topic" });
  const list = messageList(channelTitle(channel), "messages");
  const pill = h("button", { type: "button", class: "new-pill", hidden: true, "data-testid": "new-messages" });
  const scroller = h("div", { class: "scroller", tabindex: "0", "aria-label": channelTitle(channel) }, list);
  walkMessages(scroller);
  const box = composer({ channel: channel.id, label: t("compose", { name: channelTitle(channel) }) });
  root.replaceChildren(h("div", { class: "pane-head" }, title, topic),
    h("div", { id: "banner-slot" }), h("div", { class: "scroll-wrap" }, scroller, pill), box);
  const retitle = (one) => {
    title.textContent = channelTitle(one);
    topic.textContent = one.topic ?? "";
    topic.title = one.topic ?? "";
  };
  const place = `${store.as}/${channel.id}`;
  return { key, list, scroller, pill, retitle, place, fresh: true, follow: following(scroller, pill, !places.has(place)) };
}

function messageList(label, testid) {
  return h("div", { class: "messages", role: "list", "aria-label": label, "data-testid": testid });
}

// A reader at the newest message stays there, even if the column gets smaller.
function following(scroller, pill, stuck) {
  const atBottom = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_BOTTOM;
  const size = () => `${scroller.clientWidth}x${scroller.clientHeight}`;
  const follow = { stuck, atBottom, resized: () => follow.size !== size() };
  const go = (top) => {
    scroller.scrollTop = top;
    follow.size = size();
  };
  follow.resume = go;
  follow.down = () => go(scroller.scrollHeight);
  pill?.addEventListener("click", () => follow.down());
  const observer = new ResizeObserver(() => {
    follow.size = size();
    if (follow.stuck) follow.down();
  });
  observer.observe(scroller);
  observer.observe(scroller.firstElementChild); // a loaded picture makes the list longer
  return follow;
}

/** `entries`: [{day} | {message, compact}]. */
function fillList(shell, entries, pane, onThread) {
  const known = new Set([...shell.list.querySelectorAll("[data-ts]")].map((node) => node.dataset.ts));
  keyed(shell.list, entries.length ? entries : [{ empty: true }], {
    key: (one) => one.day ?? one.message?.ts ?? "empty",
    sign: (one) => (one.message ? messageSign(one.message, { pane, compact: one.compact }) : (one.label ?? "empty")),
    build: (one) => entryNode(one, pane, onThread),
    held: isBeingUsed,
  });
  const added = shell.fresh ? [] : entries.filter((one) => one.message && !known.has(one.message.ts));
  settleScroll(shell, added.length);
  if (added.length) tellOf(added.map((one) => one.message));
}

const MOST_ANNOUNCED = 200; // characters; a storm must not be announced for minutes

// Screen readers announce the newest message, except the reader's own.
function tellOf(messages) {
  const others = messages.filter((one) => one.user !== store.as);
  if (!others.length) return;
  const text = h("span", null, mrkdwn(others.at(-1).text)).textContent.slice(0, MOST_ANNOUNCED);
  const count = others.length > 1 ? `${t("new_messages", { n: others.length })} ` : "";
  announce(`${count}${authorOf(others.at(-1)).name}: ${text}`);
}

function entryNode(one, pane, onThread) {
  if (one.message) return messageNode(one.message, { pane, compact: one.compact, onThread });
  if (one.day) return h("div", { class: "day", role: "separator" }, h("span", null, one.label));
  return h("div", { class: "empty" }, h("strong", null, t("no_messages")), h("span", null, t("no_messages_hint")));
}

function settleScroll(shell, added) {
  const { stuck, down } = shell.follow;
  if (stuck) down();
  else if (shell.fresh) shell.follow.resume(places.get(shell.place));
  if (shell.fresh) shell.scroller.addEventListener("scroll", () => remember(shell));
  shell.fresh = false;
  if (!shell.pill || stuck || !added) return;
  shell.waiting = (shell.waiting ?? 0) + added;
  shell.pill.textContent = `↓ ${t("new_messages", { n: shell.waiting })}`;
  shell.pill.hidden = false;
}

function remember(shell) {
  // A scroll caused by a resize is not the person's; the observer corrects it.
  if (shell.follow.resized()) return undefined;
  shell.follow.stuck = shell.follow.atBottom();
  if (!shell.follow.stuck) return places.set(shell.place, shell.scroller.scrollTop);
  places.delete(shell.place);
  shell.waiting = 0;
  if (shell.pill) shell.pill.hidden = true;
  return undefined;
}

function withDays(messages) {
  const entries = [];
  let before = null;
  for (const message of messages) {
    const date = tsDate(message.ts);
    const key = dayKey(date);
    const newDay = !before || dayKey(tsDate(before.ts)) !== key;
    if (newDay) entries.push({ day: `day-${key}`, label: day(date) });
    entries.push({ message, compact: !newDay && inOneBreath(before, message) });
    before = message;
  }
  return entries;
}

// Cards are separate; only a person's quick follow-ups are grouped.
function inOneBreath(before, message) {
  return !message.bot && !message.ephemeral && !before.ephemeral && before.user === message.user
    && Number(message.ts) - Number(before.ts) < GROUPED_WITHIN;
}

/** Scrolls to a message of the open channel or thread and focuses it. */
export function reveal(ts) {
  const node = ["thread", "main"].map((pane) => document.querySelector(`[data-testid="${pane}-message-${CSS.escape(ts)}"]`)).find(Boolean);
  if (!node) return;
  for (const shell of [shells.main, shells.thread]) if (shell?.list.contains(node)) shell.follow.stuck = false;
  node.scrollIntoView({ block: "center" });
  node.focus({ preventScroll: true });
  node.classList.add("found");
}

/** Draws thread `store.thread` into `root`, or hides it. */
export function drawThread(root, onClose) {
  const open = Boolean(store.thread && channelById(store.channel));
  root.hidden = !open;
  document.getElementById("app").classList.toggle("with-thread", open);
  if (!open) {
    shells.thread = null;
    root.replaceChildren();
    return;
  }
  const key = `${store.as}/${store.channel}/${store.thread}/${lang()}`;
  if (shells.thread?.key !== key) shells.thread = threadShell(root, key, onClose);
  const first = messagesOf(store.channel).find((one) => one.ts === store.thread);
  const replies = repliesTo(store.channel, store.thread).filter((one) => !one.deleted);
  const label = t("replies", { n: replies.length });
  const entries = [
    ...(first ? [{ message: first, compact: false }] : [{ day: "gone", label: t("thread_gone") }]),
    ...(replies.length ? [{ day: "replies", label }] : []),
    ...replies.map((message, index) => ({ message, compact: index > 0 && inOneBreath(replies[index - 1], message) })),
  ];
  fillList(shells.thread, entries, "thread", () => {});
}

function threadShell(root, key, onClose) {
  const list = messageList(t("thread"), "thread-messages");
  const scroller = h("div", { class: "scroller", tabindex: "0", "aria-label": t("thread") }, list);
  walkMessages(scroller);
  const close = h("button", { type: "button", class: "icon-btn", "aria-label": t("close"), "data-testid": "thread-close", onclick: onClose }, "✕");
  root.setAttribute("aria-label", t("thread"));
  root.setAttribute("data-testid", "thread-pane");
  root.replaceChildren(
    h("div", { class: "pane-head" }, h("h2", { class: "channel-title" }, t("thread")), h("span", { class: "topic" }, channelTitle(channelById(store.channel))), close),
    h("div", { class: "scroll-wrap" }, scroller),
    composer({ channel: store.channel, thread: store.thread, label: t("compose_thread") }));
  return { key, list, scroller, place: key, fresh: true, follow: following(scroller, null, !places.has(key)) };
}
