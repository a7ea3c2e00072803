// Fault switches: each press turns one on or off.
import { announce, h, keyed } from "./dom.js";
import { banner } from "./actions.js";
import * as api from "./api.js";
import { either, t } from "./i18n.js";
import { lang, store, update } from "./state.js";

export async function loadFaults() {
  const answer = await api.faults();
  if (answer.ok && JSON.stringify(answer.data) !== JSON.stringify(store.faults)) {
    update({ faults: answer.data });
  }
}

async function switchFault(fault, on) {
  const answer = await api.setFault(fault.name, on);
  if (!answer.ok) banner(t("fault_failed"));
  else announce(`${either(fault.title)}: ${t(on ? "fault_on" : "fault_off")}`);
  await loadFaults();
}

export async function healAll(faults) {
  for (const fault of faults) await switchFault(fault, false);
}

export function drawFaults(root) {
  const hint = h("p", { class: "panel-hint" }, t(store.faults.length ? "faults_hint" : "faults_none"));
  keyed(root, [{ name: " hint", node: hint }, ...store.faults], {
    key: (one) => one.name,
    sign: (one) => JSON.stringify([one.node?.textContent ?? one, lang()]),
    build: (one) => one.node ?? row(one),
  });
}

function row(fault) {
  const button = h("button", { type: "button", class: fault.on ? "fault on" : "fault", role: "switch", "aria-checked": String(fault.on), "data-testid": `fault-${fault.name}`, "data-fk": `fault:${fault.name}` },
    h("span", { class: "fault-words" }, either(fault.title)),
    h("span", { class: "fault-state" }, t(fault.on ? "fault_on" : "fault_off")),
    h("span", { class: "switch", "aria-hidden": "true" }));
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    await switchFault(fault, !fault.on);
    button.removeAttribute("aria-busy");
  });
  return button;
}
