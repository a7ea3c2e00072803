// The demo marketplace: its rows and the calls to it.
import * as api from "./api.js";
import { appealing } from "./appeals.js";
import { clock, isoTime, parseWhen } from "./dates.js";
import { h, keyed } from "./dom.js";
import { either, field, t, TEXTS } from "./i18n.js";
import { lang, store, update } from "./state.js";

const FRESH = 8000; // ms during which a changed row is marked
const SHOWN = 150; // maximum number of rows; the filter finds the rest

let chosen = "users";
let wanted = "";
let away = false;

export async function loadMarket() {
  const answer = await api.market();
  away = !answer.ok;
  if (answer.ok) noteChanges(answer.data);
  update(answer.ok ? { market: answer.data } : {});
}

// A first row is only "new" if its table was loaded before.
function noteChanges(data) {
  for (const [name, rows] of tables(data)) {
    const first = !store.market;
    for (const row of rows) {
      const key = `${name}/${row.id}`;
      const sign = JSON.stringify(row);
      const before = store.marketAt.get(key);
      if (before?.sign !== sign) store.marketAt.set(key, { sign, at: first ? 0 : Date.now() });
    }
  }
}

const ORDER = ["users", "streams", "listings", "messages", "auctions"];

function tables(data) {
  const names = Object.keys(data ?? {}).filter((name) => name !== "calls" && Array.isArray(data[name]));
  const rank = (name) => (ORDER.indexOf(name) + ORDER.length + 1) % (ORDER.length + 1);
  return names.sort((a, b) => rank(a) - rank(b)).map((name) => [name, data[name]]);
}

let shell = null;

export function drawMarket(root) {
  if (shell?.lang !== lang() || !root.contains(shell.rows)) shell = makeShell(root);
  const all = tables(store.market);
  if (!all.some(([name]) => name === chosen)) chosen = all[0]?.[0] ?? chosen;
  shell.away.hidden = !away;
  drawTabs(all);
  drawRows(all.find(([name]) => name === chosen)?.[1] ?? []);
  drawCalls(store.market?.calls ?? []);
}

function makeShell(root) {
  const tabs = h("div", { class: "subtabs", role: "tablist", "aria-label": t("market") });
  const rows = h("div", { class: "records", "data-testid": "market-rows", tabindex: "0", "aria-label": t("market") });
  const calls = h("div", { class: "calls", "data-testid": "market-calls", tabindex: "0", "aria-label": t("calls") });
  const filter = h("input", { type: "search", class: "filter", placeholder: t("filter"), "aria-label": t("filter"), "data-testid": "market-filter" });
  const awayNote = h("div", { class: "panel-away", hidden: true }, t("market_away"));
  const count = h("span", { class: "dim" });
  filter.value = wanted;
  filter.addEventListener("input", () => {
    wanted = filter.value.toLowerCase();
    update({});
  });
  root.replaceChildren(awayNote, h("div", { class: "subtabs-row" }, tabs, filter), rows,
    h("div", { class: "calls-head" }, h("h3", null, t("calls")), count), calls);
  return { lang: lang(), tabs, rows, calls, count, away: awayNote };
}

function drawTabs(all) {
  keyed(shell.tabs, all, {
    key: ([name]) => name,
    sign: ([name, rows]) => `${name === chosen} ${rows.length}`,
    build: ([name, rows]) => h("button", { type: "button", class: "subtab", role: "tab", "aria-selected": String(name === chosen), "data-testid": `market-${name}`, "data-fk": `market:${name}`, onclick: () => ((chosen = name), update({})) },
      TEXTS[lang()][name] ?? name, h("small", null, rows.length)),
  });
}

const fits = (row) => !wanted || JSON.stringify(row).toLowerCase().includes(wanted);
const changedAt = (row) => store.marketAt.get(`${chosen}/${row.id}`)?.at ?? 0;

// Latest changes first, to see the effect of a click.
function drawRows(rows) {
  const found = rows.filter(fits).map((row, index) => ({ row, index }));
  found.sort((a, b) => changedAt(b.row) - changedAt(a.row) || a.index - b.index);
  const shown = found.slice(0, SHOWN).map(({ row }) => ({ key: `${chosen}/${row.id}`, row }));
  const note = noteUnder(rows.length, found.length);
  keyed(shell.rows, note ? [...shown, { key: "note", note }] : shown, {
    key: (one) => one.key,
    sign: (one) => one.note ?? `${JSON.stringify(one.row)} ${isFresh(one.row)} ${lang()}`,
    build: (one) => (one.note ? h("div", { class: "panel-hint" }, one.note) : record(one.row)),
  });
}

function noteUnder(total, found) {
  if (!total) return t("nothing");
  if (!found) return t("nothing_found");
  return found > SHOWN ? t("more_rows", { n: found - SHOWN }) : null;
}

const isFresh = (row) => Date.now() - changedAt(row) < FRESH;

const TITLES = ["name", "title", "text"];
const GOOD = /^(active|ok|live|open|published|on_sale|selling|normal)$/;
const BAD = /^(banned|removed|ended|suspended|deleted|cancelled|forfeited)$/;

function record(row) {
  const title = TITLES.find((name) => typeof row[name] === "string" && row[name]);
  const rest = Object.entries(row).filter(([name, value]) => !["id", "status", "notices", title].includes(name) && says(value));
  return h("div", { class: isFresh(row) ? "record fresh" : "record", "data-testid": `row-${row.id}` },
    h("div", { class: "record-head" },
      h("code", null, String(row.id ?? "")), h("span", { class: "record-title" }, title ? row[title] : ""),
      row.status && h("span", { class: `chip ${tone(row.status)}` }, row.status)),
    rest.length > 0 && h("div", { class: "record-rest" }, rest.map(([name, value]) => pair(name, value))),
    chosen === "users" && appealing(row));
}

// Empty, false and zero values are left out.
const says = (value) => ![null, undefined, false, 0, ""].includes(value) && !(Array.isArray(value) && !value.length);

function tone(status) {
  if (GOOD.test(status)) return "good";
  return BAD.test(status) ? "bad" : "mid";
}

function pair(name, value) {
  if (value === true) return h("span", { class: "chip mid" }, field(name));
  const text = isoTime(value) ?? (typeof value === "object" ? JSON.stringify(value) : String(value));
  return h("span", { class: "pair", title: text }, h("i", null, field(name)), text);
}

function drawCalls(calls) {
  const shown = calls.slice(0, SHOWN);
  shell.count.textContent = t("calls_hint", { n: calls.length });
  const seen = new Map();
  const items = shown.map((call) => ({ call, key: callKey(call, seen) }));
  keyed(shell.calls, items.length ? items : [{ key: "note" }], {
    key: (one) => one.key,
    sign: (one) => JSON.stringify([one.call, lang(), store.faults.length]),
    build: (one) => (one.call ? callRow(one.call) : h("div", { class: "panel-hint" }, t("nothing"))),
  });
}

// Calls have no id; equal calls at the same time are numbered from the oldest, so that a row keeps
// its node while new ones arrive above.
function callKey(call, seen) {
  const base = call.id ?? `${call.at} ${call.method} ${call.path} ${call.idempotency_key ?? ""}`;
  const count = seen.get(base) ?? 0;
  seen.set(base, count + 1);
  return `${base} ${count}`;
}

function faultName(name) {
  const known = store.faults.find((one) => one.name === name);
  return known ? either(known.title) : String(name);
}

function callRow(call) {
  const when = parseWhen(call.at);
  const fault = `${t("fault")}: ${faultName(call.fault)}`;
  return h("div", { class: call.fault ? "call faulty" : "call" },
    h("div", { class: "call-head" },
      h("time", null, when ? clock(when) : call.at), h("b", { class: `method ${String(call.method).toLowerCase()}` }, call.method),
      h("code", { class: "path", title: call.path }, call.path),
      h("span", { class: `chip ${call.status < 400 ? "good" : "bad"}` }, call.status || "–")),
    h("div", { class: "call-rest" },
      call.replayed && h("span", { class: "chip mid" }, t("replayed")),
      call.fault && h("span", { class: "chip bad" }, fault),
      call.actor && h("span", { class: "pair" }, h("i", null, t("actor")), call.actor),
      call.idempotency_key && h("span", { class: "pair key", title: `${t("idempotency_key")}: ${call.idempotency_key}` }, h("i", null, t("idempotency_key")), call.idempotency_key)));
}
