// Interactive Block Kit elements. `ctx`: {container, form, prefix, values(), live}; `values`
// returns the container's state as Slack sends it; `live` means that a choice is sent at
// once (actions and sections), not with the submission of the modal.
import { act } from "./actions.js";
import { options } from "./api.js";
import { fromLocal, toLocal } from "./dates.js";
import { h } from "./dom.js";
import { fieldOf } from "./forms.js";
import { t } from "./i18n.js";
import { plain, textNodes } from "./mrkdwn.js";
import { confirmed, openMenu } from "./overlay.js";
import { store } from "./state.js";

/** Draws one element of `block`; null for an unknown type. */
export function element(item, block, ctx) {
  const draw = DRAW[item.type];
  return draw ? draw(item, block, ctx) : null;
}

const DRAW = {
  button,
  workflow_button: button,
  icon_button: (item, block, ctx) => button({ ...item, type: "icon_button" }, block, ctx),
  feedback_buttons: feedback,
  overflow,
  image: (item) => image(addressOf(item), plain(item.alt_text), "accessory-image"),
  static_select: select,
  users_select: select,
  conversations_select: select,
  channels_select: select,
  external_select: external,
  multi_external_select: unavailable,
  file_input: unavailable,
  multi_static_select: multiSelect,
  multi_users_select: multiSelect,
  multi_conversations_select: multiSelect,
  multi_channels_select: multiSelect,
  radio_buttons: ticks,
  checkboxes: ticks,
  datepicker: (...all) => picker("date", ...all),
  timepicker: (...all) => picker("time", ...all),
  datetimepicker: (...all) => picker("datetime-local", ...all),
  plain_text_input: textInput,
  email_text_input: textInput,
  url_text_input: textInput,
  number_input: textInput,
  rich_text_input: textInput,
};

function names(item, block, ctx) {
  return {
    "data-fk": `${ctx.prefix}|${block.block_id}|${item.action_id}`,
    "data-action-id": item.action_id,
    "data-block-id": block.block_id,
  };
}

// Further clicks are ignored during a request; then the card shows the result.
async function send(node, item, block, ctx, value) {
  if (node.getAttribute("aria-busy") === "true") return;
  if (item.confirm && !(await confirmed(item.confirm))) return;
  node.setAttribute("aria-busy", "true");
  const what = { block_id: block.block_id, action_id: item.action_id, type: item.type, values: ctx.values(), ...value };
  await act(ctx.container, what);
  node.removeAttribute("aria-busy");
}

function button(item, block, ctx) {
  const style = item.style ? `btn ${item.style}` : "btn";
  const value = item.value === undefined ? {} : { value: item.value };
  const node = h("button", { type: "button", class: style, "aria-label": item.accessibility_label ? plain(item.accessibility_label) : null, ...names(item, block, ctx) },
    textNodes(item.text));
  node.addEventListener("click", (event) => {
    if (event.detail > 1) return; // the second half of a double click is no second click
    if (item.url && /^https?:/i.test(item.url)) window.open(item.url, "_blank", "noopener");
    send(node, item, block, ctx, value);
  });
  return node;
}

function feedback(item, block, ctx) {
  const one = (half) => button({ ...half, type: item.type, action_id: item.action_id }, block, ctx);
  return h("span", { class: "pair" }, one(item.positive_button), one(item.negative_button));
}

function overflow(item, block, ctx) {
  const node = h("button", { type: "button", class: "btn more", "aria-haspopup": "menu", "aria-label": t("more_actions"), ...names(item, block, ctx) }, "⋯");
  const pick = (option) => () => {
    if (option.url && /^https?:/i.test(option.url)) window.open(option.url, "_blank", "noopener");
    send(node, item, block, ctx, { selected_option: option });
  };
  node.addEventListener("click", () => openMenu(node, item.options.map((option) => ({
    label: textNodes(option.text),
    hint: option.description ? plain(option.description.text) : null,
    onPick: pick(option),
  })), { label: t("more_actions") }));
  return node;
}

/** Source of an image: an address, or a file of the workspace by its id. */
export const addressOf = (item) => item.image_url ?? item.slack_file?.url
  ?? (item.slack_file?.id && `/files/${encodeURIComponent(item.slack_file.id)}`);

/** An image of this origin, or its alt text if it can't be shown. */
export function image(url, alt, className) {
  const missing = () => h("span", { class: "image-missing", role: "img", "aria-label": alt }, `${t("image_missing")}: ${alt}`);
  if (!url) return missing();
  const node = h("img", { src: url, alt, class: className, loading: "lazy" });
  node.addEventListener("error", () => node.replaceWith(missing()));
  return node;
}

function unavailable(item, block, ctx) {
  return h("button", { type: "button", class: "btn", disabled: true, title: t("not_here"), ...names(item, block, ctx) },
    item.placeholder ? textNodes(item.placeholder) : t("not_here"));
}

// Choices: every kind of select is a list of {id, label, given}; `given` is the sent value.

function choices(item) {
  if (item.type.includes("users")) {
    return store.people.map((one) => ({ id: one.id, label: one.display_name ?? one.name, given: one.id }));
  }
  if (/conversations|channels/.test(item.type)) {
    const rooms = store.state?.channels.filter((one) => !one.is_im) ?? [];
    return rooms.map((one) => ({ id: one.id, label: `#${one.name}`, given: one.id }));
  }
  const groups = item.option_groups ?? [{ options: item.options ?? [] }];
  return groups.flatMap((group) => group.options.map((option) => choice(option, group)));
}

function choice(option, group) {
  const hint = option.description ? ` — ${plain(option.description.text)}` : "";
  const title = group.label ? plain(group.label.text) : null;
  return { id: option.value, label: plain(option.text.text) + hint, given: option, group: title };
}

const idOf = (given) => (given === null || typeof given === "string" ? given : given.value);

function keep(node, item, block, ctx, given) {
  const value = { [fieldOf(item)]: given };
  ctx.form.set(block.block_id, item, value);
  ctx.changed?.(block.block_id);
  if (ctx.live) return send(node, item, block, ctx, value);
  return undefined;
}

function select(item, block, ctx) {
  const all = choices(item);
  const now = idOf(ctx.form.get(block.block_id, item)[fieldOf(item)]);
  const placeholder = item.placeholder ? plain(item.placeholder.text) : t("select");
  const option = (one) => h("option", { value: one.id, selected: one.id === now }, one.label);
  const grouped = [...new Set(all.map((one) => one.group))].map((group) => {
    const options = all.filter((one) => one.group === group).map(option);
    return group ? h("optgroup", { label: group }, options) : options;
  });
  const node = h("select", { class: "field", "aria-label": placeholder, ...names(item, block, ctx) },
    h("option", { value: "", selected: !now }, placeholder), grouped);
  node.addEventListener("change", () => {
    const given = all.find((one) => one.id === node.value)?.given ?? null;
    keep(node, item, block, ctx, given);
    if (ctx.live) node.blur(); // a focused select would delay the redrawn card
  });
  return node;
}

function multiSelect(item, block, ctx) {
  const all = choices(item);
  const chosen = () => ctx.form.get(block.block_id, item)[fieldOf(item)] ?? [];
  const placeholder = item.placeholder ? plain(item.placeholder.text) : t("select_many");
  const node = h("button", { type: "button", class: "field multi", "aria-haspopup": "menu", ...names(item, block, ctx) });
  const draw = () => {
    const ids = chosen().map(idOf);
    const chips = all.filter((one) => ids.includes(one.id)).map((one) => h("span", { class: "chip" }, one.label));
    node.replaceChildren(...(chips.length ? chips : [h("span", { class: "dim" }, placeholder)]));
    node.setAttribute("aria-label", [placeholder, ...chips.map((chip) => chip.textContent)].join(": "));
  };
  const toggle = (one) => (on) => {
    const rest = chosen().filter((given) => idOf(given) !== one.id);
    keep(node, item, block, ctx, on ? [...rest, one.given] : rest);
    draw();
  };
  node.addEventListener("click", () => {
    const ids = chosen().map(idOf);
    openMenu(node, all.map((one) => ({ label: one.label, checked: ids.includes(one.id), onPick: toggle(one) })), { many: true, label: placeholder });
  });
  draw();
  return node;
}

// The app returns the options.
function external(item, block, ctx) {
  const chosen = () => ctx.form.get(block.block_id, item).selected_option;
  const placeholder = item.placeholder ? plain(item.placeholder.text) : t("select");
  const node = h("button", { type: "button", class: "field multi", "aria-haspopup": "menu", ...names(item, block, ctx) });
  const draw = () => node.replaceChildren(chosen() ? plain(chosen().text.text) : h("span", { class: "dim" }, placeholder));
  const pick = (option) => () => {
    keep(node, item, block, ctx, option);
    draw();
  };
  node.addEventListener("click", async () => {
    const asked = { as: store.as, container: ctx.container, block_id: block.block_id, action_id: item.action_id, value: "" };
    const answer = await options(asked);
    openMenu(node, (answer.options ?? []).map((option) => ({ label: plain(option.text.text), onPick: pick(option) })), { label: placeholder });
  });
  draw();
  return node;
}

function ticks(item, block, ctx) {
  const radio = item.type === "radio_buttons";
  const name = `${ctx.prefix}|${block.block_id}|${item.action_id}`;
  const now = [ctx.form.get(block.block_id, item)[fieldOf(item)]].flat().filter(Boolean).map(idOf);
  const box = h("div", { class: "ticks", role: radio ? "radiogroup" : "group" });
  const read = () => item.options.filter((_, index) => box.querySelectorAll("input")[index].checked);
  item.options.forEach((option, index) => {
    const input = h("input", { type: radio ? "radio" : "checkbox", name, value: option.value, checked: now.includes(option.value), "data-action-id": item.action_id, "data-block-id": block.block_id, "data-fk": `${name}|${index}` });
    input.addEventListener("change", () => keep(box, item, block, ctx, radio ? option : read()));
    box.append(h("label", { class: "tick-row" }, input,
      h("span", null, textNodes(option.text), option.description && h("small", null, textNodes(option.description)))));
  });
  return box;
}

function picker(kind, item, block, ctx) {
  const now = ctx.form.get(block.block_id, item)[fieldOf(item)];
  const value = kind === "datetime-local" ? toLocal(now) : (now ?? "");
  const placeholder = item.placeholder ? plain(item.placeholder.text) : null;
  const node = h("input", { type: kind, class: "field date-field", value, "aria-label": placeholder, ...names(item, block, ctx) });
  node.addEventListener("change", () => {
    const given = kind === "datetime-local" ? fromLocal(node.value) : node.value || null;
    keep(node, item, block, ctx, given);
  });
  return node;
}

const INPUT_TYPES = { email_text_input: "email", url_text_input: "url", number_input: "text" };

function textInput(item, block, ctx) {
  const long = item.multiline || item.type === "rich_text_input";
  const now = ctx.form.get(block.block_id, item)[fieldOf(item)];
  const value = item.type === "rich_text_input" ? richToText(now) : (now ?? "");
  const node = h(long ? "textarea" : "input", {
    class: "field", rows: long ? 4 : null, type: long ? null : (INPUT_TYPES[item.type] ?? "text"),
    inputmode: item.type === "number_input" ? "decimal" : null, autocomplete: "off",
    placeholder: item.placeholder ? plain(item.placeholder.text) : null, autofocus: item.focus_on_load,
    ...names(item, block, ctx),
  });
  node.value = value;
  node.addEventListener("input", () => {
    const given = item.type === "rich_text_input" ? textToRich(node.value) : node.value || null;
    ctx.form.set(block.block_id, item, { [fieldOf(item)]: given });
    ctx.changed?.(block.block_id);
  });
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || long || !ctx.live) return;
    event.preventDefault();
    send(node, item, block, ctx, ctx.form.get(block.block_id, item));
  });
  return node;
}

function textToRich(text) {
  if (!text) return null;
  const section = { type: "rich_text_section", elements: [{ type: "text", text }] };
  return { type: "rich_text", elements: [section] };
}

function richToText(value) {
  return (value?.elements ?? []).flatMap((one) => one.elements ?? []).map((one) => one.text ?? "").join("");
}
