// One message: its head, body, files and the link to its thread.
import { attachment, blocks, numbered } from "./blocks.js";
import { fullTime, time, tsDate } from "./dates.js";
import { h } from "./dom.js";
import { files } from "./files.js";
import { formFor } from "./forms.js";
import { t } from "./i18n.js";
import { mrkdwn } from "./mrkdwn.js";
import { authorOf, avatar, botAvatar, nameOf, personById } from "./people.js";
import { moreButton } from "./shortcuts.js";
import { otherLang, repliesTo, store } from "./state.js";

/** `pane`: "main" or "thread"; `compact` leaves the author out. */
export function messageNode(message, { pane, compact, onThread }) {
  const author = authorOf(message);
  const when = tsDate(message.ts);
  const classes = ["message", compact && "compact", message.ephemeral && "ephemeral"];
  return h("article", {
    class: classes.filter(Boolean).join(" "), role: "listitem", tabindex: "-1",
    "data-testid": `${pane}-message-${message.ts}`, "data-ts": message.ts, "data-fk": `message:${pane}:${message.ts}`,
    "aria-label": `${author.name} ${time(when)}`,
  },
    h("div", { class: "gutter" }, compact ? stamp(when) : face(author)),
    h("div", { class: "message-main" },
      message.ephemeral && h("div", { class: "only-you" }, eye(), t("only_you")),
      !compact && head(author, when, message.edited),
      body(message, pane, compact),
      pane === "main" && threadLink(message, onThread)),
    !message.deleted && toolbar(message, pane, onThread));
}

const stamp = (when) => h("time", { class: "stamp", datetime: when.toISOString(), title: fullTime(when) }, time(when));

const face = (author) => (author.bot ? botAvatar() : avatar(author.person, author.name));

function head(author, when, edited) {
  return h("div", { class: "message-head" },
    h("span", { class: "author" }, author.name),
    author.bot && h("span", { class: "app-badge" }, t("app_badge")),
    stamp(when),
    edited && h("span", { class: "edited" }, t("edited")));
}

function eye() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "eye");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M1 8s2.600-4.500 7-4.500S15 8 15 8s-2.600 4.500-7 4.500S1 8 1 8Zm7 2.200a2.200 2.200 0 1 0 0-4.400 2.200 2.200 0 0 0 0 4.400Z");
  svg.append(path);
  return svg;
}

function body(message, pane, compact) {
  if (message.deleted) return h("div", { class: "b-text dim" }, t("deleted"));
  const key = `message:${message.channel}:${message.ts}`;
  const ctx = {
    container: { type: "message", channel: message.channel, ts: message.ts },
    form: formFor(key),
    prefix: `${pane}:${key}`,
    values: () => formFor(key).collect(numbered(message.blocks)),
  };
  return h("div", { class: "message-body", lang: otherLang(message.text || JSON.stringify(message.blocks ?? "")) },
    message.blocks?.length
      ? blocks(message.blocks, ctx)
      : h("div", { class: "b-text" }, mrkdwn(message.text), compact && message.edited && h("span", { class: "edited" }, ` ${t("edited")}`)),
    (message.attachments ?? []).map((one) => attachment(one, ctx)),
    files(message.files));
}

function threadLink(message, onThread) {
  const replies = repliesTo(message.channel, message.ts).filter((one) => !one.deleted);
  const count = Math.max(replies.filter((one) => !one.ephemeral).length, message.reply_count ?? 0);
  if (!count) return null;
  const last = replies.at(-1);
  const faces = [...new Map(replies.map((one) => [one.user, one])).values()].slice(0, 4);
  return h("button", { type: "button", class: "thread-link", "data-testid": `replies-${message.ts}`, "data-fk": `replies:${message.ts}`, onclick: () => onThread(message.ts) },
    h("span", { class: "thread-faces", "aria-hidden": "true" }, faces.map(smallFace)),
    h("span", { class: "thread-count" }, t("replies", { n: count })),
    last && h("span", { class: "dim" }, t("last_reply", { time: time(tsDate(last.ts)) })));
}

function smallFace(message) {
  const person = personById(message.user);
  return person ? avatar(person, nameOf(person), "small") : botAvatar("small");
}

function toolbar(message, pane, onThread) {
  const reply = pane === "main" && !message.ephemeral
    && h("button", { type: "button", "data-testid": `reply-${message.ts}`, "data-fk": `reply:${message.ts}`, onclick: () => onThread(message.ts) }, t("reply_in_thread"));
  const more = moreButton(message, pane);
  return (reply || more) && h("div", { class: "toolbar" }, reply, more);
}

/** Everything that a drawn message depends on; a change redraws it. */
export function messageSign(message, { pane, compact }) {
  const replies = pane === "main" ? repliesTo(message.channel, message.ts).map((one) => [one.user, one.ts, one.deleted]) : 0;
  return JSON.stringify([message, compact, replies, store.as, store.people.length, store.shortcuts.length]);
}
