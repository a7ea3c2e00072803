// Stack of modals: the newest is on top, the others keep their input.
import { banner, readable, refresh } from "./actions.js";
import * as api from "./api.js";
import { block, numbered, showErrors } from "./blocks.js";
import { append, h, keyed } from "./dom.js";
import { forgetForm, formFor } from "./forms.js";
import { t } from "./i18n.js";
import { plain } from "./mrkdwn.js";
import { closeMenu, closeOverlay, keepTabInside, openOverlay } from "./overlay.js";
import { store } from "./state.js";

const shells = new Map(); // view id → {overlay, title, body, foot, view}

/** Shows exactly the views of `store.state`. */
export function drawModals(root) {
  const views = store.state?.views ?? [];
  const ids = new Set(views.map((view) => view.id));
  for (const [id, shell] of shells) if (!ids.has(id)) remove(id, shell);
  views.forEach((view, index) => drawView(root, view, index, views.length));
}

function remove(id, shell) {
  closeMenu();
  closeOverlay(shell.overlay);
  shell.overlay.remove();
  shells.delete(id);
  // Another user's modals are only hidden, and come back unchanged.
  if (shell.owner === store.as && store.state) forgetForm(`view:${id}`);
}

function drawView(root, view, index, count) {
  const isNew = !shells.has(view.id);
  if (isNew) shells.set(view.id, makeShell(root, view));
  const shell = shells.get(view.id);
  shell.view = view;
  shell.overlay.hidden = index < count - 1;
  shell.title.textContent = plain(view.title?.text);
  fillBody(shell, view);
  fillFoot(shell, view, index > 0);
  if (isNew) openOverlay(shell.overlay), focusFirst(shell);
  else if (shell.empty && index === count - 1) fillLate(shell);
  shell.empty = !fieldIn(shell);
}

// A view that opened as a placeholder and is filled in: its first field gets the focus, unless
// the person moved it.
function fillLate(shell) {
  const waiting = [document.body, ...shell.foot.children, shell.x].includes(document.activeElement);
  if (waiting && fieldIn(shell)) focusFirst(shell);
}

const fieldIn = (shell) => shell.body.querySelector("[autofocus]") ?? shell.body.querySelector("input, select, textarea");

function makeShell(root, view) {
  const title = h("h2", { id: `title-${view.id}`, class: "dialog-title" });
  const body = h("div", { class: "dialog-body", tabindex: "-1" });
  const error = h("div", { class: "dialog-error", role: "alert", hidden: true });
  const foot = h("div", { class: "dialog-foot" });
  const x = h("button", { type: "button", class: "icon-btn", "aria-label": t("close"), "data-testid": "modal-x", onclick: () => close(shell) }, "✕");
  const form = h("form", { class: "dialog", role: "dialog", "aria-modal": "true", "aria-labelledby": title.id, "data-testid": "modal", "data-callback-id": view.callback_id, novalidate: true },
    h("div", { class: "dialog-head" }, title, x), body, error, foot);
  const overlay = h("div", { class: "overlay" }, form);
  const shell = { overlay, form, title, body, error, foot, x, view, owner: store.as, footSign: "" };
  form.addEventListener("submit", (event) => event.preventDefault() ?? submit(shell));
  overlay.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) event.stopPropagation(), close(shell);
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(shell);
    keepTabInside(form, event);
  });
  root.append(overlay);
  return shell;
}

function fillBody(shell, view) {
  const form = formFor(`view:${view.id}`);
  const ctx = {
    container: { type: "view", view_id: view.id },
    form,
    prefix: `view:${view.id}`,
    values: () => form.collect(numbered(shell.view.blocks)),
    changed: (blockId) => clearError(shell, blockId),
  };
  keyed(shell.body, numbered(view.blocks), {
    key: (one) => one.block_id,
    sign: (one) => JSON.stringify(one),
    build: (one) => block(one, ctx),
  });
}

function clearError(shell, blockId) {
  const node = shell.body.querySelector(`[data-input-block="${CSS.escape(blockId)}"]`);
  node?.classList.remove("wrong");
  const line = node?.querySelector(".field-error");
  if (line) line.hidden = true;
  shell.error.hidden = true;
}

function fillFoot(shell, view, pushed) {
  const sign = JSON.stringify([view.submit, view.close, pushed]);
  if (sign === shell.footSign) return;
  shell.footSign = sign;
  const held = shell.foot.contains(document.activeElement);
  const closing = view.close ? plain(view.close.text) : t(pushed ? "back" : view.submit ? "cancel" : "close");
  const hasInputs = (view.blocks ?? []).some((one) => one.type === "input");
  shell.foot.replaceChildren();
  append(shell.foot, [
    h("button", { type: "button", class: "btn", "data-testid": "modal-close", onclick: () => close(shell) }, closing),
    (view.submit || hasInputs) && h("button", { type: "submit", class: "btn primary", "data-testid": "modal-submit" }, view.submit ? plain(view.submit.text) : t("submit")),
  ]);
  if (held) shell.foot.querySelector("button:last-child").focus();
}

function focusFirst(shell) {
  (fieldIn(shell) ?? shell.foot.querySelector("button:last-child") ?? shell.body).focus();
}

async function close(shell) {
  const { view } = shell;
  forgetForm(`view:${view.id}`);
  const answer = await api.close({ as: store.as, view_id: view.id });
  if (!answer.ok) fail(shell, t("failed"));
  await refresh();
}

async function submit(shell) {
  if (shell.form.getAttribute("aria-busy") === "true") return;
  const { view } = shell;
  const form = formFor(`view:${view.id}`);
  const fields = numbered(view.blocks);
  const problems = form.problems(fields);
  showErrors(shell.body, problems);
  shell.error.hidden = true;
  if (Object.keys(problems).length) return;
  busy(shell, true);
  const answer = await api.submit({ as: store.as, view_id: view.id, values: form.collect(fields) });
  if (answer.errors) refused(shell, answer.errors);
  else if (!answer.ok) fail(shell, readable(answer.error));
  await refresh();
  busy(shell, false);
}

function refused(shell, errors) {
  showErrors(shell.body, errors);
  const shown = [...shell.body.querySelectorAll("[data-input-block]")].map((node) => node.dataset.inputBlock);
  const lost = Object.keys(errors).filter((id) => !shown.includes(id));
  if (lost.length) fail(shell, lost.map((id) => errors[id]).join(" "));
}

function fail(shell, text) {
  if (!shell.overlay.isConnected) return banner(text);
  shell.error.textContent = text;
  shell.error.hidden = false;
  return undefined;
}

function busy(shell, on) {
  if (on) shell.form.setAttribute("aria-busy", "true");
  else shell.form.removeAttribute("aria-busy");
}
