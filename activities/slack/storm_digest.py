"""Storm digest: one message for all cards of a channel's storm, and the calls it takes over."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from activities.slack.actions import OPEN, element
from activities.slack.blocks import (
    MOST_TEXT,
    Block,
    Message,
    beside,
    context,
    fit,
    header,
    metadata,
    section,
)
from activities.slack.cards.case_facts import SEVERITY_COLOUR
from activities.slack.reader import Reader
from workflows.domain.case.events import Recorded
from workflows.domain.case.snapshot import CardRef
from workflows.domain.case.view import CardView
from workflows.domain.policy.playbook import Severity
from workflows.domain.storm import Called, Group, Top, role_called
from workflows.ports.storms import ShowStorm

EVENT_TYPE = "koban_storm"
CALLS = "koban_storm_calls"
_MOST_GROUPS = 10


def digest(wanted: ShowStorm, reader: Reader) -> Message:
    """Draws the digest. It mentions nobody; its thread does."""
    picture = wanted.picture
    state = "storm.title.over" if wanted.over else "storm.title"
    title = reader.say(state, count=picture.cases)
    text = _sentence(wanted, reader)
    groups = [_group(each, reader) for each in picture.groups[:_MOST_GROUPS]]
    counted = [section(groups)] if groups else []
    blocks = [header(title), section([text]), *counted, *_top(wanted, reader)]
    spoken = fit([title, text, *groups], "\n", MOST_TEXT)
    return Message(spoken, blocks, metadata(EVENT_TYPE, storm=wanted.key))


def calls(wanted: ShowStorm, reader: Reader) -> Message:
    """Calls each role once, for all cases that would have called it in their threads."""
    lines = [
        reader.say(
            "storm.call",
            mention=reader.mention(each.role),
            count=sum(each.counts.values()),
            severities=_by_severity(each.counts, reader),
        )
        for each in wanted.mentions
    ]
    text = fit(lines, "\n", MOST_TEXT)
    named = metadata(CALLS, storm=wanted.key, number=wanted.number)
    return Message(text, [section(lines)], named)


def _sentence(wanted: ShowStorm, reader: Reader) -> str:
    picture = wanted.picture
    going = "ongoing" if picture.waiting else "posted"
    text = reader.say(
        "storm.over" if wanted.over else f"storm.{going}",
        since=reader.time(picture.since, picture.since),
        count=picture.cases,
        open=picture.open,
        waiting=picture.waiting,
    )
    if wanted.ended_at is None:
        return text
    time = reader.time(wanted.ended_at, picture.since)
    return reader.say("storm.ended", text=text, time=time)


def _group(group: Group, reader: Reader) -> str:
    title, counts = reader.title(group.title), _by_severity(group.counts, reader)
    return reader.say("storm.group", title=title, count=group.cases, severities=counts)


def _by_severity(counts: Mapping[Severity, int], reader: Reader) -> str:
    parts = (
        f"{_severity(each, reader)} {reader.texts.number(counts[each])}"
        for each in Severity
        if counts.get(each)
    )
    return " · ".join(parts)


def _severity(severity: Severity, reader: Reader) -> str:
    return f"{SEVERITY_COLOUR[severity]} {reader.say(f'severity.{severity}')}"


def _top(wanted: ShowStorm, reader: Reader) -> list[Block]:
    """Rows of the top cases, each with a button; none at the end, when all cards are posted."""
    if wanted.over or not wanted.picture.top:
        return []
    rows = [_row(each, reader) for each in wanted.picture.top]
    return [{"type": "divider"}, *rows, context([reader.say("storm.hint")])]


def _row(top: Top, reader: Reader) -> Block:
    severity = _severity(top.severity, reader)
    who = f"*{severity} · {reader.title(top.title)} · {reader.subject(top.subject)}*"
    facts = [reader.say("storm.alerts", count=top.alerts), reader.owner(top.owner)]
    facts += [] if top.carded else [reader.say("storm.waiting")]
    return beside(f"{who}\n{' · '.join(facts)}", element(OPEN, reader, top.case))


class StormService(Protocol):
    """Storms of all channels."""

    async def look(self, channel: str) -> None:
        """Starts a storm where too many cards wait in `channel`; never fails."""

    async def posted(self, case: str, card: CardRef) -> None:
        """Records a case's card; never fails."""

    async def called(self, channel: str, call: Called) -> bool:
        """Adds a call to the storm of `channel`; False without one. Raises `OutOfReach`."""


async def storm_calls(
    storms: StormService, view: CardView, lines: Iterable[Recorded]
) -> frozenset[int]:
    """The seqs of lines whose role the storm digest calls instead of the thread.

    The storm has each call before its line is posted, so that none is lost; twice counts once.
    """
    seqs = set()
    for line in lines:
        if (role := role_called(line.event)) is not None:
            call = Called(case=view.id, seq=line.seq, role=role, severity=view.severity)
            if await storms.called(view.channel, call):
                seqs.add(line.seq)
    return frozenset(seqs)
