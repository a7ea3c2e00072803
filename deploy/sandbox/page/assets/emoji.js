// Shortcodes of moderation messages; an unknown one is shown as text.
import { h } from "./dom.js";

export const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", no_entry: "⛔", no_entry_sign: "🚫",
  warning: "⚠️", rotating_light: "🚨", red_circle: "🔴", large_orange_circle: "🟠",
  large_yellow_circle: "🟡", large_green_circle: "🟢", large_blue_circle: "🔵",
  white_circle: "⚪", black_circle: "⚫", hourglass: "⌛", hourglass_flowing_sand: "⏳",
  alarm_clock: "⏰", stopwatch: "⏱️", clock3: "🕒", bell: "🔔", no_bell: "🔕", lock: "🔒",
  unlock: "🔓", shield: "🛡️", eyes: "👀", mag: "🔍", memo: "📝", pencil: "✏️", pushpin: "📌",
  link: "🔗", hammer: "🔨", gavel: "🔨", arrow_right: "➡️", arrow_left: "⬅️", arrow_up: "⬆️",
  arrows_counterclockwise: "🔄", leftwards_arrow_with_hook: "↩️", raised_hand: "✋", hand: "✋",
  wave: "👋", pray: "🙏", thumbsup: "👍", "+1": "👍", thumbsdown: "👎", "-1": "👎", ok: "🆗",
  question: "❓", exclamation: "❗", information_source: "ℹ️", speech_balloon: "💬",
  bust_in_silhouette: "👤", busts_in_silhouette: "👥", package: "📦", moneybag: "💰",
  credit_card: "💳", tv: "📺", video_camera: "📹", cop: "👮", robot_face: "🤖", zzz: "💤",
  pause_button: "⏸️", arrow_forward: "▶️", double_vertical_bar: "⏸️", fire: "🔥", tada: "🎉",
  sos: "🆘", repeat: "🔁", mute: "🔇", loud_sound: "🔊", see_no_evil: "🙈", inbox_tray: "📥",
};

/** ":eyes:" → "👀" in plain text. */
export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => EMOJI[name] ?? whole);
}

// Not every machine has a colour emoji font, and severity needs its colour: the emoji of cards
// are pictures, in the order of emoji.svg. The character stays below.
const PICTURES = [..."🟥🟧🟨🟩🟦🔴🟠🟡🟢🔵🟣⚪⚫⚠⏸⏳☑⏹↩🔁✅⏭🧪🛡🔒🔔"];
const PICTURED = new RegExp(`(?:${PICTURES.join("|")})\ufe0f?`, "gu");

// An emoji stays on the line of the short word after it.
const WORD = /^ \S{1,12}(?=\s|$)/u;

/** Text → strings and pictures of the emoji in it. */
export function pictured(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(PICTURED)) {
    if (match.index > from) nodes.push(text.slice(from, match.index));
    from = match.index + match[0].length;
    const [word] = WORD.exec(text.slice(from)) ?? [""];
    from += word.length;
    nodes.push(word ? h("span", { class: "signed" }, picture(match[0]), word) : picture(match[0]));
  }
  return from ? [...nodes, text.slice(from)].filter(Boolean) : [text];
}

function picture(character) {
  const node = h("span", { class: "emoji" }, character);
  node.style.setProperty("--at", PICTURES.indexOf([...character][0]));
  return node;
}
