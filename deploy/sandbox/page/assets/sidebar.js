// Sidebar: channels, direct messages, the app.
import { h, keyed } from "./dom.js";
import { t } from "./i18n.js";
import { botAvatar } from "./people.js";
import { attention, HOME, lang, store } from "./state.js";

export const channelTitle = (channel) => (channel.is_im ? channel.name : `# ${channel.name}`);

let shell = null;

export function drawSidebar(root, onOpen) {
  if (shell?.lang !== lang()) shell = makeShell(root);
  const all = store.state?.channels ?? [];
  fillGroup(shell.channels, all.filter((one) => !one.is_im), onOpen);
  fillGroup(shell.direct, all.filter((one) => one.is_im), onOpen);
  shell.directBox.hidden = !all.some((one) => one.is_im);
  fillGroup(shell.apps, [{ id: HOME, name: "Koban", app: true }], onOpen);
}

function makeShell(root) {
  const [channels, direct, apps] = [list(), list(), list()];
  const directBox = group(t("direct_messages"), direct);
  root.setAttribute("aria-label", t("workspace"));
  root.replaceChildren(
    h("div", { class: "workspace-name" }, t("workspace")),
    h("div", { class: "sidebar-scroll" }, group(t("channels"), channels), directBox, group(t("apps"), apps)),
  );
  return { lang: lang(), channels, direct, directBox, apps };
}

const list = () => h("ul", { class: "channels" });
const group = (title, inner) => h("section", { class: "group" }, h("h2", null, title), inner);

function fillGroup(node, items, onOpen) {
  const shown = items.map((one) => ({ ...one, ...look(one) }));
  keyed(node, shown, {
    key: (one) => one.id,
    sign: (one) => JSON.stringify([one.name, one.here, one.unread, one.mentions]),
    build: (one) => row(one, onOpen),
  });
}

function look(one) {
  const here = store.channel === one.id;
  if (one.app || here) return { here, unread: false, mentions: 0 };
  return { here, ...attention(one) };
}

function row(one, onOpen) {
  const classes = ["channel", one.here && "here", one.unread && "unread"].filter(Boolean).join(" ");
  const marks = [one.mentions ? t("mentions", { n: one.mentions }) : null, one.unread ? t("unread") : null];
  const label = [one.name, one.app ? t("app_home") : null, ...marks].filter(Boolean).join(", ");
  const sign = one.app || one.is_im ? botAvatar("tiny") : h("span", { class: "hash" }, "#");
  return h("li", null,
    h("button", { type: "button", class: classes, "aria-label": label, "aria-current": one.here ? "page" : null, "data-testid": one.app ? "app-home" : `channel-${one.id}`, "data-fk": `channel:${one.id}`, onclick: () => onOpen(one.id) },
      sign, h("span", { class: "channel-name" }, one.name),
      one.app && h("span", { class: "tag" }, t("app_home")),
      one.mentions > 0 && h("span", { class: "badge" }, one.mentions > 99 ? "99+" : one.mentions),
      one.unread && !one.mentions && h("span", { class: "dot" })));
}
