"""Direct messages of a case: calls of an escalation, and events for its watchers."""

from collections.abc import Iterable, Iterator

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.activity_options import execute
from workflows.domain.automation import AutomationPause
from workflows.domain.case import events as ev
from workflows.domain.case.commands import MissCall
from workflows.domain.case.events import Recorded
from workflows.domain.case.model import Case
from workflows.domain.case.snapshot import CardRef, Refused
from workflows.domain.case.view import view_of
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Notify, Via
from workflows.domain.values import Text
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


def breaker_alerts(case: Case, pause: AutomationPause) -> tuple[BreakerAlert, ...]:
    """Returns the announcements of a tripped breaker: in the playbook's channel, to the leads."""
    playbook, name = case.policy.playbook, pause.action or ""
    spec = case.policy.catalog.find(name)
    here = BreakerAlert(
        key=f"breaker/{pause.key}/{pause.at.isoformat()}",
        pause=pause,
        playbook=playbook.title,
        action=spec.title if spec is not None else Text(ja=name, en=name),
        channel=playbook.channel,
        case=case.id,
    )
    return here, here.model_copy(update={"leads": True})


async def announce(alert: BreakerAlert) -> None:
    """Posts a tripped breaker; one that Slack does not take is in the log."""
    try:
        await execute(CasePort.announce_breaker, alert)
    except FailureError:
        workflow.logger.warning("breaker_not_announced", extra={"scope": alert.pause.key})


CALLS = ev.CaseEscalated | ev.ApprovalRequested | ev.ApprovalReminded
"""Events that call people to act."""
