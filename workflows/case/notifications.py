"""Messages of a case: calls of an escalation, events for its watchers, and tripped breakers."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from workflows.activity_options import LEDGER, execute
from workflows.domain.automation import AutomationPause
from workflows.domain.case import events as ev
from workflows.domain.case.commands import MissCall
from workflows.domain.case.events import Recorded
from workflows.domain.case.model import Case
from workflows.domain.case.snapshot import CardRef, Refused
from workflows.domain.case.view import view_of
from workflows.domain.ids import breaker_workflow_id
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Notify, Via
from workflows.domain.values import Text
from workflows.inputs import TASK_TIMEOUT
from workflows.ports.cases import BreakerAlert, CasePort, Tell, Told

_ROLES = {Notify.SHIFT: Role.SPECIALIST, Notify.LEAD: Role.LEAD}


def messages_for(
    case: Case, recorded: Recorded, card: CardRef | None, refused: Refused
) -> Iterator[Tell]:
    """Yields the direct messages for an event; they replace calls where Slack refuses those."""
    event = recorded.event
    if isinstance(event, ev.CaseEscalated) and event.via is not Via.THREAD:
        yield _call(case, recorded, card)
    else:
        yield from calls_instead(case, [recorded], card, refused)
    if event.notifies_watchers:
        watchers = tuple(each for each in case.watchers if each != event.by)
        if watchers:
            yield _message(case, recorded, card, "watch", watchers)


def calls_instead(
    case: Case, lines: Iterable[Recorded], card: CardRef | None, refused: Refused
) -> Iterator[Tell]:
    """Yields the direct messages for calls in the thread or on the approval card."""
    for line in lines:
        event = line.event
        if isinstance(event, ev.CaseEscalated):
            if refused.calls and event.via is Via.THREAD:
                yield _call(case, line, card, instead=True)
        elif isinstance(event, ev.ApprovalRequested | ev.ApprovalReminded) and refused.approval:
            yield from approval_call(case, line, card)


def approval_call(case: Case, line: Recorded, card: CardRef | None) -> Iterator[Tell]:
    """Yields the direct message to the approvers of the pending request."""
    if case.approval is not None and case.approval.pending:
        role = case.approval.needs[0].role
        yield _message(case, line, card, "approval", (), role, instead=True)


def _call(case: Case, line: Recorded, card: CardRef | None, instead: bool = False) -> Tell:
    event = line.event
    assert isinstance(event, ev.CaseEscalated)
    people = (event.person,) if event.person else ()
    role = None if people else event.role or _ROLES.get(event.notify)
    return _message(case, line, card, "call", people, role, instead)


def _message(
    case: Case,
    line: Recorded,
    card: CardRef | None,
    why: str,
    people: tuple[str, ...],
    role: Role | None = None,
    instead: bool = False,
) -> Tell:
    key = f"{case.id}/{line.seq}/{line.event.kind}/{why}"
    return Tell(
        key=key,
        view=view_of(case),
        line=line,
        card=card,
        people=people,
        role=role,
        instead=instead,
    )


async def send(message: Tell) -> MissCall | None:
    """Sends a direct message; returns whom a call did not reach, in time or at all."""
    try:
        told = await execute(CasePort.tell, message, rank=message.view.severity.rank)
    except FailureError:
        workflow.logger.warning("a call could not be sent", extra={"case": message.view.id})
        told = Told()
    return missed_call(message, told)


def missed_call(message: Tell, told: Told) -> MissCall | None:
    """Returns what to say of a call that did not reach everybody; None for other messages."""
    event = message.line.event
    nobody = not told.reached and not told.role_channel
    if not (nobody or told.missed) or not isinstance(event, CALLS):
        return None
    found = MissCall(
        key=message.key, notify=Notify.ROLE, role=message.role, missed=told.missed, nobody=nobody
    )
    if not isinstance(event, ev.CaseEscalated):
        return found
    call = {"notify": event.notify, "step": event.step, "person": event.person}
    return found.model_copy(update=call)


BREAKER = "BreakerWorkflow"
"""A workflow type by its name."""


async def announce(case: Case, pause: AutomationPause) -> None:
    """Starts the announcement of a tripped breaker, unless another case has done so.

    Each case that it stops tries: the one in which it tripped may never have had the answer.
    """
    alert = _breaker_alert(case, pause)
    with suppress(WorkflowAlreadyStartedError):
        await workflow.start_child_workflow(
            BREAKER,
            alert,
            id=alert.key,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            parent_close_policy=ParentClosePolicy.ABANDON,
            task_timeout=TASK_TIMEOUT,
        )


def _breaker_alert(case: Case, pause: AutomationPause) -> BreakerAlert:
    playbook, name = case.policy.playbook, pause.action or ""
    spec = case.policy.catalog.find(name)
    return BreakerAlert(
        key=breaker_workflow_id(pause.key, pause.at),
        pause=pause,
        playbook=playbook.title,
        action=spec.title if spec is not None else Text(ja=name, en=name),
        channel=playbook.channel,
        case=pause.case or case.id,
    )


async def current_trips(case: Case) -> tuple[AutomationPause, ...]:
    """Returns the tripped breakers of the case's detectors, once the ledger answers."""
    pauses = await execute(CasePort.automation_pauses, case.id, LEDGER)
    return trips_of(case, pauses)


def trips_of(case: Case, pauses: Iterable[AutomationPause]) -> tuple[AutomationPause, ...]:
    """Returns the tripped breakers of the case's detectors."""
    return tuple(each for each in pauses if each.trip and each.detector in case.detectors)


CALLS = ev.CaseEscalated | ev.ApprovalRequested | ev.ApprovalReminded
"""Events that call people to act."""
