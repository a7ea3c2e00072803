// Calls to the server. A call never throws: it returns {ok: false, error} instead.

async function call(method, path, body) {
  try {
    const response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });
    const data = await response.json().catch(() => null);
    return response.ok
      ? { ok: true, data }
      : { ok: false, data, error: data?.error ?? `HTTP ${response.status}` };
  } catch {
    return { ok: false, data: null, error: "unreachable" };
  }
}

/** Responses of /ui/* have an `ok`; any failure becomes {ok: false, error}. */
async function press(path, body) {
  const answer = await call("POST", path, body);
  if (!answer.ok) return { ok: false, error: answer.error, errors: answer.data?.errors };
  return { ok: true, ...answer.data };
}

const as = (uid) => `?as=${encodeURIComponent(uid)}`;

export const people = () => call("GET", "/ui/people");
export const shortcuts = () => call("GET", "/ui/shortcuts");
export const state = (uid) => call("GET", `/ui/state${as(uid)}`);
export const stream = (uid) => new EventSource(`/ui/stream${as(uid)}`);
export const act = (body) => press("/ui/act", body);
export const submit = (body) => press("/ui/submit", body);
export const close = (body) => press("/ui/close", body);
export const command = (body) => press("/ui/command", body);
export const home = (body) => press("/ui/home", body);
export const message = (body) => press("/ui/message", body);
export const read = (body) => press("/ui/read", body);
export const shortcut = (body) => press("/ui/shortcut", body);
export const messageShortcut = (body) => press("/ui/message_shortcut", body);
export const options = (body) => press("/ui/options", body);
export const market = () => call("GET", "/market-ui/state");
export const appeal = (user, statement) => press("/market-ui/appeals", { user, statement });
export const detectors = () => call("GET", "/detectors-ui/state");
export const faults = () => call("GET", "/faults");
export const setFault = (name, on) => press("/faults", { name, on });
