// Entry point: current user and channel, and redrawing after a change.
import * as api from "./api.js";
import { drawChannel, drawThread, forgetChannel, reveal } from "./conversation.js";
import { refreshTimes } from "./dates.js";
import { drawFaultBanner, drawBanners, drawTopbar, togglePanel } from "./topbar.js";
import { loadFaults } from "./faults.js";
import { drawHome } from "./home.js";
import { t } from "./i18n.js";
import { follow, loadPanel, refresh } from "./live.js";
import { drawModals } from "./modal.js";
import { nextPane } from "./keyboard.js";
import { closeMenu, dropQuestion, placeMenu } from "./overlay.js";
import { drawPanel } from "./panel.js";
import { nameOf } from "./people.js";
import { loadShortcuts } from "./shortcuts.js";
import { channelTitle, drawSidebar } from "./sidebar.js";
import { attention, channelById, HOME, isNarrow, lang, me, onChange, readPlace, store, update, writePlace } from "./state.js";

const at = (id) => document.getElementById(id);

function draw() {
  document.documentElement.lang = lang();
  document.documentElement.dataset.theme = theme();
  at("skip").textContent = t("skip");
  drawTopbar(at("topbar"), switchPerson);
  drawFaultBanner(at("banners"));
  drawPanel(at("panel"));
  // No clicks during a switch of users: they would count as the other user's.
  at("workspace").inert = !store.state || (isNarrow() && store.panel.open);
  drawNarrow();
  if (store.state) drawWorkspace();
  placeMenu();
}

// In one column, a pane over the messages traps the focus.
function drawNarrow() {
  const app = at("app");
  const drawer = isNarrow() && store.drawer;
  if (drawer && !app.classList.contains("with-drawer")) requestAnimationFrame(() => at("sidebar").querySelector("[aria-current]")?.focus());
  app.classList.toggle("with-drawer", drawer);
}

matchMedia("(max-width: 760px)").addEventListener("change", () => update({ drawer: false }));
const darkSystem = matchMedia("(prefers-color-scheme: dark)");
darkSystem.addEventListener("change", () => update({}));

function theme() {
  if (store.theme !== "auto") return store.theme;
  return darkSystem.matches ? "dark" : "light";
}

function drawWorkspace() {
  settle();
  drawSidebar(at("sidebar"), openChannel);
  if (store.channel === HOME) forgetChannel(), drawHome(at("main"), openChannel);
  else drawChannel(at("main"), openThread);
  drawThread(at("thread"), closeThread);
  drawModals(at("modals"));
  drawBanners();
  document.title = title();
}

function title() {
  const waiting = store.state.channels.reduce((sum, one) => sum + (one.id === store.channel ? 0 : attention(one).mentions), 0);
  const where = store.channel === HOME ? t("app_home") : channelTitle(channelById(store.channel));
  return `${waiting ? `(${waiting}) ` : ""}${where} · ${nameOf(me())} · Koban`;
}

// A channel that this user can't see becomes their first channel.
function settle() {
  if (store.channel === HOME || channelById(store.channel)) return;
  Object.assign(store, { channel: store.state.channels[0]?.id ?? HOME, thread: null });
}

async function switchPerson(id) {
  if (id === store.as) return;
  leave(id, store.channel, null);
  await follow();
  arrive();
  catchUp();
}

function leave(as, channel, thread) {
  closeMenu();
  dropQuestion();
  update({ as, channel, thread, state: null, banners: [] });
  drawModals(at("modals")); // hides the previous user's modals
}

function openChannel(id) {
  const fromDrawer = store.drawer;
  update({ channel: id, thread: null, drawer: false });
  arrive();
  if (fromDrawer) requestAnimationFrame(() => at("main").querySelector(".scroller")?.focus());
}

function arrive() {
  writePlace();
  if (store.channel === HOME) api.home({ as: store.as }).then(refresh);
}

function openThread(ts) {
  update({ thread: ts });
  writePlace();
  // After the redraw of this click, so that typing works at once.
  requestAnimationFrame(() => at("thread").querySelector("textarea")?.focus());
}

function closeThread() {
  const ts = store.thread;
  update({ thread: null });
  writePlace();
  requestAnimationFrame(() => document.querySelector(`[data-fk="replies:${CSS.escape(ts)}"]`)?.focus());
}

async function followAddress() {
  const place = readPlace();
  const person = store.people.find((one) => one.id === place.as)?.id ?? store.as ?? store.people[0].id;
  const channel = place.channel ?? store.channel;
  if (person === store.as) update({ channel, thread: place.thread });
  else leave(person, channel, place.thread), await follow();
  if (store.channel === HOME) arrive();
  catchUp();
  if (place.message) requestAnimationFrame(() => reveal(place.message));
}

function shortcuts(event) {
  if (event.isComposing || event.defaultPrevented) return;
  if (event.key === "Escape") escape();
  if (event.key === "F6") event.preventDefault(), nextPane(event.shiftKey ? -1 : 1);
  if (!event.altKey) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const person = store.people[Number(event.key) - 1];
  if (step) event.preventDefault(), neighbour(step);
  else if (person) event.preventDefault(), switchPerson(person.id);
}

// The URL has the current place, so the link must not change it.
function skip(event) {
  event.preventDefault();
  at("main").querySelector(".scroller")?.focus();
}

function escape() {
  if (store.drawer) update({ drawer: false }), document.querySelector(".drawer-btn").focus();
  else if (isNarrow() && store.panel.open) togglePanel();
  else if (store.thread) closeThread();
}

// A click during a switch of users takes effect after the switch.
let steps = 0;

function catchUp() {
  const pressed = steps;
  steps = 0;
  if (pressed) neighbour(pressed);
}

function neighbour(step) {
  if (!store.state) {
    steps += step;
    return;
  }
  const ids = [...store.state.channels.map((one) => one.id), HOME];
  openChannel(ids.at((ids.indexOf(store.channel) + step) % ids.length));
}

async function start() {
  onChange(draw);
  at("main").textContent = t("loading");
  const answer = await api.people();
  if (!answer.ok || !answer.data?.length) {
    at("main").textContent = t("server_away");
    setTimeout(start, 1000);
    return;
  }
  update({ people: answer.data });
  loadFaults();
  loadPanel();
  loadShortcuts();
  at("skip").addEventListener("click", skip);
  addEventListener("popstate", followAddress);
  addEventListener("keydown", shortcuts);
  setInterval(refreshTimes, 20_000);
  await followAddress();
}

start();
