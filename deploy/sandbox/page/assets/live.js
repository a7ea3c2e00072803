// Live updates: an event reports a change, then the whole state is fetched.
import * as api from "./api.js";
import { banner, setRefetch } from "./actions.js";
import { loadFaults } from "./faults.js";
import { loadDetectors } from "./detectors.js";
import { loadMarket } from "./market.js";
import { store, update } from "./state.js";

const MARKET_EVERY = 2500; // ms; the marketplace has no event stream
const MARKET_AFTER = 300; // ms after an event in Slack, which often follows a change
const HIDDEN_EVERY = 10_000; // ms; polling interval of a page in the background
const BACKOFF = [500, 1000, 2000, 4000];

let source = null;
let failures = 0;
let retry = null;
let running = null; // the fetch in progress, and whether another one follows
let again = false;
let shownErrors = null; // errors that this person has seen; null before the first state

/** Fetches the state of the current person; overlapping calls become one more fetch. */
export function refresh() {
  if (running) {
    again = true;
    return running;
  }
  running = fetchState().finally(() => (running = null));
  return running;
}

setRefetch(refresh);

async function fetchState() {
  do {
    again = false;
    const uid = store.as;
    const answer = await api.state(uid);
    // The user may have been switched during the request.
    if (uid !== store.as) again = true;
    else if (answer.ok) take(answer.data);
    else update({ connected: false });
  } while (again);
}

function take(state) {
  update({ state });
  const keys = (state.errors ?? []).map((one) => `${one.at} ${one.text}`);
  const fresh = (state.errors ?? []).filter((_, index) => shownErrors && !shownErrors.has(keys[index]));
  shownErrors = new Set(keys);
  marketSoon();
  for (const { text } of fresh) banner(text);
}

/** What the open tab of the panel shows. */
export function loadPanel() {
  return store.panel.tab === "detectors" ? loadDetectors() : loadMarket();
}

let soon = null;

function marketSoon() {
  if (soon || !store.panel.open) return;
  soon = setTimeout(() => {
    soon = null;
    loadPanel();
  }, MARKET_AFTER);
}

/** Follows the events of `store.as`, until it is called for another user. */
export function follow() {
  shownErrors = null;
  failures = 0;
  connect();
  return refresh();
}

function connect() {
  clearTimeout(retry);
  source?.close();
  source = null;
  // Browsers allow six connections to one host; hidden tabs must not use them up.
  if (document.hidden) return;
  source = api.stream(store.as);
  source.onopen = () => {
    if (failures) refresh();
    failures = 0;
    update({ connected: true });
  };
  source.onmessage = () => refresh();
  source.onerror = lost;
}

function lost() {
  source.close();
  update({ connected: false });
  retry = setTimeout(connect, BACKOFF[Math.min(failures, BACKOFF.length - 1)]);
  failures += 1;
}

document.addEventListener("visibilitychange", () => {
  if (!store.as) return;
  connect();
  refresh();
});

setInterval(() => document.hidden && store.as && refresh(), HIDDEN_EVERY);
setInterval(() => {
  if (document.hidden || !store.as) return;
  loadFaults();
  if (store.panel.open) loadPanel();
}, MARKET_EVERY);
