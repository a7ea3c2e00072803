// Panel with the marketplace and the fault switches.
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
  const market = store.panel.tab === "market";
  shell.market.hidden = !market;
  shell.faults.hidden = market;
  shell.tabs.forEach(([name, tab]) => tab.setAttribute("aria-selected", String(name === store.panel.tab)));
  const on = store.faults.filter((one) => one.on).length;
  shell.count.textContent = on;
  shell.count.hidden = !on;
  if (market) drawMarket(shell.market);
  else drawFaults(shell.faults);
}

function makeShell(root) {
  const count = h("span", { class: "badge", hidden: true });
  const tab = (name, extra) => h("button", { type: "button", class: "panel-tab", role: "tab", "data-testid": `panel-${name}`, onclick: () => openTab(name) }, t(name), extra);
  const tabs = [["market", tab("market")], ["faults", tab("faults", count)]];
  const market = h("div", { class: "panel-body market", role: "tabpanel" });
  const faults = h("div", { class: "panel-body faults", role: "tabpanel" });
  root.setAttribute("aria-label", t("panel"));
  root.replaceChildren(h("div", { class: "panel-tabs", role: "tablist", "aria-label": t("panel") }, tabs.map(([, node]) => node)), market, faults);
  return { lang: lang(), tabs, market, faults, count };
}

function openTab(tab) {
  const panel = { open: true, tab };
  writeSetting("panel", panel);
  update({ panel });
}
