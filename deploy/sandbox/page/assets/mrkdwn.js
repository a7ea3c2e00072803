// Slack's mrkdwn → DOM: only text nodes and elements created here; anything that is no markup
// stays visible as text.
import { dateNode } from "./dates.js";
import { h } from "./dom.js";
import { EMOJI, pictured, withEmoji } from "./emoji.js";
import { channelById, store } from "./state.js";

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
const SAFE_LINK = /^(https?:\/\/|mailto:|tel:)/i;

export const decode = (text) => text.replace(/&(lt|gt|amp);/g, (entity) => ENTITIES[entity]);

// Bidirectional overrides could reverse a line of a card and change its meaning.
const BIDI = /[\u202a-\u202e\u2066-\u2069]/g;
export const plain = (text) => decode(String(text ?? "")).replace(BIDI, "\ufffd");

/** A text object of Block Kit → nodes. */
export function textNodes(object) {
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(object.text, { verbatim: object.verbatim });
  const text = plain(object.text);
  return pictured(object.emoji === false ? text : withEmoji(text));
}

/** Slack's mrkdwn (with its three entities) → array of nodes. */
export function mrkdwn(source, options = {}) {
  const parts = String(source ?? "").replace(BIDI, "\ufffd").split(/```([\s\S]*?)```/);
  return parts.flatMap((part, index) => {
    if (index % 2) return [h("pre", { class: "md-pre" }, decode(part.replace(/^\n|\n$/g, "")))];
    return quotes(index ? part.replace(/^\n/, "") : part, options);
  });
}

function quotes(text, options) {
  const nodes = [];
  let quoted = [];
  let lines = [];
  const endQuote = () => {
    if (quoted.length) nodes.push(h("blockquote", null, inline(quoted.join("\n"), options)));
    quoted = [];
  };
  const endLines = () => {
    if (lines.length) nodes.push(...inline(lines.join("\n"), options));
    lines = [];
  };
  for (const line of text.split("\n")) {
    const match = /^(?:&gt;|>) ?(.*)$/.exec(line);
    if (match) endLines(), quoted.push(match[1]);
    else endQuote(), lines.push(line);
  }
  endQuote();
  endLines();
  return nodes;
}

// One alternative per construct, tried from left to right at each position.
const INLINE = new RegExp(
  [
    "`(?<code>[^`\\n]+)`",
    "<(?<token>[^<>\\n]+)>",
    "(?<url>https?:\\/\\/[^\\s<>|*~`「」()、。]+)",
    ":(?<emoji>[a-z0-9_+-]+):",
    "(?<![\\p{L}\\p{N}*])\\*(?<bold>[^\\s*](?:[^*\\n]*[^\\s*])?)\\*(?![\\p{L}\\p{N}*])",
    "(?<![\\p{L}\\p{N}_])_(?<italic>[^\\s_](?:[^_\\n]*[^\\s_])?)_(?![\\p{L}\\p{N}_])",
    "(?<![\\p{L}\\p{N}~])~(?<strike>[^\\s~](?:[^~\\n]*[^\\s~])?)~(?![\\p{L}\\p{N}~])",
  ].join("|"),
  "gu",
);

const DRAW = {
  code: (text) => h("code", null, decode(text)),
  token: (text, options) => token(text, options),
  url: (text, options) => (options.verbatim ? null : anchor(decode(text))),
  emoji: (name) => (EMOJI[name] ? h("span", { title: `:${name}:` }, pictured(EMOJI[name])) : null),
  bold: (text, options) => h("strong", null, inline(text, options)),
  italic: (text, options) => h("em", null, inline(text, options)),
  strike: (text, options) => h("s", null, inline(text, options)),
};

function inline(text, options) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    const [kind, body] = Object.entries(match.groups).find(([, value]) => value !== undefined);
    const node = DRAW[kind](body, options);
    if (node === null) continue;
    nodes.push(...lines(text.slice(from, match.index)), node);
    from = match.index + match[0].length;
  }
  return [...nodes, ...lines(text.slice(from))];
}

function lines(text) {
  if (!text) return [];
  return decode(text)
    .split("\n")
    .flatMap((line, index) => (index ? [h("br"), ...pictured(line)] : pictured(line)));
}

// <@U…>, <#C…>, <!here>, <!subteam^S…>, <!date^…>, <url|label>; anything else is plain text.
function token(body, options) {
  const [target, ...rest] = body.split("|");
  const label = rest.length ? decode(rest.join("|")) : null;
  if (target.startsWith("@")) return userMention(target.slice(1), label);
  if (target.startsWith("#")) return channelMention(target.slice(1), label);
  if (target.startsWith("!")) return special(target.slice(1), label);
  if (!SAFE_LINK.test(decode(target))) return null;
  return anchor(decode(target), rest.length ? inline(rest.join("|"), { ...options, verbatim: true }) : null);
}

function special(target, label) {
  const [kind, ...args] = target.split("^");
  if (kind === "subteam") return groupMention(args[0], label);
  if (kind === "date") return dateToken(args, label);
  if (["here", "channel", "everyone"].includes(kind)) return mention(`@${kind}`, true);
  return document.createTextNode(label ?? `<${target}>`);
}

function dateToken([unix, pattern, link], fallback) {
  const node = dateNode(unix, decode(pattern ?? "{date_num} {time}"), fallback);
  return link && SAFE_LINK.test(link) ? anchor(link, [node]) : node;
}

const PERMALINK = /^https:\/\/[\w-]+\.slack\.com\/archives\/(\w+)\/p(\d+)(\d{6})(?:\?|$)/;

// A permalink of this workspace opens its message here, not at slack.com.
function inPage(url) {
  const [, channel, seconds, micros] = PERMALINK.exec(url) ?? [];
  if (!channel || !channelById(channel)) return null;
  const thread = new URL(url).searchParams.get("thread_ts");
  const place = { as: store.as, channel, message: `${seconds}.${micros}`, ...(thread ? { thread } : {}) };
  return `#${new URLSearchParams(place)}`;
}

export function anchor(url, nodes) {
  if (!SAFE_LINK.test(url)) return h("span", null, nodes ?? url);
  const here = inPage(url);
  if (here) return h("a", { href: here }, nodes ?? url);
  const rel = "noopener noreferrer";
  return h("a", { href: url, target: "_blank", rel, title: url }, nodes ?? url);
}

function mention(text, mine = false) {
  return h("span", { class: mine ? "mention mine" : "mention" }, text);
}

export function userMention(id, label) {
  const person = store.people.find((one) => one.id === id);
  return mention(`@${person?.display_name ?? person?.name ?? label ?? id}`, id === store.as);
}

const GROUPS = { S0SHIFT: "ts-shift", S0LEAD: "ts-lead", S0AUDIT: "ts-audit" };

export function groupMention(id, label) {
  const mine = store.people.find((one) => one.id === store.as)?.groups?.includes(id);
  const name = (label ?? GROUPS[id] ?? id).replace(/^@/, "");
  return mention(`@${name}`, Boolean(mine));
}

export function channelMention(id, label) {
  const name = channelById(id)?.name ?? label ?? id;
  return h("a", { class: "mention", href: `#as=${store.as}&channel=${encodeURIComponent(id)}` }, `#${name}`);
}

export const broadcastMention = (range) => mention(`@${range}`, true);
