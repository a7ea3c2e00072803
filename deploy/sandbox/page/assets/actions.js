// Actions: send a click to the server, show its error, fetch the state.
import * as api from "./api.js";
import { t } from "./i18n.js";
import { store, update } from "./state.js";

let refetch = () => {};

/** Set once by main.js: fetches the state. */
export function setRefetch(how) {
  refetch = how;
}

export const refresh = () => refetch();

/** Shows `text` above the channel until dismissed; the same text is shown once. */
export function banner(text) {
  const others = store.banners.filter((one) => one.text !== text);
  update({ banners: [...others, { id: `${Date.now()}/${text}`, text }].slice(-3) });
}

export function dismiss(id) {
  update({ banners: store.banners.filter((one) => one.id !== id) });
}

/** Sends a click on a block element; `what` is {block_id, action_id, type, value?…}. */
export async function act(container, what) {
  const person = store.as;
  const answer = await api.act({ as: person, container, ...what });
  await refresh();
  if (!answer.ok && store.as === person) banner(readable(answer.error));
  return answer;
}

// A server error with a space is a sentence for people; others are codes.
export function readable(error) {
  return typeof error === "string" && /[\s。、]/.test(error) ? error : t("failed");
}

/** Sends the text of a composer; true once it may be cleared. */
export async function say(text, channel, thread) {
  const slash = /^\/(\S*)\s*([\s\S]*)$/.exec(text);
  const answer = slash
    ? await command(`/${slash[1]}`, slash[2], channel, thread)
    : await api.message({ as: store.as, channel, text, ...(thread ? { thread_ts: thread } : {}) });
  if (!answer) return false;
  await refresh();
  if (!answer.ok) banner(answer.error && slash ? readable(answer.error) : t("not_sent"));
  return answer.ok;
}

async function command(name, text, channel, thread) {
  if (name !== "/koban") return refuse(t("command_unknown", { name }));
  if (thread) return refuse(t("command_in_thread"));
  return api.command({ as: store.as, channel, command: name, text: text.trim() });
}

function refuse(text) {
  banner(text);
  return null;
}
