// Panel with the marketplace, the detectors and the fault switches.
import { drawDetectors, loadDetectors } from "./detectors.js";
import { drawFaults } from "./faults.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { drawMarket } from "./market.js";
import { lang, store, update, writeSetting } from "./state.js";

let shell = null;

export function drawPanel(root) {
  root.hidden = !store.panel.open;
  document.getElementById("app").classList.toggle("with-panel", store.panel.open);
  if (!store.panel.open) return;
  if (shell?.lang !== lang()) shell = makeShell(root);
  for (const [name, body] of shell.bodies) body.hidden = name !== store.panel.tab;
  shell.tabs.forEach(([name, tab]) => tab.setAttribute("aria-selected", String(name === store.panel.tab)));
  const on = store.faults.filter((one) => one.on).length;
  shell.count.textContent = on;
  shell.count.hidden = !on;
  const [, body, draw] = shell.bodies.find(([name]) => name === store.panel.tab);
  draw(body);
}

function makeShell(root) {
  const count = h("span", { class: "badge", hidden: true });
  const tab = (name, extra) => h("button", { type: "button", class: "panel-tab", role: "tab", "data-testid": `panel-${name}`, onclick: () => openTab(name) }, t(name), extra);
  const tabs = [["market", tab("market")], ["detectors", tab("detectors")], ["faults", tab("faults", count)]];
  const body = (name, draw) => [name, h("div", { class: `panel-body ${name}`, role: "tabpanel" }), draw];
  const bodies = [body("market", drawMarket), body("detectors", drawDetectors), body("faults", drawFaults)];
  root.setAttribute("aria-label", t("panel"));
  root.replaceChildren(h("div", { class: "panel-tabs", role: "tablist", "aria-label": t("panel") }, tabs.map(([, node]) => node)), ...bodies.map(([, node]) => node));
  return { lang: lang(), tabs, bodies, count };
}

function openTab(tab) {
  const panel = { open: true, tab };
  writeSetting("panel", panel);
  update({ panel });
  if (tab === "detectors") loadDetectors();
}
