// Times in the viewer's zone and language, and Slack's date tokens.
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { lang, me } from "./state.js";

const zone = () => me()?.tz || Intl.DateTimeFormat().resolvedOptions().timeZone;
const locale = () => (lang() === "ja" ? "ja-JP" : "en-US");

const formatters = new Map();

function format(date, options) {
  const key = `${locale()}|${zone()}|${JSON.stringify(options)}`;
  if (!formatters.has(key)) {
    formatters.set(key, new Intl.DateTimeFormat(locale(), { timeZone: zone(), ...options }));
  }
  return formatters.get(key).format(date);
}

const TIME = { hour: "numeric", minute: "2-digit" };
const SECONDS = { ...TIME, second: "2-digit" };
const YMD = { year: "numeric", month: "2-digit", day: "2-digit" };

export const tsDate = (ts) => new Date(Number.parseFloat(ts) * 1000);
export const time = (date) => format(date, TIME);
export const clock = (date) => format(date, { ...SECONDS, hour12: false });
export const dayKey = (date) => format(date, YMD);

export function fullTime(date) {
  return format(date, { dateStyle: "full", timeStyle: "medium" });
}

export function day(date) {
  return pretty(date, { month: "long", day: "numeric", weekday: "long" });
}

function pretty(date, options) {
  const now = Date.now();
  if (dayKey(date) === dayKey(new Date(now))) return t("today");
  if (dayKey(date) === dayKey(new Date(now - 86_400_000))) return t("yesterday");
  return format(date, options);
}

const AGO_STEPS = [
  [60, 1, "second"],
  [3600, 60, "minute"],
  [86_400, 3600, "hour"],
  [Infinity, 86_400, "day"],
];

function ago(date) {
  const seconds = Math.round((date.getTime() - Date.now()) / 1000);
  const [, size, unit] = AGO_STEPS.find(([below]) => Math.abs(seconds) < below);
  const words = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });
  return words.format(Math.trunc(seconds / size), unit);
}

const LONG = { year: "numeric", month: "long", day: "numeric", weekday: "long" };
const MEDIUM = { year: "numeric", month: "long", day: "numeric" };
const SHORT = { year: "numeric", month: "short", day: "numeric" };

// https://docs.slack.dev/messaging/formatting-message-text#date-formatting
const TOKENS = {
  date_num: (date) => format(date, YMD),
  date_slash: (date) => format(date, YMD),
  date: (date) => format(date, MEDIUM),
  date_short: (date) => format(date, SHORT),
  date_long: (date) => format(date, LONG),
  date_pretty: (date) => pretty(date, MEDIUM),
  date_short_pretty: (date) => pretty(date, SHORT),
  date_long_pretty: (date) => pretty(date, LONG),
  day_divider_pretty: (date) => pretty(date, LONG),
  time: (date) => time(date),
  time_secs: (date) => format(date, SECONDS),
  ago: (date) => ago(date),
};

function spell(date, pattern) {
  return pattern.replace(/\{(\w+)\}/g, (whole, name) => TOKENS[name]?.(date) ?? whole);
}

/** A `<time>` for `unix` seconds in Slack's pattern; the fallback if it is invalid. */
export function dateNode(unix, pattern, fallback) {
  const date = new Date(Number(unix) * 1000);
  if (Number.isNaN(date.getTime())) return document.createTextNode(fallback ?? "");
  const attributes = { class: "date", datetime: date.toISOString(), title: fullTime(date) };
  const node = h("time", attributes, spell(date, pattern));
  if (/\{ago\}|pretty\}/.test(pattern)) node.dataset.pattern = pattern;
  return node;
}

/** Updates relative times ("3 minutes ago"). */
export function refreshTimes(root = document) {
  for (const node of root.querySelectorAll("time[data-pattern]")) {
    const text = spell(new Date(node.dateTime), node.dataset.pattern);
    if (node.textContent !== text) node.textContent = text;
  }
}

/** "2026-11-23T03:04:05Z", unix seconds or milliseconds → Date, or null. */
export function parseWhen(value) {
  if (typeof value === "number") return new Date(value > 1e11 ? value : value * 1000);
  if (typeof value !== "string") return null;
  if (/^\d+(\.\d+)?$/.test(value)) return parseWhen(Number(value));
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? null : date;
}

const ISO = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}/;

/** Text of an ISO time; null for other values. */
export function isoTime(value) {
  if (typeof value !== "string" || !ISO.test(value)) return null;
  const date = parseWhen(value);
  if (!date) return null;
  const sameDay = dayKey(date) === dayKey(new Date());
  return sameDay ? clock(date) : `${format(date, { month: "numeric", day: "numeric" })} ${time(date)}`;
}

/** "2026-11-23T12:00" as typed in the viewer's zone → unix seconds. */
export function fromLocal(text) {
  const asIfUtc = Date.parse(`${text}Z`);
  if (Number.isNaN(asIfUtc)) return null;
  const offset = Date.parse(`${toLocal(asIfUtc / 1000)}Z`) - asIfUtc;
  return Math.floor((asIfUtc - offset) / 1000);
}

/** Unix seconds → "2026-11-23T12:00" in the viewer's zone, for a datetime-local input. */
export function toLocal(unix) {
  if (!unix) return "";
  const options = { timeZone: zone(), dateStyle: "short", timeStyle: "short" };
  return new Intl.DateTimeFormat("sv-SE", options).format(new Date(unix * 1000)).replace(" ", "T");
}
