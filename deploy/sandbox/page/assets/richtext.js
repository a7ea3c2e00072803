// rich_text blocks, tables and the markdown block.
import { dateNode } from "./dates.js";
import { h } from "./dom.js";
import { EMOJI, pictured } from "./emoji.js";
import { anchor, broadcastMention, channelMention, groupMention, plain, userMention } from "./mrkdwn.js";

export function richText(block) {
  return h("div", { class: "rich" }, (block.elements ?? []).map(part));
}

function part(element) {
  const inner = element.elements ?? [];
  if (element.type === "rich_text_list") return list(element, inner);
  if (element.type === "rich_text_quote") return h("blockquote", null, inner.map(leaf));
  if (element.type === "rich_text_preformatted") return h("pre", { class: "md-pre" }, inner.map(leaf));
  return h("div", { class: "rich-section" }, inner.map(leaf));
}

function list(element, items) {
  const tag = element.style === "ordered" ? "ol" : "ul";
  const marginLeft = `${Math.min(element.indent ?? 0, 8) * 22}px`;
  const start = element.offset ? element.offset + 1 : null;
  const lis = items.map((item) => h("li", null, (item.elements ?? []).map(leaf)));
  return h(tag, { style: { marginLeft }, start }, lis);
}

const LEAVES = {
  text: (item) => styled(broken(item.text), item.style),
  link: (item) => styled([anchor(item.url, item.text ? [plain(item.text)] : null)], item.style),
  user: (item) => userMention(item.user_id),
  usergroup: (item) => groupMention(item.usergroup_id),
  channel: (item) => channelMention(item.channel_id),
  broadcast: (item) => broadcastMention(item.range),
  emoji: (item) => h("span", null, pictured(EMOJI[item.name] ?? `:${item.name}:`)),
  date: (item) => dateNode(item.timestamp, item.format ?? "{date_num} {time}", item.fallback),
  color: (item) => h("code", null, item.value),
};

function leaf(item) {
  return LEAVES[item.type]?.(item) ?? document.createTextNode(plain(item.text ?? ""));
}

function broken(text) {
  return plain(text).split("\n").flatMap((line, index) => (index ? [h("br"), line] : [line]));
}

function styled(nodes, style = {}) {
  const tags = { code: "code", bold: "strong", italic: "em", strike: "s" };
  const wraps = Object.keys(tags).filter((name) => style[name]);
  return wraps.reduce((inner, name) => h(tags[name], null, inner), h("span", null, nodes));
}

export function table(block) {
  const settings = block.column_settings ?? [];
  const rows = (block.rows ?? []).map((row, index) =>
    h("tr", null, row.map((cell, column) => tableCell(cell, index ? "td" : "th", settings[column]))),
  );
  const [head, ...body] = rows;
  return h("div", { class: "table-wrap", tabindex: "0" },
    h("table", { class: "block-table" }, h("thead", null, head), h("tbody", null, body)));
}

function tableCell(cell, tag, setting) {
  const align = setting?.align ?? (cell.type === "raw_number" ? "right" : null);
  const style = { textAlign: align ?? "", whiteSpace: setting?.is_wrapped ? "normal" : "" };
  const inner = cell.type === "rich_text" ? richText(cell) : plain(cell.text ?? cell.value ?? "");
  return h(tag, { style, scope: tag === "th" ? "col" : null }, inner);
}

// The markdown block: the common part of CommonMark.

export function markdown(source) {
  const parts = String(source ?? "").split(/```[^\n]*\n([\s\S]*?)```/);
  return h("div", { class: "rich" }, parts.flatMap((text, index) =>
    index % 2 ? [h("pre", { class: "md-pre" }, text.replace(/\n$/, ""))] : text.split(/\n{2,}/).map(paragraph),
  ));
}

const LINE_KINDS = [
  ["heading", /^(#{1,6})\s+(.*)$/],
  ["bullet", /^\s*[-*+]\s+(.*)$/],
  ["number", /^\s*\d+[.)]\s+(.*)$/],
  ["quote", /^>\s?(.*)$/],
  ["rule", /^(?:---+|\*\*\*+)\s*$/],
];

function paragraph(text) {
  const groups = [];
  for (const line of text.split("\n").filter((one) => one.trim())) {
    const [kind, pattern] = LINE_KINDS.find(([, test]) => test.test(line)) ?? ["plain", /^(.*)$/];
    const body = pattern.exec(line).at(-1);
    if (groups.at(-1)?.kind === kind) groups.at(-1).lines.push(body);
    else groups.push({ kind, lines: [body] });
  }
  return groups.map(drawGroup);
}

function drawGroup({ kind, lines }) {
  if (kind === "heading") return lines.map((line) => h("h4", { class: "md-heading" }, spans(line)));
  if (kind === "bullet") return h("ul", null, lines.map((line) => h("li", null, spans(line))));
  if (kind === "number") return h("ol", null, lines.map((line) => h("li", null, spans(line))));
  if (kind === "rule") return h("hr");
  const inner = lines.flatMap((line, index) => (index ? [h("br"), ...spans(line)] : spans(line)));
  return h(kind === "quote" ? "blockquote" : "p", null, inner);
}

const SPANS = /`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)|\*\*(.+?)\*\*|~~(.+?)~~|\*([^*\s][^*]*)\*|\b_([^_]+)_\b/g;

function spans(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(SPANS)) {
    nodes.push(plain(text.slice(from, match.index)), span(match));
    from = match.index + match[0].length;
  }
  return [...nodes, plain(text.slice(from))];
}

function span([, code, label, url, bold, strike, star, under]) {
  if (code) return h("code", null, code);
  if (label) return anchor(url, spans(label));
  if (bold) return h("strong", null, spans(bold));
  if (strike) return h("s", null, spans(strike));
  return h("em", null, spans(star ?? under));
}
