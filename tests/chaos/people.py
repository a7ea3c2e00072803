"""People who press what is, or was, on their screen, and remember what Slack told them.

They live in the process of the stand-in: hundreds of pages over HTTP would cost more than Koban.
"""

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.slack.courier import Answer, Courier
from deploy.sandbox.slack.model import Message, View
from deploy.sandbox.slack.person import filled, wait_until
from deploy.sandbox.slack.pressing import Press, press
from deploy.sandbox.slack.reading import Control, controls
from deploy.sandbox.slack.submitting import close, submit
from deploy.sandbox.slack.workspace import Workspace
from tests.chaos.commands import COMMANDS, Command
from tests.chaos.plan import Life, Manner, Step

PATIENCE = 7.0
"""How long somebody waits for a button to appear."""

MODAL = 3.0
AGAIN = 0.4
TRIES = 4
CHANNELS = ("C0LIVE", "C0MARKET", "C0LEADS")


@dataclass
class Click:
    """One press or submission: acked, or answered by Slack or the modal with a text."""

    command: str
    person: str
    case: str
    version: int
    channel: str
    at: float
    acked: bool = False


@dataclass(frozen=True)
class Seen:
    """A button as it was drawn on a message; `entry` is the chosen one of a menu."""

    message: Message
    control: Control
    value: str
    given: dict


class Envelope:
    """A courier for one press: what it carried can be delivered once more."""

    def __init__(self, courier: Courier) -> None:
        self._courier = courier
        self._payload: dict | None = None

    async def interact(self, payload: dict) -> Answer:
        """Delivers it, as Slack does."""
        self._payload = payload
        return await self._courier.interact(payload)

    async def again(self) -> bool:
        """Delivers the same press a second time; whether it was acked."""
        return self._payload is not None and (await self._courier.interact(self._payload)).ok


@dataclass
class Crowd:
    """Everybody on shift; `clicks` is what they did, `counts` what else came of it."""

    workspace: Workspace
    courier: Courier
    clicks: list[Click] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _screens: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def play(self, life: Life) -> None:
        """The steps of a life, one after another."""
        for step in life.steps:
            await asyncio.sleep(step.wait)
            await self._step(life, step)

    async def _step(self, life: Life, step: Step) -> None:
        command = COMMANDS[step.command]
        old = step.manner is Manner.OLD
        try:
            seen = await wait_until(lambda: self._find(life, command, old), PATIENCE)
        except TimeoutError:
            self.counts["not on screen"] += 1
            return
        pressing = [self._press(step, step.person, seen)]
        if step.manner is Manner.RACE:
            pressing.append(self._press(step, step.rival, seen))
        await asyncio.gather(*pressing)

    # -- looking --------------------------------------------------------------------------

    def _find(self, life: Life, command: Command, old: bool) -> Seen | None:
        """The newest button of that kind about the subject; with `old`, one drawn before it."""
        for message in reversed(self._messages(life, command.on)):
            drawn = [message.blocks, *reversed(message.earlier)]
            for blocks in reversed(drawn) if old else drawn[:1]:
                seen = _button(message, blocks, command)
                if seen is not None:
                    return seen
        return None

    def _messages(self, life: Life, kind: str) -> list[Message]:
        everything = (m for name in CHANNELS for m in self.workspace.messages.all(name))
        return [
            m
            for m in everything
            if m.metadata and m.metadata["event_type"] == kind and life.subject in m.text
        ]

    # -- doing ----------------------------------------------------------------------------

    async def _press(self, step: Step, person: str, seen: Seen) -> None:
        if COMMANDS[step.command].form:
            async with self._screens[person]:
                await self._fill_in(step, person, seen)
            return
        for _ in range(TRIES):
            click = self._click(step.command, person, seen)
            self.clicks.append(click)
            envelope = Envelope(self.courier)
            click.acked = await self._touch(envelope, person, seen)
            if step.manner is Manner.TWICE:
                await asyncio.sleep(step.again)
                click.acked = await envelope.again() or click.acked
            if click.acked:
                return
            await asyncio.sleep(AGAIN)

    async def _touch(self, envelope: Envelope, person: str, seen: Seen) -> bool:
        done = Press(seen.control.block_id, seen.control.action_id, seen.given)
        member = self.workspace.people[person]
        courier: Any = envelope
        return await press(self.workspace, courier, member, seen.message, done) is None

    def _click(self, command: str, person: str, seen: Seen) -> Click:
        case, version = seen.value.split(":")[-2:]
        return Click(command, person, case, int(version), seen.message.channel, time.time())

    async def _fill_in(self, step: Step, person: str, seen: Seen) -> None:
        """Opens the modal and sends it; what Slack does not take is sent again as it stands."""
        view = await self._opened(person, seen)
        if view is None:
            self.counts["modal did not open"] += 1
            return
        member = self.workspace.people[person]
        values = _values(view, COMMANDS[step.command].form)
        for _ in range(TRIES):
            click = self._click(step.command, person, seen)
            self.clicks.append(click)
            sent = await submit(self.workspace, self.courier, member, view.id, values)
            click.acked = sent.ok
            if sent.ok:
                return
            self.counts["modal kept open"] += 1
            await asyncio.sleep(AGAIN)
        await close(self.workspace, self.courier, member, view.id)

    async def _opened(self, person: str, seen: Seen) -> View | None:
        self.workspace.views.clear(person)
        for _ in range(TRIES):
            if await self._touch(Envelope(self.courier), person, seen):
                try:
                    return await wait_until(lambda: self._modal(person, seen), MODAL)
                except TimeoutError:
                    continue
            await asyncio.sleep(AGAIN)
        return None

    def _modal(self, person: str, seen: Seen) -> View | None:
        """The open modal about the case; a late one about another case is not it."""
        case = seen.value.split(":")[-2]
        stack = self.workspace.views.stack(person)
        return next((v for v in stack if case in v.content.get("private_metadata", "")), None)


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
    return None


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
