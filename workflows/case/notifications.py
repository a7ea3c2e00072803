"""Direct messages of a case: calls of an escalation, and events for its watchers."""

from collections.abc import Iterator

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.activity_options import execute
from workflows.domain.case import events as ev
from workflows.domain.case.events import Recorded
from workflows.domain.case.model import Case
from workflows.domain.case.snapshot import CardRef
from workflows.domain.case.view import view_of
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Notify, Via
from workflows.ports.cases import CasePort, Tell

_ROLES = {Notify.SHIFT: Role.SPECIALIST, Notify.LEAD: Role.LEAD}


def messages_for(
    case: Case, event: ev.Event, card: CardRef | None, thread_refused: bool = False
) -> Iterator[Tell]:
    """Yields the direct messages for an event; all calls are direct if the thread takes none."""
    direct = thread_refused or (isinstance(event, ev.CaseEscalated) and event.via is not Via.THREAD)
    if isinstance(event, ev.CaseEscalated) and direct:
        people: tuple[str, ...] = (event.person,) if event.person else ()
        role = event.role or _ROLES.get(event.notify)
        yield _message(case, event, card, "call", people, None if people else role)
    if event.notifies_watchers:
        watchers = tuple(each for each in case.watchers if each != event.by)
        if watchers:
            yield _message(case, event, card, "watch", watchers)


def _message(
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


async def send(message: Tell) -> None:
    """Sends a direct message; gives up when it is too late."""
    try:
        await execute(CasePort.tell, message, rank=message.view.severity.rank)
    except FailureError:
        workflow.logger.warning("a call could not be sent", extra={"case": message.view.id})
