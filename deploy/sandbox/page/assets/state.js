// State of the page and its listeners, without DOM.
import { isJapanese } from "./language.js";

const NARROW = "(max-width: 760px)"; // as in narrow.css

/** True if only one column fits. */
export const isNarrow = () => matchMedia(NARROW).matches;

export const HOME = "HOME";

export const store = {
  people: [],
  as: null, // user id of the current user
  channel: null, // channel id, or HOME
  thread: null, // ts of the open thread's first message
  state: null, // last response of /ui/state for `as`
  market: null,
  detectors: null,
  marketAt: new Map(), // "users/u_1" → {sign, at}: last change of a row
  faults: [],
  shortcuts: [], // {type: "global" | "message", name, callback_id, description}
  connected: true,
  banners: [], // {id, text}
  panel: readSetting("panel", { open: !isNarrow(), tab: "market" }),
  drawer: false, // narrow windows: true while the channels cover the messages
  theme: readSetting("theme", "auto"),
};

const listeners = new Set();
let queued = false;

export function onChange(listener) {
  listeners.add(listener);
}

/** Merges `patch` and redraws once before the next frame, for any number of calls. */
export function update(patch) {
  Object.assign(store, patch);
  if (queued) return;
  queued = true;
  queueMicrotask(() => {
    queued = false;
    for (const listener of listeners) listener(store);
  });
}

export const me = () => store.people.find((person) => person.id === store.as) ?? null;
export const lang = () => ((me()?.locale ?? "ja").startsWith("ja") ? "ja" : "en");

/** Value of a `lang` attribute: the language of `text` if it differs from the page's. */
export function otherLang(text) {
  const spoken = isJapanese(text) ? "ja" : "en";
  return spoken === lang() ? null : spoken;
}

export function channelById(id) {
  return store.state?.channels.find((channel) => channel.id === id) ?? null;
}

export const messagesOf = (id) => store.state?.messages[id] ?? [];

/** A reply names its thread; the first message of a thread may name itself. */
export const isReply = (message) => Boolean(message.thread_ts) && message.thread_ts !== message.ts;

export function repliesTo(channel, ts) {
  return messagesOf(channel).filter((message) => isReply(message) && message.thread_ts === ts);
}

export function readSetting(name, fallback) {
  try {
    return JSON.parse(localStorage.getItem(`koban.${name}`)) ?? fallback;
  } catch {
    return fallback; // a hand-edited or blocked storage must not stop the page
  }
}

export function writeSetting(name, value) {
  try {
    localStorage.setItem(`koban.${name}`, JSON.stringify(value));
  } catch {
    console.info(`setting ${name} lasts for this tab only`);
  }
}

// The URL has the current place: #as=U0SATO&channel=C0LIVE&thread=TS; a link to a message
// adds &message=TS.

export function readPlace() {
  const params = new URLSearchParams(location.hash.slice(1));
  return {
    as: params.get("as"),
    channel: params.get("channel"),
    thread: params.get("thread"),
    message: params.get("message"),
  };
}

export function writePlace() {
  const params = new URLSearchParams();
  for (const name of ["as", "channel", "thread"]) {
    if (store[name]) params.set(name, store[name]);
  }
  const hash = `#${params}`;
  if (hash !== location.hash) history.pushState(null, "", hash);
}

/** {unread: bool, mentions: count} of a channel that is not open. */
export function attention(channel) {
  return { unread: Boolean(channel.unread), mentions: channel.mention_count ?? 0 };
}
