// Detectors: state, last run, next run and errors of each one.
import * as api from "./api.js";
import { clock, parseWhen } from "./dates.js";
import { h, keyed } from "./dom.js";
import { either, t } from "./i18n.js";
import { lang, store, update } from "./state.js";

export async function loadDetectors() {
  const answer = await api.detectors();
  if (answer.ok) update({ detectors: answer.data.detectors });
}

const TONES = { ok: "good", paused: "mid", failing: "bad", silent: "bad" };

export function drawDetectors(root) {
  const rows = store.detectors ?? [];
  keyed(root, rows.length ? rows : [{ id: "" }], {
    key: (one) => one.id,
    sign: (one) => `${JSON.stringify(one)} ${lang()}`,
    build: (one) => (one.id ? detector(one) : h("div", { class: "panel-hint" }, t("detectors_none"))),
  });
}

function detector(one) {
  return h("div", { class: "record", "data-testid": `detector-${one.id}` },
    h("div", { class: "record-head" },
      h("code", null, one.id), h("span", { class: "record-title" }, either(one.title)),
      h("span", { class: `chip ${TONES[one.state]}` }, t(`detector_${one.state}`))),
    h("div", { class: "record-rest" },
      pair("detector_kind", t(`detector_${one.kind}`)),
      one.seen_at && pair("detector_seen", at(one.seen_at)),
      one.last_run && pair("detector_last", `${at(one.last_run.at)} · ${t("detector_counts", one.last_run)}`),
      one.next_run && pair("detector_next", at(one.next_run)),
      one.feedback && pair("detector_feedback", t("detector_feedback_counts", one.feedback))),
    one.error && h("div", { class: "detector-error", role: "status" }, either(one.error)));
}

function at(iso) {
  const when = parseWhen(iso);
  return when ? clock(when) : iso;
}

const pair = (name, text) => h("span", { class: "pair", title: text }, h("i", null, t(name)), text);
