"""Storm digest: one message for all cards of a channel's storm, and the calls it takes over."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from activities.slack.actions import element
from activities.slack.blocks import (
    MOST_TEXT,
    Block,
    Message,
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
from workflows.domain.storm import Called, Group, Mention, Picture, Top, role_called
from workflows.ports.storms import ShowStorm

EVENT_TYPE = "koban_storm"
CALLS = "koban_storm_calls"
OPEN = "storm.open"
"""Action id of a row's button; its value is the case's id."""

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
    lines = [_call(each, reader) for each in wanted.mentions]
    text = fit(lines, "\n", MOST_TEXT)
    named = metadata(CALLS, storm=wanted.key, number=wanted.number)
    return Message(text, [section(lines)], named)


def _sentence(wanted: ShowStorm, reader: Reader) -> str:
    picture = wanted.picture
    values = {"since": reader.time(picture.since, picture.since), "count": picture.cases}
    if wanted.over:
        return reader.say("storm.over", open=picture.open, **values)
    if picture.waiting == 0:
        return reader.say("storm.posted", **values)
    return reader.say("storm.going", waiting=picture.waiting, **values)


def _group(group: Group, reader: Reader) -> str:
    title, counts = reader.title(group.title), _by_severity(group.counts, reader)
    return reader.say("storm.group", title=title, count=group.cases, severities=counts)


def _by_severity(counts: Mapping[Severity, int], reader: Reader) -> str:
    return " · ".join(
        f"{SEVERITY_COLOUR[each]} {reader.say(f'severity.{each.value}')} "
        f"{reader.texts.number(counts[each])}"
        for each in Severity
        if counts.get(each)
    )


def _top(wanted: ShowStorm, reader: Reader) -> list[Block]:
    """Rows of the top cases, each with a button; none at the end, when all cards are posted."""
    if wanted.over or not wanted.picture.top:
        return []
    rows = [_row(each, reader) for each in wanted.picture.top]
    return [{"type": "divider"}, *rows, context([reader.say("storm.hint")])]


def _row(top: Top, reader: Reader) -> Block:
    severity = f"{SEVERITY_COLOUR[top.severity]} {reader.say(f'severity.{top.severity.value}')}"
    who = f"*{severity} · {reader.title(top.title)} · {reader.subject(top.subject)}*"
    facts = [reader.say("storm.alerts", count=top.alerts), reader.owner(top.owner)]
    facts += [] if top.carded else [reader.say("storm.waits")]
    return {
        **section([who, " · ".join(facts)]),
        "accessory": element(OPEN, reader, top.case),
    }


def _call(mention: Mention, reader: Reader) -> str:
    counts = _by_severity(mention.counts, reader)
    count = sum(mention.counts.values())
    who = reader.mention(mention.role)
    return reader.say("storm.call", mention=who, count=count, severities=counts)


def people_in_storm(picture: Picture) -> list[str]:
    """The ids of everybody named in the digest."""
    return [each.owner for each in picture.top if each.owner is not None]


class StormService(Protocol):
    """Storms of all channels."""

    async def look(self, channel: str) -> None:
        """Starts a storm where too many cards wait in `channel`; never fails."""

    async def posted(self, case: str, card: CardRef) -> None:
        """Records a case's card; never fails."""

    async def called(self, channel: str, call: Called) -> bool:
        """Adds a call to the running storm of `channel`; False where there is none.

        Raises:
            OutOfReach: Temporal does not answer; the activity is retried.
        """


class NoStorms:
    """`StormService` without storms."""

    async def look(self, channel: str) -> None:
        """Does nothing."""

    async def posted(self, case: str, card: CardRef) -> None:
        """Does nothing."""

    async def called(self, channel: str, call: Called) -> bool:
        """Leaves the call to the case's thread."""
        return False


async def storm_calls(
    storms: StormService, view: CardView, lines: Iterable[Recorded]
) -> frozenset[int]:
    """The seqs of lines whose role the storm digest calls instead of the thread.

    The storm has each call before its line is posted, so that none is lost; twice counts once.
    """
    seqs = set()
    for line in lines:
        role = role_called(line.event)
        if role is None:
            continue
        call = Called(case=view.id, seq=line.seq, role=role, severity=view.severity)
        if await storms.called(view.channel, call):
            seqs.add(line.seq)
    return frozenset(seqs)
