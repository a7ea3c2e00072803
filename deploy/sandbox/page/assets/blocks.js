// Block Kit blocks → DOM. `ctx` as in elements.js.
import { addressOf, element, image } from "./elements.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { mrkdwn, plain, textNodes } from "./mrkdwn.js";
import { markdown, richText, table } from "./richtext.js";

/** Draws `blocks`; each without a block_id gets one. */
export function blocks(list, ctx) {
  return numbered(list).map((one) => block(one, ctx));
}

export const numbered = (list) =>
  (list ?? []).map((one, index) => (one.block_id ? one : { ...one, block_id: `b${index}` }));

export function block(one, ctx) {
  const draw = DRAW[one.type];
  const inner = draw ? draw(one, ctx) : h("div", { class: "dim" }, t("unknown_block", { type: one.type }));
  inner.dataset.blockType = one.type;
  return inner;
}

const DRAW = {
  header: (one) => h("h3", { class: "b-header" }, textNodes(one.text)),
  divider: () => h("hr", { class: "b-divider" }),
  section,
  context,
  actions,
  context_actions: actions,
  input,
  image: (one) => h("figure", { class: "b-image" },
    one.title && h("figcaption", null, textNodes(one.title)),
    image(addressOf(one), plain(one.alt_text), "block-image")),
  rich_text: (one) => richText(one),
  table: (one) => table(one),
  markdown: (one) => markdown(one.text),
  alert: (one) => h("div", { class: `b-alert ${one.level ?? "default"}`, role: "note" }, textNodes(one.text)),
  container,
  card,
  file: () => h("div", { class: "dim" }, t("not_here")),
};

function section(one, ctx) {
  const live = { ...ctx, live: true };
  return h("div", { class: "b-section" },
    h("div", { class: "b-section-main" },
      one.text && h("div", { class: "b-text" }, textNodes(one.text)),
      one.fields && h("div", { class: "b-fields" }, one.fields.map((item) => h("div", { class: "b-field" }, textNodes(item))))),
    one.accessory && h("div", { class: "b-accessory" }, element(one.accessory, one, live)));
}

function context(one) {
  return h("div", { class: "b-context" }, one.elements.map((item) => (item.type === "image"
    ? image(addressOf(item), plain(item.alt_text), "context-image")
    : h("span", { class: "b-context-item" }, textNodes(item)))));
}

function actions(one, ctx) {
  const live = { ...ctx, live: true };
  return h("div", { class: "b-actions" }, one.elements.map((item) => element(item, one, live)));
}

function input(one, ctx) {
  const id = `${ctx.prefix}|${one.block_id}`.replace(/\s/g, "_");
  const control = element(one.element, one, { ...ctx, live: Boolean(one.dispatch_action) });
  const label = h("label", { class: "b-label", id: `${id}|label` }, textNodes(one.label),
    one.optional && h("span", { class: "dim" }, ` ${t("optional")}`));
  const error = h("div", { class: "field-error", id: `${id}|error`, role: "alert", hidden: true });
  control.setAttribute("aria-labelledby", `${id}|label`);
  control.removeAttribute("aria-label");
  control.setAttribute("aria-describedby", `${id}|error`);
  if (!one.optional && control.matches("input, select, textarea")) control.setAttribute("aria-required", "true");
  label.addEventListener("click", () => control.focus());
  return h("div", { class: "b-input", "data-input-block": one.block_id }, label, control, error,
    one.hint && h("div", { class: "b-hint" }, textNodes(one.hint)));
}

/** Shows `errors` ({block_id: text}) under their fields in `root`, and clears the others. */
export function showErrors(root, errors) {
  let first = null;
  for (const node of root.querySelectorAll("[data-input-block]")) {
    const text = errors[node.dataset.inputBlock];
    const line = node.querySelector(".field-error");
    line.hidden = !text;
    line.textContent = text ?? "";
    node.classList.toggle("wrong", Boolean(text));
    if (text) first ??= node;
  }
  first?.querySelector("input, select, textarea, button")?.focus();
}

function container(one, ctx) {
  const title = [one.rich_text_title ? richText(one.rich_text_title) : one.title && textNodes(one.title),
    one.subtitle && h("small", null, textNodes(one.subtitle))];
  const inner = blocks(one.child_blocks, ctx);
  if (!one.is_collapsible) return h("div", { class: "b-container" }, h("div", { class: "b-container-title" }, title), inner);
  return h("details", { class: "b-container", open: !one.default_collapsed }, h("summary", null, title), inner);
}

function card(one, ctx) {
  const live = { ...ctx, live: true };
  return h("div", { class: "b-container" },
    one.title && h("div", { class: "b-container-title" }, textNodes(one.title), one.subtitle && h("small", null, textNodes(one.subtitle))),
    one.body && h("div", { class: "b-text" }, textNodes(one.body)),
    one.actions && h("div", { class: "b-actions" }, one.actions.map((item) => element(item, one, live))));
}

const BAR_NAMES = { good: "#2eb67d", warning: "#ecb22e", danger: "#e01e5a" };

/** Legacy attachments: a colour bar with blocks or with the old fields. */
export function attachment(one, ctx) {
  const colour = BAR_NAMES[one.color] ?? (/^#?[0-9a-f]{6}$/i.test(one.color ?? "") ? `#${one.color.replace("#", "")}` : null);
  const inner = one.blocks ? blocks(one.blocks, ctx) : legacy(one);
  return h("div", { class: "attachment" },
    one.pretext && h("div", { class: "b-text" }, mrkdwn(one.pretext)),
    h("div", { class: "attachment-row" },
      h("div", { class: "attachment-bar", style: { background: colour ?? "" } }),
      h("div", { class: "attachment-body" }, inner)));
}

function legacy(one) {
  return [
    one.author_name && h("div", { class: "dim" }, plain(one.author_name)),
    one.title && h("strong", null, mrkdwn(one.title)),
    (one.text ?? one.fallback) && h("div", { class: "b-text" }, mrkdwn(one.text ?? one.fallback)),
    one.fields && h("div", { class: "b-fields" }, one.fields.map((item) => h("div", { class: "b-field" }, h("strong", null, plain(item.title)), h("div", null, mrkdwn(item.value))))),
    one.footer && h("div", { class: "b-context" }, plain(one.footer)),
  ];
}
