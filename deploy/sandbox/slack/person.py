"""Person: HTTP client of `/ui` for tests and benchmarks, with the same view as the page.

async with Person(base_url, "U0SATO") as sato:
card = await sato.wait_card("ts-live", "K7Q2F9XM")
await sato.press(card, "担当する")
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from deploy.sandbox.slack.blockkit.values import FIELDS, options_of
from deploy.sandbox.slack.screen import Control, controls, visible_text

T = TypeVar("T")
Seen = dict[str, Any]
Which = Seen | Callable[[Seen], bool] | str

# The condition may depend on something outside Slack (the marketplace, the ledger).
RECHECK_SECONDS = 0.2
WAIT_SECONDS = 300.0
"""Seconds before a wait fails, far beyond the needs of a busy machine."""

LOADING = ("読み込んでいます…", "Loading…")
"""Texts of a modal that the app has not filled in yet; `modal` waits until they are replaced."""


class NotThere(AssertionError):
    """The element is not on the screen; the message lists the elements that are."""


class Refused(AssertionError):
    """Slack showed the person an error instead."""


async def wait_until(
    check: Callable[[], T | Awaitable[T | None] | None],
    timeout: float = WAIT_SECONDS,  # noqa: ASYNC109 -- reads as part of the sentence
    *,
    watching: "Person | None" = None,
    what: str = "",
) -> T:
    """The first truthy value of `check`. Raises TimeoutError with the last value.

    With `watching` it checks again whenever that person's screen changes.
    """
    deadline = time.monotonic() + timeout
    while True:
        seen = watching.change() if watching else None
        value = await _looked(check)
        if value and not isinstance(value, NotThere):
            return value
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"waited {timeout} s for {what or check}; last seen: {value!r}")
        await _next_look(seen, min(left, RECHECK_SECONDS))


async def _looked(check: Callable[[], T | Awaitable[T | None] | None]) -> T | NotThere | None:
    """Returns NotThere for an element that is missing so far, so that the wait continues."""
    try:
        value = check()
        return await value if inspect.isawaitable(value) else value
    except NotThere as missing:
        return missing


async def _next_look(seen: asyncio.Event | None, within: float) -> None:
    if seen is None:
        await asyncio.sleep(min(within, 0.03))
        return
    try:
        async with asyncio.timeout(within):
            await seen.wait()
    except TimeoutError:
        return


class Person:
    """One user of the workspace. Use as an async context manager, or call `close`."""

    def __init__(self, base_url: str, user: str, pauses: Mapping[str, float] | None = None) -> None:
        """`pauses`: seconds until the next press on a message, by the last action id."""
        self.user = user
        self._pauses = pauses or {}
        self._http = httpx.AsyncClient(base_url=base_url, timeout=WAIT_SECONDS, trust_env=False)
        self._changed = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._paused_until: dict[tuple[str, str], float] = {}
        self._submitted: Seen = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await self._http.aclose()

    # Reading

    async def state(self) -> Seen:
        got = await self._http.get("/ui/state", params={"as": self.user})
        got.raise_for_status()
        return got.json()

    async def messages(self, channel: str) -> list[Seen]:
        """All messages of a channel (id, `name` or `#name`; `dm` for the DM with the app)."""
        state = await self.state()
        name = channel.removeprefix("#")
        for one in state["channels"]:
            if name in (one["id"], one["name"]) or (name == "dm" and one["is_im"]):
                return state["messages"][one["id"]]
        raise NotThere(f"{channel} is not among {[c['name'] for c in state['channels']]}")

    async def cards(self, channel: str) -> list[Seen]:
        """The app's own top-level messages with blocks, oldest first."""
        return [
            m
            for m in await self.messages(channel)
            if m["bot"] and m["blocks"] and not m["ephemeral"] and not _is_reply(m)
        ]

    async def ephemerals(self, channel: str) -> list[Seen]:
        return [m for m in await self.messages(channel) if m["ephemeral"]]

    async def thread(self, message: Seen) -> list[Seen]:
        """The replies of a message, oldest first."""
        parent = message["thread_ts"] or message["ts"]
        return [
            m
            for m in await self.messages(message["channel"])
            if m["thread_ts"] == parent and m["ts"] != parent
        ]

    async def latest(self, message: Seen) -> Seen:
        """The current version of the message."""
        for one in await self.messages(message["channel"]):
            if one["ts"] == message["ts"]:
                return one
        raise NotThere(f"message {message['ts']} is gone")

    async def wait_card(
        self,
        channel: str,
        which: Which,
        timeout: float = WAIT_SECONDS,  # noqa: ASYNC109
    ) -> Seen:
        """Waits for a card with this text or predicate; returns the first one."""

        async def look() -> Seen | None:
            return next((c for c in await self.cards(channel) if _is(c, which)), None)

        return await self.until(look, timeout, f"a card with {which} in {channel}")

    async def wait_text(
        self,
        message: Seen,
        text: str,
        timeout: float = WAIT_SECONDS,  # noqa: ASYNC109
    ) -> Seen:
        """Waits until the message shows this text."""

        async def look() -> Seen:
            now = await self.latest(message)
            if text in visible_text(now):
                return now
            raise NotThere(f"it shows {visible_text(now)!r}")

        return await self.until(look, timeout, f"{text!r} on the message")

    async def views(self) -> list[Seen]:
        return (await self.state())["views"]

    async def modal(self, timeout: float = WAIT_SECONDS) -> Seen:  # noqa: ASYNC109
        """Waits for a modal to open and to be filled in; returns the topmost one."""

        async def look() -> Seen | None:
            top = next(reversed(await self.views()), None)
            return None if top is None or _loads(top) else top

        return await self.until(look, timeout, "a modal")

    async def home(self) -> Seen | None:
        """Opens App Home; returns the view published by then."""
        await self._post("home")
        return (await self.state())["home"]

    async def errors(self) -> list[str]:
        return [one["text"] for one in (await self.state())["errors"]]

    # Actions

    async def press(
        self, where: Which, what: str, channel: str | None = None, *, hasty: bool = False
    ) -> None:
        """Clicks the button with this label or action_id; a `hasty` person does not pause first.

        `where` is a message or view as seen (an outdated one is clicked in its old state),
        or a text or predicate that selects a card in `channel`.
        """
        seen = await self._pick(where, channel)
        await self._act(seen, _control(seen, what), {}, hasty)

    async def choose_overflow(self, where: Which, label: str, channel: str | None = None) -> None:
        """Chooses an entry (by label or value) of an overflow menu."""
        seen = await self._pick(where, channel)
        entries = [
            (c, o) for c in controls(seen) if c.kind == "overflow" for o in options_of(c.element)
        ]
        for control, option in entries:
            if label in (option["text"]["text"], option["value"]):
                await self._act(seen, control, {"selected_option": option})
                return
        shown = [option["text"]["text"] for _, option in entries]
        raise NotThere(f"{label!r} is not among the menu's {shown}")

    async def choose(self, where: Which, what: str, value: Any, channel: str | None = None) -> None:
        """Sets a select or picker, named by action_id or label, outside a submission."""
        seen = await self._pick(where, channel)
        control = _control(seen, what)
        await self._act(seen, control, filled(control.element, value))

    async def command(self, line: str, channel: str = "ts-live") -> None:
        """Types `/koban …`. Raises `Refused` if Slack reports that it did not run."""
        name, _, text = line.partition(" ")
        _check_accepted(await self._post("command", channel=channel, command=name, text=text))

    async def shortcut(self, callback_id: str, message: Seen | None = None) -> None:
        """Uses a global shortcut, or one of a message's menu. Raises `Refused` like `command`."""
        if message is None:
            _check_accepted(await self._post("shortcut", callback_id=callback_id))
            return
        where = {"channel": message["channel"], "ts": message["ts"]}
        _check_accepted(await self._post("message_shortcut", callback_id=callback_id, **where))

    async def say(self, channel: str, text: str, thread_ts: str | None = None) -> str:
        """Posts as this person; returns the ts."""
        return (await self._post("message", channel=channel, text=text, thread_ts=thread_ts))["ts"]

    async def fill_and_submit(self, answers: dict[str, Any]) -> Seen:
        """Fills the topmost modal by block_id and submits: `{ok, errors?: {block_id: text}}`.

        Values: text, an option's value or label (lists for multi selects), user id, date.
        """
        view = await self.modal()
        inputs = {c.block_id: c for c in controls(view) if c.kind in FIELDS}
        unknown = answers.keys() - inputs.keys()
        if unknown:
            raise NotThere(f"{sorted(unknown)} not among the inputs {sorted(inputs)}")
        values = {
            block: {
                inputs[block].action_id: {
                    "type": inputs[block].kind,
                    **filled(inputs[block].element, value),
                }
            }
            for block, value in answers.items()
        }
        self._submitted = await self._post("submit", view_id=view["id"], values=values)
        return self._submitted

    async def close_modal(self) -> None:
        await self._post("close", view_id=(await self.modal())["id"])

    # Waiting

    async def until(
        self,
        check: Callable[[], T | Awaitable[T | None] | None],
        timeout: float = WAIT_SECONDS,  # noqa: ASYNC109
        what: str = "",
    ) -> T:
        """Waits for a result of `check`. Raises TimeoutError with what this person sees."""
        try:
            return await wait_until(check, timeout, watching=self, what=what)
        except TimeoutError as error:
            state = await self.state()
            modals = [visible_text(view) for view in state["views"]]
            errors = [each["text"] for each in state["errors"]]
            seen = f"errors: {errors}, modals: {modals}, last submission: {self._submitted}"
            raise TimeoutError(f"{error}; {seen}") from None

    def change(self) -> asyncio.Event:
        """Event of the next change of this person's screen."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        return self._changed

    async def _listen(self) -> None:
        while True:
            try:
                await self._follow()
            except httpx.HTTPError:
                # The workspace restarts: connect again instead of failing the wait.
                await asyncio.sleep(RECHECK_SECONDS)

    async def _follow(self) -> None:
        params = {"as": self.user}
        async with self._http.stream("GET", "/ui/stream", params=params, timeout=None) as events:
            async for line in events.aiter_lines():
                if line.startswith("data:"):
                    changed, self._changed = self._changed, asyncio.Event()
                    changed.set()

    async def _pick(self, where: Which, channel: str | None) -> Seen:
        if isinstance(where, dict):
            return where
        cards = await self.cards(channel or "ts-live")
        for card in cards:
            if _is(card, where):
                return card
        raise NotThere(f"no card with {where}; there are {[visible_text(c) for c in cards]}")

    async def _act(self, seen: Seen, control: Control, given: Seen, hasty: bool = False) -> None:
        place = (seen.get("channel", ""), seen.get("ts", ""))
        if not hasty and control.action_id not in self._pauses:
            await asyncio.sleep(self._paused_until.get(place, 0.0) - time.monotonic())
        button = {"value": control.element["value"]} if "value" in control.element else {}
        container = (
            {"type": "message", "channel": seen["channel"], "ts": seen["ts"]}
            if "ts" in seen
            else {"type": "view", "view_id": seen["id"]}
        )
        _check_accepted(
            await self._post(
                "act",
                container=container,
                block_id=control.block_id,
                action_id=control.action_id,
                type=control.kind,
                **button,
                **given,
            )
        )
        # Counted from the answer: the app has received the press by then.
        if control.action_id in self._pauses:
            self._paused_until[place] = time.monotonic() + self._pauses[control.action_id]

    async def _post(self, path: str, **body: Any) -> Seen:
        got = await self._http.post(f"/ui/{path}", json={"as": self.user, **body})
        got.raise_for_status()
        return got.json()


def filled(element: Seen, value: Any) -> Seen:
    """`{selected_option: …}` or a similar value for a choice or typed text."""
    field = FIELDS[element["type"]][0]
    if field == "selected_option":
        return {field: _option(element, value)}
    if field == "selected_options":
        return {field: [_option(element, one) for one in value]}
    return {field: value}


def _option(element: Seen, wanted: str) -> Seen:
    offered = options_of(element)
    for option in offered:
        if wanted in (option["value"], option["text"]["text"]):
            return option
    if element["type"].endswith("external_select"):
        return {"text": {"type": "plain_text", "text": wanted}, "value": wanted}
    raise NotThere(f"{wanted!r} is not among {[o['text']['text'] for o in offered]}")


def _control(seen: Seen, what: str) -> Control:
    found = controls(seen)
    for control in found:
        if what in (control.label, control.action_id):
            return control
    shown = [f"{c.label} ({c.action_id})" for c in found]
    raise NotThere(f"{what!r} is not there to press; there are {shown}")


def _is(message: Seen, which: Which) -> bool:
    if isinstance(which, str):
        return which in visible_text(message) or which in message["text"]
    return which(message) if callable(which) else which["ts"] == message["ts"]


def _loads(view: Seen) -> bool:
    return any(word in visible_text(view) for word in LOADING)


def _is_reply(message: Seen) -> bool:
    return message["thread_ts"] not in (None, message["ts"])


def _check_accepted(answer: Seen) -> None:
    if not answer["ok"]:
        raise Refused(answer.get("error") or answer)
