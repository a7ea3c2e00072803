// Form values, kept outside the DOM so that redrawing does not lose them.
import { t } from "./i18n.js";

const forms = new Map();

/** The form of a container (`view:V1`, `message:C0LIVE:1.2`), created at first use. */
export function formFor(key) {
  if (!forms.has(key)) forms.set(key, new Form());
  return forms.get(key);
}

export const forgetForm = (key) => forms.delete(key);
export const formKeys = () => [...forms.keys()];

class Form {
  touched = new Map(); // "block/action" → {type, value? | selected_…}

  get(blockId, element) {
    return this.touched.get(`${blockId}/${element.action_id}`) ?? initial(element);
  }

  set(blockId, element, value) {
    this.touched.set(`${blockId}/${element.action_id}`, { type: element.type, ...value });
  }

  /** Values for /ui/submit: {block_id: {action_id: {type, …}}}. */
  collect(blocks) {
    const values = {};
    for (const [blockId, element] of stateful(blocks)) {
      values[blockId] = { ...values[blockId], [element.action_id]: this.get(blockId, element) };
    }
    return values;
  }

  /** {block_id: text} of the errors that Slack's own client would show. */
  problems(blocks) {
    const found = {};
    for (const block of blocks) {
      if (block.type !== "input") continue;
      const problem = problemOf(block, this.get(block.block_id, block.element));
      if (problem) found[block.block_id] = problem;
    }
    return found;
  }
}

const FIELDS = {
  static_select: ["selected_option", "initial_option"],
  external_select: ["selected_option", "initial_option"],
  radio_buttons: ["selected_option", "initial_option"],
  multi_static_select: ["selected_options", "initial_options"],
  multi_external_select: ["selected_options", "initial_options"],
  checkboxes: ["selected_options", "initial_options"],
  users_select: ["selected_user", "initial_user"],
  multi_users_select: ["selected_users", "initial_users"],
  conversations_select: ["selected_conversation", "initial_conversation"],
  multi_conversations_select: ["selected_conversations", "initial_conversations"],
  channels_select: ["selected_channel", "initial_channel"],
  multi_channels_select: ["selected_channels", "initial_channels"],
  datepicker: ["selected_date", "initial_date"],
  timepicker: ["selected_time", "initial_time"],
  datetimepicker: ["selected_date_time", "initial_date_time"],
  plain_text_input: ["value", "initial_value"],
  email_text_input: ["value", "initial_value"],
  url_text_input: ["value", "initial_value"],
  number_input: ["value", "initial_value"],
  rich_text_input: ["rich_text_value", "initial_value"],
};

/** The property with an element's value, e.g. "selected_option". */
export const fieldOf = (element) => FIELDS[element.type]?.[0];

function initial(element) {
  const [field, from] = FIELDS[element.type];
  const many = /^multi_|^checkboxes$/.test(element.type);
  return { type: element.type, [field]: element[from] ?? (many ? [] : null) };
}

function* stateful(blocks) {
  for (const block of blocks) {
    const elements = [block.element, block.accessory, ...(block.elements ?? [])];
    for (const element of elements) {
      if (element && FIELDS[element.type]) yield [block.block_id, element];
    }
  }
}

function problemOf(block, answer) {
  const value = answer[fieldOf(block.element) ?? "value"];
  const empty = value === null || value === undefined || value.length === 0 || !String(value).trim();
  if (empty) return block.optional ? null : t("required");
  return block.element.type === "number_input"
    ? outOfRange(block.element, value)
    : wrongLength(block.element, value);
}

function wrongLength(element, value) {
  if (typeof value !== "string") return null;
  const { min_length: min, max_length: max } = element;
  if (min && value.length < min) return t("too_short", { n: min });
  return max && value.length > max ? t("too_long", { n: max }) : null;
}

function outOfRange(element, value) {
  const min = Number(element.min_value ?? -Infinity);
  const max = Number(element.max_value ?? Infinity);
  const inside = Number(value) >= min && Number(value) <= max;
  return inside ? null : t("out_of_range", { min, max });
}
