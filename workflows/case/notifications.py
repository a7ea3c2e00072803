"""Who hears of an event by direct message: escalations that ask for it, and whoever watches."""

from collections.abc import Coroutine, Iterator
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import FailureError

from workflows.activity_options import slack_queue
from workflows.domain.case import events as ev
from workflows.domain.case.events import Recorded
from workflows.domain.case.model import Case
from workflows.domain.case.snapshot import CardRef
from workflows.domain.case.view import view_of
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Notify, Via
from workflows.ports import cases
from workflows.ports.cases import Tell

_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=30)
)
_LATEST = timedelta(hours=1)
"""A call that comes later than this helps nobody."""
_ROLES = {Notify.SHIFT: Role.SPECIALIST, Notify.LEAD: Role.LEAD}

Call = Coroutine[Any, Any, None]


def calls_for(case: Case, event: ev.Event, card: CardRef | None) -> Iterator[Call]:
    """The direct messages that an event asks for."""
    if isinstance(event, ev.CaseEscalated) and event.via is not Via.THREAD:
        people: tuple[str, ...] = (event.person,) if event.person else ()
        role = event.role or _ROLES.get(event.notify)
        yield _tell(_telling(case, event, card, "call", people, None if people else role))
    if event.notifies_watchers:
        watchers = tuple(each for each in case.watchers if each != event.by)
        if watchers:
            yield _tell(_telling(case, event, card, "watch", watchers))


def _telling(
    case: Case,
    event: ev.Event,
    card: CardRef | None,
    why: str,
    people: tuple[str, ...],
    role: Role | None = None,
) -> Tell:
    line = Recorded(seq=case.version, event=event)
    key = f"{case.id}/{case.version}/{event.kind}/{why}"
    view = view_of(case)
    return Tell(key=key, view=view, line=line, card=card, people=people, role=role)


async def _tell(wanted: Tell) -> None:
    try:
        await workflow.execute_activity(
            cases.tell,
            wanted,
            task_queue=slack_queue(workflow.info().task_queue),
            start_to_close_timeout=timedelta(seconds=60),
            schedule_to_close_timeout=_LATEST,
            retry_policy=_RETRY,
            priority=Priority(priority_key=wanted.view.severity.rank),
        )
    except FailureError:
        workflow.logger.warning("nobody could be told", extra={"case": wanted.view.id})
