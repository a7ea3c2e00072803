// Notices and appeals of a marketplace user.
import { banner } from "./actions.js";
import * as api from "./api.js";
import { clock, parseWhen } from "./dates.js";
import { announce, h } from "./dom.js";
import { either, t } from "./i18n.js";

const SANCTIONS = ["muted", "payout_held", "bidding_limited", "warnings"];
const BARRED = new Set(["banned", "suspended"]);

const isSanctioned = (user) => BARRED.has(user.status) || SANCTIONS.some((name) => Boolean(user[name]));

/** Notices and the button of one user, or null. */
export function appealing(user) {
  const told = Array.isArray(user.notices) ? user.notices : [];
  if (!told.length && !isSanctioned(user)) return null;
  return h("div", { class: "appealing" },
    told.map(notice),
    isSanctioned(user) && button(user));
}

function notice(one) {
  const when = parseWhen(one.at);
  return h("div", { class: "notice" },
    h("time", null, when ? clock(when) : one.at),
    h("span", { class: "chip mid" }, t("notice")),
    h("span", { class: "notice-text" }, either(one.text)));
}

function button(user) {
  const node = h("button", { type: "button", class: "appeal", "data-testid": `appeal-${user.id}`, "data-fk": `appeal:${user.id}`, title: t("appeal_hint") }, t("appeal"));
  node.addEventListener("click", async () => {
    if (node.getAttribute("aria-busy") === "true") return;
    node.setAttribute("aria-busy", "true");
    const answer = await api.appeal(user.id, t("appeal_statement"));
    node.removeAttribute("aria-busy");
    if (answer.ok) announce(t("appeal_sent"));
    else banner(t("appeal_failed"));
  });
  return node;
}
