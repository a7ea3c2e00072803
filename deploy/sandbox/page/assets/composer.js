// Composer for plain text and /koban. Drafts are kept per user and conversation.
import { say } from "./actions.js";
import { h } from "./dom.js";
import { shortcutButton } from "./shortcuts.js";
import { lang, store } from "./state.js";
import { t } from "./i18n.js";

const drafts = new Map();

const COMMANDS = [
  ["help", "使い方", "how to use it"],
  ["case ID", "ケースを見る", "look at a case"],
  ["user ID", "ユーザーを調べる", "look a user up"],
  ["listing ID", "出品を調べる", "look a listing up"],
  ["stream ID", "配信を調べる", "look a stream up"],
  ["order ID", "注文を調べる", "look an order up"],
  ["queue", "未対応の一覧 (mine · overdue · approvals)", "the queue (mine · overdue · approvals)"],
  ["find TEXT", "ケースを探す", "find cases"],
  ["oncall", "当番を見る", "who is on call"],
  ["stats", "数字を見る (24h · 7d)", "the numbers (24h · 7d)"],
  ["playbook NAME", "手順書を見る", "read a playbook"],
  ["open KIND SUBJECT", "ケースを作る", "open a case"],
  ["cover @NAME until 18:00", "承認の代理を決める", "let somebody approve in your stead"],
  ["pause", "自動対応を止める", "pause automation"],
  ["resume", "自動対応を再開する", "resume automation"],
];

/** `where`: {channel, thread?, label}. */
export function composer(where) {
  const key = `${store.as}/${where.channel}/${where.thread ?? ""}`;
  const kind = where.thread ? "thread-composer" : "composer";
  const area = h("textarea", { class: "compose-text", rows: 1, placeholder: where.label, "aria-label": where.label, "data-testid": kind, "data-fk": kind, title: t("compose_hint") });
  const hints = h("div", { class: "command-hints", role: "group", "aria-label": t("commands"), hidden: true });
  const send = h("button", { type: "button", class: "send", "aria-label": t("send"), title: t("compose_hint"), "data-testid": `${kind}-send` }, arrow());
  area.value = drafts.get(key) ?? "";
  const changed = () => {
    drafts.set(key, area.value);
    grow(area);
    send.classList.toggle("ready", Boolean(area.value.trim()));
    suggest(area, where.thread ? null : hints, changed);
  };
  const deliver = () => submit(area, send, where, changed);
  area.addEventListener("input", changed);
  area.addEventListener("keydown", (event) => keys(event, area, hints, deliver));
  send.addEventListener("click", deliver);
  changed();
  return h("div", { class: "composer" }, hints, h("div", { class: "compose-box" }, !where.thread && shortcutButton(key), area, send));
}

function arrow() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M2.500 3 18 10 2.500 17l1.800-5.800L12 10 4.300 8.800z");
  svg.append(path);
  return svg;
}

// An Enter that ends a Japanese conversion must not send (isComposing; 229 in some browsers).
function keys(event, area, hints, deliver) {
  if (event.isComposing || event.keyCode === 229) return;
  if (event.key === "Enter" && !event.shiftKey) event.preventDefault(), deliver();
  if (event.key === "Tab" && !event.shiftKey && !hints.hidden) event.preventDefault(), hints.querySelector("button").click();
  if (event.key === "Escape" && !hints.hidden) event.stopPropagation(), (hints.hidden = true);
}

async function submit(area, send, where, changed) {
  const text = area.value.trim();
  if (!text || send.getAttribute("aria-busy") === "true") return;
  send.setAttribute("aria-busy", "true");
  const sent = await say(text, where.channel, where.thread);
  send.removeAttribute("aria-busy");
  // Only the sent text is cleared: the person may have typed more.
  if (sent && area.value.trim() === text) area.value = "";
  changed();
}

function grow(area) {
  if (!area.isConnected) return requestAnimationFrame(() => area.isConnected && grow(area));
  area.style.height = "auto";
  area.style.height = `${Math.min(area.scrollHeight, 160)}px`;
  return undefined;
}

function suggest(area, hints, changed) {
  if (!hints) return;
  const typed = /^\/(\S*)(?:\s(.*))?$/.exec(area.value);
  const fits = typed && "koban".startsWith(typed[1]) ? matching(typed[2] ?? "") : [];
  hints.hidden = !fits.length;
  hints.replaceChildren(...fits.map((one) => hint(one, area, changed)));
}

function matching(text) {
  return COMMANDS.filter(([usage]) => usage.startsWith(text) && usage.split(" ")[0] !== text).slice(0, 8);
}

function hint([usage, ja, en], area, changed) {
  const [word, ...args] = usage.split(" ");
  const pick = () => {
    area.value = `/koban ${word}${args.length ? " " : ""}`;
    changed();
    area.focus();
  };
  return h("button", { type: "button", class: "hint", onclick: pick },
    h("code", null, `/koban ${usage}`), h("span", { class: "dim" }, lang() === "ja" ? ja : en));
}
