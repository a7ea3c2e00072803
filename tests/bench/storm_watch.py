"""Storm observations: cards in the sandbox, compared with the cases."""

import asyncio
import re
import time
from collections import Counter
from dataclasses import dataclass, field

from temporalio.client import Client

from deploy.sandbox.slack.model import Message
from deploy.sandbox.slack.screen import Control, controls, visible_text
from deploy.sandbox.slack.workspace import Workspace
from workflows.client import Cases
from workflows.domain.case.model import Case

LOOK = 0.01
_VERSION = re.compile(r"(K[0-9A-HJKMNP-TV-Z]{8}):(\d+)$")


def cards(workspace: Workspace) -> list[Message]:
    """The case cards of all channels, oldest first."""
    return [
        message
        for channel in workspace.channels
        for message in workspace.messages.history(channel)
        if (message.metadata or {}).get("event_type") == "koban_case"
    ]


def case_of(message: Message) -> str:
    """The subject of a card."""
    return str((message.metadata or {})["event_payload"]["case"])


def handle_of(message: Message) -> tuple[str, int] | None:
    """Workflow id and version of a card."""
    for control in pressable(message):
        found = _VERSION.search(str(control.element.get("value", "")))
        if found is not None:
            return control.block_id, int(found[2])
    return None


def pressable(message: Message) -> list[Control]:
    """Buttons of a message."""
    return controls({"blocks": message.blocks})


def text_of(message: Message) -> str:
    """Text of a message."""
    return visible_text({"blocks": message.blocks, "text": message.text})


def changed_at(message: Message) -> float:
    """Time of the last post or update, by the sandbox's clock."""
    return float(message.edited_ts or message.ts)


@dataclass
class Judged:
    """Comparison of cards and cases."""

    cards: int = 0
    duplicates: int = 0
    untrue: list[str] = field(default_factory=list)
    alerts: int = 0


async def judged(cards: list[Message], client: Client) -> Judged:
    """Compares every card's version and number of alerts with its case."""
    found = Judged()
    counts = Counter(case_of(message) for message in cards)
    found.cards, found.duplicates = len(cards), sum(counts.values()) - len(counts)
    slots = asyncio.Semaphore(8)

    async def one(message: Message) -> None:
        handle = handle_of(message)
        if handle is None:
            found.untrue.append(f"{case_of(message)}: nothing to press")
            return
        async with slots:
            memory = await Cases(client, "koban").memory(handle[0])
        case = memory.case if memory is not None else None
        if case is None or case.id != case_of(message):
            return  # closed: its workflow is over
        found.alerts += case.alerts
        if not _is_true(message, handle[1], case):
            found.untrue.append(f"{case.id}: card {handle[1]}, case {case.version}")

    await asyncio.gather(*(one(message) for message in cards))
    return found


def _is_true(message: Message, version: int, case: Case) -> bool:
    counted = case.alerts < 2 or f"{case.alerts - 1:,}" in text_of(message)
    return version == case.version and counted


async def shows(
    message: Message, words: str, since: float, patience: float = 300.0
) -> float | None:
    """Time when a message first contained this text after `since`, or None."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if changed_at(message) >= since and words in text_of(message):
            return changed_at(message)
        await asyncio.sleep(LOOK)
    return None
