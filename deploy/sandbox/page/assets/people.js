// Avatars and names.
import { h } from "./dom.js";
import { store } from "./state.js";

export const personById = (id) => store.people.find((one) => one.id === id);

/** Author of a message: {name, person|null, bot}. */
export function authorOf(message) {
  const person = personById(message.user);
  const name = person ? nameOf(person) : message.username || message.user || "Koban";
  return { name, person, bot: Boolean(message.bot) };
}

export const nameOf = (person) => person.display_name || person.name || person.id;

function initials(name) {
  const words = name.trim().split(/\s+/);
  if (/^[\x20-\x7e]+$/.test(name)) return words.slice(0, 2).map((word) => word[0]).join("").toUpperCase();
  return [...words[0]][0] ?? "?";
}

const COLOURS = ["#2b6cb0", "#9b4d96", "#2f7d5b", "#a8552a", "#5a5fb8", "#8a6d1a"];

function colour(id, given) {
  if (/^#?[0-9a-f]{6}$/i.test(given ?? "")) return `#${given.replace("#", "")}`;
  const sum = [...id].reduce((total, letter) => total + letter.codePointAt(0), 0);
  return COLOURS[sum % COLOURS.length];
}

export function avatar(person, name, size = "") {
  const style = { background: colour(person?.id ?? name, person?.color) };
  return h("span", { class: `avatar ${size}`, style, "aria-hidden": "true" }, initials(name));
}

export function botAvatar(size = "") {
  return h("img", { class: `avatar ${size}`, src: "/page/icon.svg", alt: "" });
}
