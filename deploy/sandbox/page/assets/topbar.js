// Top bar: current user, theme, connection, faults.
import { dismiss } from "./actions.js";
import { h, keyed } from "./dom.js";
import { healAll } from "./faults.js";
import { showKeys } from "./keyboard.js";
import { either, t } from "./i18n.js";
import { avatar, nameOf } from "./people.js";
import { lang, store, update, writeSetting } from "./state.js";

let shell = null;

export function drawTopbar(root, onPerson) {
  if (shell?.lang !== lang()) shell = makeShell(root);
  keyed(shell.people, store.people, {
    key: (one) => one.id,
    sign: (one) => JSON.stringify([one, one.id === store.as]),
    build: (one) => tab(one, onPerson),
  });
  shell.hint.hidden = store.connected;
  shell.drawer.setAttribute("aria-expanded", String(store.drawer));
  shell.panel.setAttribute("aria-pressed", String(store.panel.open));
  shell.panel.title = t(store.panel.open ? "panel_hide" : "panel_show");
  shell.theme.textContent = { auto: "◐", light: "☀", dark: "☾" }[store.theme];
  shell.theme.setAttribute("aria-label", `${t("theme")}: ${t(`theme_${store.theme}`)}`);
  shell.theme.title = shell.theme.getAttribute("aria-label");
}

function makeShell(root) {
  const people = h("div", { class: "people", role: "tablist", "aria-label": t("people") });
  const hint = h("span", { class: "connection", role: "status", hidden: true, "data-testid": "reconnecting" }, h("span", { class: "spinner" }), t("reconnecting"));
  const drawer = h("button", { type: "button", class: "top-btn drawer-btn", "aria-label": t("channels"), "aria-controls": "sidebar", "data-testid": "drawer", onclick: () => update({ drawer: !store.drawer }) }, "☰");
  const keys = h("button", { type: "button", class: "top-btn keys-btn", "aria-label": t("keys"), title: t("keys"), "data-testid": "keys", "data-fk": "keys", onclick: showKeys }, "⌨");
  const theme = h("button", { type: "button", class: "top-btn", "data-testid": "theme", onclick: nextTheme });
  const panel = h("button", { type: "button", class: "top-btn wide", "data-testid": "panel-toggle", onclick: togglePanel }, h("span", { class: "wide-words" }, t("panel")), h("span", { class: "narrow-words", "aria-hidden": "true" }, "⚙"));
  people.addEventListener("keydown", arrows);
  root.replaceChildren(drawer, h("span", { class: "brand" }, h("img", { src: "/page/icon.svg", alt: "" }), h("span", { class: "brand-name" }, "Koban")), people, hint, h("span", { class: "grow" }), keys, theme, panel);
  return { lang: lang(), people, hint, theme, panel, drawer };
}

function tab(person, onPerson) {
  const here = person.id === store.as;
  const language = t(person.locale?.startsWith("ja") ? "lang_ja" : "lang_en");
  const role = t(`role_${person.role}`);
  return h("button", { type: "button", class: here ? "person here" : "person", role: "tab", "aria-selected": String(here), tabindex: here ? null : "-1", "aria-label": `${nameOf(person)}, ${role}, ${language}`, "data-testid": `person-${person.id}`, "data-fk": `person:${person.id}`, onclick: () => onPerson(person.id) },
    avatar(person, nameOf(person), "medium"),
    h("span", { class: "person-words" }, h("b", null, nameOf(person)), h("small", null, `${role} · ${language}`)));
}

function arrows(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...event.currentTarget.children];
  tabs.at((tabs.indexOf(document.activeElement) + step) % tabs.length).focus();
}

function nextTheme() {
  const order = ["auto", "light", "dark"];
  const theme = order[(order.indexOf(store.theme) + 1) % order.length];
  writeSetting("theme", theme);
  update({ theme });
}

export function togglePanel() {
  const panel = { ...store.panel, open: !store.panel.open };
  writeSetting("panel", panel);
  update({ panel });
}

/** Banner under the top bar while a fault is on. */
export function drawFaultBanner(root) {
  const on = store.faults.filter((one) => one.on);
  keyed(root, on.length ? [on] : [], {
    key: () => "faults",
    sign: () => JSON.stringify([on, lang()]),
    build: () => h("div", { class: "fault-banner", role: "status", "data-testid": "fault-banner" },
      h("b", null, t("fault_banner")), h("span", null, on.map((one) => either(one.title)).join(" · ")),
      h("button", { type: "button", class: "btn small", "data-fk": "heal-all", onclick: () => healAll(on) }, t(on.length > 1 ? "heal_all" : "heal"))),
  });
}

/** Errors of this user, above the messages. */
export function drawBanners() {
  const slot = document.getElementById("banner-slot");
  if (!slot) return;
  keyed(slot, store.banners, {
    key: (one) => one.id,
    sign: (one) => one.text,
    build: (one) => h("div", { class: "error-banner", role: "alert", "data-testid": "error-banner" },
      h("span", { class: "bang", "aria-hidden": "true" }, "!"), h("span", { class: "grow" }, one.text),
      h("button", { type: "button", class: "icon-btn", "aria-label": t("dismiss"), onclick: () => dismiss(one.id) }, "✕")),
  });
}
