"""People who click current and old buttons, and record Slack's answers.

They run in the stand-in's process, because hundreds of pages over HTTP would cost more than Koban.
"""

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.slack.app_client import Answer, AppClient
from deploy.sandbox.slack.interactions import Press, close, press, submit
from deploy.sandbox.slack.model import Message, View
from deploy.sandbox.slack.person import filled, wait_until
from deploy.sandbox.slack.screen import Control, controls
from deploy.sandbox.slack.workspace import Workspace
from tests.chaos.commands import COMMANDS, Command
from tests.chaos.plan import CasePlan, ClickPattern, Step
from tests.timeouts import AFTER_CLAIM

WAIT_SECONDS = 7.0
"""Seconds to wait for a button."""

MODAL = 3.0
AGAIN = 0.4
TRIES = 4
CHANNELS = ("C0LIVE", "C0MARKET", "C0LEADS")


@dataclass
class Click:
    """One click or submission: acked, or answered with a text by Slack or the modal."""

    command: str
    person: str
    case: str
    version: int
    channel: str
    at: float
    acked: bool = False


@dataclass(frozen=True)
class Seen:
    """A button as it was drawn on a message, or in a `view` that was opened from it.

    `behind` is True if the menu's last option leads to it.
    """

    message: Message
    control: Control
    value: str
    given: dict
    view: View | None = None
    behind: bool = False


class Envelope:
    """An AppClient for one press that can deliver the same payload a second time."""

    def __init__(self, app_client: AppClient) -> None:
        self._client = app_client
        self._payload: dict | None = None

    async def interact(self, payload: dict) -> Answer:
        """Delivers the click, as Slack does."""
        self._payload = payload
        return await self._client.interact(payload)

    async def again(self) -> bool:
        """Delivers the same click a second time; returns True if it was acked."""
        return self._payload is not None and (await self._client.interact(self._payload)).ok


@dataclass
class Crowd:
    """All people of a run, with their clicks and counters."""

    workspace: Workspace
    app_client: AppClient
    clicks: list[Click] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _screens: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _looks_until: dict[tuple[str, str], float] = field(default_factory=dict)

    async def play(self, case_plan: CasePlan) -> None:
        """Plays the steps of a case in order."""
        for step in case_plan.steps:
            await asyncio.sleep(step.wait)
            await self._step(case_plan, step)

    async def _step(self, case_plan: CasePlan, step: Step) -> None:
        command = COMMANDS[step.command]
        old = step.pattern is ClickPattern.OLD
        try:
            seen = await wait_until(lambda: self._find(case_plan, command, old), WAIT_SECONDS)
        except TimeoutError:
            self.counts["not on screen"] += 1
            return
        pressing = [self._press(step, step.person, seen)]
        if step.pattern is ClickPattern.RACE:
            pressing.append(self._press(step, step.rival, seen))
        await asyncio.gather(*pressing)

    # -- looking --------------------------------------------------------------------------

    def _find(self, case_plan: CasePlan, command: Command, old: bool) -> Seen | None:
        """The newest button of that kind about the subject; with `old`, one drawn before it."""
        for message in reversed(self._messages(case_plan, command.on)):
            drawn = [message.blocks, *reversed(message.earlier)]
            for blocks in reversed(drawn) if old else drawn[:1]:
                seen = _button(message, blocks, command)
                if seen is not None:
                    return seen
        return None

    def _messages(self, case_plan: CasePlan, kind: str) -> list[Message]:
        everything = (m for name in CHANNELS for m in self.workspace.messages.all(name))
        return [
            m
            for m in everything
            if m.metadata and m.metadata["event_type"] == kind and case_plan.subject in m.text
        ]

    # -- doing ----------------------------------------------------------------------------

    async def _press(self, step: Step, person: str, seen: Seen) -> None:
        command = COMMANDS[step.command]
        await self._look(step, person, seen)
        if not command.form and not seen.behind:
            await self._touched(step, person, seen)
            return
        async with self._screens[person]:
            found = await self._everything(command, person, seen) if seen.behind else seen
            if found is None:
                self.counts["not behind the menu"] += 1
            elif command.form:
                await self._fill_in(step, person, found)
            else:
                await self._touched(step, person, found)

    async def _look(self, step: Step, person: str, seen: Seen) -> None:
        """Looks at a case after claiming it: Koban refuses what acts within a moment."""
        looking = (person, seen.value.split(":")[-2])
        if step.command == "claim":
            self._looks_until[looking] = time.monotonic() + AFTER_CLAIM["case.claim"]
        else:
            await asyncio.sleep(self._looks_until.get(looking, 0.0) - time.monotonic())

    async def _everything(self, command: Command, person: str, seen: Seen) -> Seen | None:
        """The button in the modal behind the menu."""
        view = await self._opened(person, seen)
        for control in controls({"blocks": view.blocks}) if view is not None else ():
            if control.action_id == f"case.{command.entry}":
                value = control.element["value"]
                return Seen(seen.message, control, value, {"value": value}, view)
        return None

    async def _touched(self, step: Step, person: str, seen: Seen) -> None:
        for _ in range(TRIES):
            click = self._click(step.command, person, seen)
            self.clicks.append(click)
            envelope = Envelope(self.app_client)
            click.acked = await self._touch(envelope, person, seen)
            if step.pattern is ClickPattern.TWICE:
                await asyncio.sleep(step.again)
                click.acked = await envelope.again() or click.acked
            if click.acked:
                return
            await asyncio.sleep(AGAIN)

    async def _touch(self, envelope: Envelope, person: str, seen: Seen) -> bool:
        done = Press(seen.control.block_id, seen.control.action_id, seen.given)
        member = self.workspace.people[person]
        app_client: Any = envelope
        source = seen.view or seen.message
        return await press(self.workspace, app_client, member, source, done) is None

    def _click(self, command: str, person: str, seen: Seen) -> Click:
        case, version = seen.value.split(":")[-2:]
        return Click(command, person, case, int(version), seen.message.channel, time.time())

    async def _fill_in(self, step: Step, person: str, seen: Seen) -> None:
        """Opens the modal and submits it; a refused submission is sent again unchanged."""
        view = await self._opened(person, seen)
        if view is None:
            self.counts["modal did not open"] += 1
            return
        member = self.workspace.people[person]
        values = _values(view, COMMANDS[step.command].form)
        for _ in range(TRIES):
            click = self._click(step.command, person, seen)
            self.clicks.append(click)
            sent = await submit(self.workspace, self.app_client, member, view.id, values)
            click.acked = sent.ok
            if sent.ok:
                return
            self.counts["modal kept open"] += 1
            await asyncio.sleep(AGAIN)
        await close(self.workspace, self.app_client, member, view.id)

    async def _opened(self, person: str, seen: Seen) -> View | None:
        if seen.view is None:
            self.workspace.views.clear(person)
        for _ in range(TRIES):
            if await self._touch(Envelope(self.app_client), person, seen):
                try:
                    return await wait_until(lambda: self._modal(person, seen), MODAL)
                except TimeoutError:
                    continue
            await asyncio.sleep(AGAIN)
        return None

    def _modal(self, person: str, seen: Seen) -> View | None:
        """Waits for the modal of the case; a late one of another case is ignored."""
        case = seen.value.split(":")[-2]
        stack = self.workspace.views.stack(person)
        mine = (v for v in stack if case in v.content.get("private_metadata", ""))
        return next((v for v in mine if (v.content["callback_id"] == "all") is seen.behind), None)


def _button(message: Message, blocks: list[dict], command: Command) -> Seen | None:
    for control in controls({"blocks": blocks}):
        if control.action_id != command.action:
            continue
        if command.entry is None:
            value = control.element["value"]
            return Seen(message, control, value, {"value": value})
        for option in control.element["options"]:
            if option["value"].startswith(f"{command.entry}:"):
                return Seen(message, control, option["value"], {"selected_option": option})
        if _is_behind(command, blocks):
            last = control.element["options"][-1]
            return Seen(message, control, last["value"], {"selected_option": last}, behind=True)
    return None


def _is_behind(command: Command, blocks: list[dict]) -> bool:
    """True if the button is in the modal behind the menu, as a person would know."""
    drawn = list(controls({"blocks": blocks}))
    ids = {each.action_id for each in drawn}
    menus = [each.element["options"] for each in drawn if each.action_id == command.action]
    if not menus or not menus[0][-1]["value"].startswith("all:") or "case.clear" not in ids:
        return False
    if command.entry == "lift_protection":
        return "case.confirm" in ids
    return command.entry != "release" or "case.claim" not in ids


def _values(view: View, form: Any) -> dict:
    inputs = {each.block_id: each for each in controls({"blocks": view.blocks})}
    return {
        block: {
            inputs[block].action_id: {
                "type": inputs[block].kind,
                **filled(inputs[block].element, value),
            }
        }
        for block, value in form.items()
    }
