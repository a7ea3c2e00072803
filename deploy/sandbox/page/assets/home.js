// App Home, with a link to the app's direct messages.
import { blocks, numbered } from "./blocks.js";
import { h, withFocusKept } from "./dom.js";
import { formFor } from "./forms.js";
import { t } from "./i18n.js";
import { botAvatar } from "./people.js";
import { lang, store } from "./state.js";

let shell = null;

export function drawHome(root, onOpen) {
  const direct = store.state?.channels.find((one) => one.is_im);
  const key = `${store.as}/${lang()}/${direct?.id}`;
  if (shell?.key !== key || !root.contains(shell.body)) shell = makeShell(root, key, direct && (() => onOpen(direct.id)));
  const sign = JSON.stringify(store.state?.home ?? null);
  if (sign === shell.sign) return;
  shell.sign = sign;
  withFocusKept(shell.body, () => shell.body.replaceChildren(...content(store.state?.home)));
}

function makeShell(root, key, onMessages) {
  const body = h("div", { class: "home-body", "data-testid": "home" });
  const tabs = h("nav", { class: "home-tabs", "aria-label": "Koban" },
    h("span", { class: "home-tab", "aria-current": "page" }, t("home_tab")),
    onMessages && h("button", { type: "button", class: "home-tab", "data-testid": "home-messages", onclick: onMessages }, t("messages_tab")));
  root.replaceChildren(
    h("div", { class: "pane-head" }, botAvatar("tiny"), h("h1", { class: "channel-title" }, "Koban"), h("span", { class: "app-badge" }, t("app_badge")), tabs),
    h("div", { id: "banner-slot" }), h("div", { class: "scroll-wrap" }, h("div", { class: "scroller", tabindex: "0", "aria-label": t("app_home") }, body)));
  return { key, body, sign: undefined };
}

function content(view) {
  if (!view) return [h("div", { class: "empty" }, t("app_home_empty"))];
  const key = `view:${view.id}`;
  const form = formFor(key);
  const values = () => form.collect(numbered(view.blocks));
  return blocks(view.blocks, { container: { type: "view", view_id: view.id }, form, prefix: key, values });
}
