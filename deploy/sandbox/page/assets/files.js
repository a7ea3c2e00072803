// Files of a message: pictures with a full view, other files by name.
import { h } from "./dom.js";
import { image } from "./elements.js";
import { lang } from "./state.js";
import { t } from "./i18n.js";
import { closeOverlay, keepTabInside, openOverlay } from "./overlay.js";

/** Draws `message.files`; null without any. */
export function files(list) {
  if (!list?.length) return null;
  return h("ul", { class: "files", "aria-label": t("files") }, list.map((one) => h("li", null, one.mimetype?.startsWith("image/") ? picture(one) : chip(one))));
}

function picture(one) {
  const name = nameOf(one);
  return h("figure", { class: "b-image" },
    h("figcaption", null, name),
    h("button", { type: "button", class: "picture", "aria-label": t("open_picture", { name }), "data-fk": `file:${one.id}`, onclick: () => look(one.url, name) },
      image(one.url, name, "block-image")));
}

const nameOf = (one) => one.title || one.name || one.id;

function chip(one) {
  const kind = (one.name?.split(".").pop() ?? "").slice(0, 4);
  return h("a", { class: "file-chip", href: sameOrigin(one.url), target: "_blank", rel: "noopener" },
    h("span", { class: "file-kind", "aria-hidden": "true" }, kind),
    h("span", { class: "file-words" }, nameOf(one), one.size ? h("small", { class: "dim" }, size(one.size)) : null));
}

function size(bytes) {
  const [value, unit] = bytes < 1024 ? [bytes, "byte"] : bytes < 1_048_576 ? [bytes / 1024, "kilobyte"] : [bytes / 1_048_576, "megabyte"];
  return new Intl.NumberFormat(lang(), { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: unit === "megabyte" ? 1 : 0 }).format(value);
}

function sameOrigin(url) {
  const full = new URL(url ?? "", location.href);
  return full.origin === location.origin ? full.pathname + full.search : null;
}

/** Full-size picture over the workspace, until Esc or a click. */
export function look(url, name) {
  const done = () => {
    closeOverlay(overlay);
    overlay.remove();
  };
  const close = h("button", { type: "button", class: "btn", onclick: done }, t("close"));
  const frame = h("div", { class: "lightbox", role: "dialog", "aria-modal": "true", "aria-label": name }, image(url, name, "full-image"), h("div", { class: "lightbox-foot" }, h("span", null, name), close));
  const overlay = h("div", { class: "overlay" }, frame);
  overlay.addEventListener("click", (event) => event.target === overlay && done());
  overlay.addEventListener("keydown", (event) => {
    if (event.key === "Escape") event.stopPropagation(), done();
    keepTabInside(frame, event);
  });
  document.getElementById("workspace").append(overlay);
  openOverlay(overlay);
  close.focus();
}
