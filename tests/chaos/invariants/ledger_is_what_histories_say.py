"""Projection: the ledger's events equal those in Temporal's histories."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.client import Client, WorkflowHistory

from tests.chaos.evidence import Evidence, Story, Violation
from workflows.ports.appeals import AppealWrite
from workflows.ports.cases import LedgerWrite, OpenedCase

NUMBER = 9

WRITING = 2.0
"""Seconds that an event may take to a reachable ledger."""

EventsByCase = dict[str, dict[int, Any]]
"""Events by case or appeal, then by sequence number."""


def check(seen: Evidence) -> Iterator[Violation]:
    """Checks each case of a history or the ledger, once histories were read."""
    if seen.recorded is None:
        return
    for case, story in seen.stories.items():
        yield from _compared(case, story, seen.recorded.get(case, {}), seen.at - WRITING)
    cases = {name for name in seen.recorded if name.startswith("K")}
    for case in sorted(cases - seen.stories.keys()):
        yield Violation(NUMBER, f"case {case} is in a history and not in the ledger")


def _compared(
    case: str, story: Story, recorded: dict[int, Any], looked: float
) -> Iterator[Violation]:
    """Histories are read after the ledger, so later events are no gap."""
    written = dict(enumerate(story.events, start=1))
    for seq in sorted(written.keys() | recorded.keys()):
        since = seq not in written and recorded[seq].at.timestamp() > looked
        if written.get(seq) != recorded.get(seq) and not since:
            words = f"the ledger has {written.get(seq)!r}, the history {recorded.get(seq)!r}"
            yield Violation(NUMBER, f"case {case} event {seq}: {words}")


async def events_in(
    client: Client, history: WorkflowHistory
) -> AsyncIterator[tuple[str, int, Any]]:
    """The events that one run recorded: (case or appeal, sequence number, event)."""
    opened = set[int]()
    for event in History(events=history.events).events:
        scheduled = event.activity_task_scheduled_event_attributes
        name = scheduled.activity_type.name
        if name == "open_case":
            opened.add(event.event_id)
        elif name == "record":
            (write,) = await client.data_converter.decode(scheduled.input.payloads, [LedgerWrite])
            for each in write.events:
                yield write.case, each.seq, each.event
        elif name == "record_appeal":
            (write,) = await client.data_converter.decode(scheduled.input.payloads, [AppealWrite])
            for each in write.events:
                yield write.row.id, each.seq, each.event
        if _ends(event) in opened:
            result = event.activity_task_completed_event_attributes.result.payloads
            (found,) = await client.data_converter.decode(result, [OpenedCase])
            if found.event is not None:
                yield found.event.case, 1, found.event


def _ends(event: HistoryEvent) -> int:
    return event.activity_task_completed_event_attributes.scheduled_event_id
