"""Authorization: covers and limits of a press, and pauses and limits of automation."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar, cast

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.activity_options import LEDGER_PRESS, OPTIONS, PROTECTION, Options, execute
from workflows.case.inbox import Assessed
from workflows.domain.alerts import named
from workflows.domain.automation import AutomationPause, pause_over
from workflows.domain.case import commands as cmd
from workflows.domain.case.approval import missing
from workflows.domain.case.automation import (
    AutomaticCommand,
    Booked,
    Booking,
    Bookings,
    Trigger,
    automatic_commands,
    booked_command,
)
from workflows.domain.case.commands import (
    Click,
    PersonCommand,
    RevealEvidence,
    Tick,
)
from workflows.domain.case.decide import decide
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.rules.approvals import cannot_agree
from workflows.domain.case.rules.decisions import acts_first
from workflows.domain.case.rules.escalation import protects_by
from workflows.domain.case.rules.evidence import cap
from workflows.domain.case.rules.protections import known_pauses
from workflows.domain.case.rules.tightening import (
    uses_of,
)
from workflows.domain.case.snapshot import CardRef
from workflows.domain.people import Actor, Cover
from workflows.domain.policy.limits import Power, Use
from workflows.domain.policy.strictness import Strictness
from workflows.ports.cases import (
    ApproversAsk,
    CasePort,
    CurrentPolicy,
    RevealRequest,
    RolesAsk,
    ShowEvidence,
)
from workflows.shared.authorize import BY_APPROVERS
from workflows.shared.slack_sync import refuse

_NO_CAP = timedelta(hours=24)
"""Window of the evidence quota if the policy sets none."""


async def completed(case: Case, command: PersonCommand, now: datetime) -> PersonCommand | Refusal:
    """Returns the command with everything its rule needs, or why that is not available."""
    try:
        ready = await _prepared(case, command, now)
        return ready if isinstance(ready, Refusal) else await _counted(case, ready, now)
    except FailureError:
        return Refusal(reason=_UNANSWERED.get(type(command), Reason.LEDGER_UNAVAILABLE))


async def _prepared(case: Case, command: PersonCommand, now: datetime) -> PersonCommand | Refusal:
    if isinstance(command, cmd.HandOver):
        return await _with_colleague(command)
    if isinstance(command, BY_APPROVERS):
        return await _with_covers(case, command, now)
    if isinstance(command, cmd.Merge):
        return await _with_place(command)
    if isinstance(command, cmd.RevealEvidence):
        return await _with_quota(case, command, now)
    if isinstance(command, cmd.DecisionCommand):
        return cast(PersonCommand, await _with_pauses(case, command, now))
    return command


BY_TODAYS_POLICY = (
    cmd.DecisionCommand
    | cmd.MarkNoViolation
    | cmd.LiftProtection
    | cmd.Approve
    | cmd.Reject
    | cmd.Undo
    | cmd.Retry
    | cmd.Reopen
    | cmd.Reconsider
    | cmd.RevealEvidence
)
"""Commands that are decided by the stricter of the case's own policy and today's."""


async def strictness_now(case: Case, options: Options | None = None) -> Strictness | None:
    """Returns the strictness of today's policy; None if the case has it. Raises `FailureError`."""
    wanted = CurrentPolicy(playbook=case.policy.playbook.playbook, known=case.policy_version)
    return await execute(CasePort.strictness_now, wanted, options)


async def approvers(case: Case) -> cmd.CountApprovers | None:
    """Returns the number of people who can approve the pending request; None if unknown."""
    approval = case.approval
    if approval is None or not approval.pending:
        return None
    wanted = ApproversAsk(
        roles=tuple(need.role for need in missing(approval)),
        barred=tuple(sorted(cannot_agree(case, approval))),
    )
    try:
        able = await execute(CasePort.approvers_of, wanted)
    except FailureError:
        return None
    return cmd.CountApprovers(
        decision=approval.decision, requested_at=approval.requested_at, able=able
    )


_UNANSWERED = {cmd.HandOver: Reason.ROLES_UNKNOWN, cmd.RevealEvidence: Reason.NOT_SHOWN}


async def _with_colleague(command: cmd.HandOver) -> cmd.HandOver:
    grant = await execute(CasePort.roles_of, RolesAsk(person=command.to.id))
    to = Actor(id=command.to.id, roles=frozenset(grant.roles))
    return command.model_copy(update={"to": to})


async def _with_covers(
    case: Case, command: PersonCommand, now: datetime
) -> PersonCommand | Refusal:
    """Adds the covers of an approver; those without an own right need givers with the role."""
    covers = await execute(CasePort.covers_of, command.by.id)
    outcome = decide(case, command, now)
    lacks_role = isinstance(outcome, Refusal) and outcome.reason is Reason.ROLE_NEEDED
    if not covers or not lacks_role:
        return command
    try:
        covers = await _covers_in_force(covers)
    except FailureError:
        return Refusal(reason=Reason.ROLES_UNKNOWN)
    by = command.by.model_copy(update={"covers": covers})
    return command.model_copy(update={"by": by})


async def _covers_in_force(covers: tuple[Cover, ...]) -> tuple[Cover, ...]:
    """The covers whose givers have the role now. Raises `FailureError`."""
    givers = tuple(dict.fromkeys(cover.person for cover in covers))
    asks = (RolesAsk(person=giver, approves=True) for giver in givers)
    grants = await asyncio.gather(*(execute(CasePort.roles_of, ask) for ask in asks))
    held = {giver: grant.roles for giver, grant in zip(givers, grants, strict=True)}
    return tuple(cover for cover in covers if cover.role in held[cover.person])


async def _with_place(command: cmd.Merge) -> cmd.Merge:
    place = await execute(CasePort.place_of, command.into, LEDGER_PRESS)
    if place is None or not place.open:
        return command.model_copy(update={"subject": None, "workflow_id": ""})
    return command.model_copy(update={"subject": place.subject, "workflow_id": place.workflow_id})


async def _with_pauses(
    case: Case, command: cmd.DecisionCommand, now: datetime
) -> cmd.DecisionCommand:
    """Reads the pauses for a decision whose actions would run before their review.

    While the ledger is unreachable, that is the last pause that the case has seen.
    """
    bare = command.model_copy(update={"paused": False})  # the click's own value is not trusted
    outcome = decide(case, cast(PersonCommand, bare), now)
    acting = () if isinstance(outcome, Refusal) else acts_first(outcome)
    if not acting:
        return bare
    try:
        pauses = await execute(CasePort.automation_pauses, case.id)
    except FailureError:
        pauses = known_pauses(case)
    playbook = case.policy.playbook.playbook
    paused = any(pause_over(pauses, playbook, (), action) for action in acting)
    return bare.model_copy(update={"paused": paused})


async def _with_quota(
    case: Case, command: RevealEvidence, now: datetime
) -> RevealEvidence | Refusal:
    """Counts a look at evidence in the ledger, unless it is refused anyway."""
    bare = command.model_copy(update={"exposed": None})  # the click's own value is not trusted
    outcome = decide(case, bare, now)
    if isinstance(outcome, Refusal) and outcome.reason is not Reason.NOT_SHOWN:
        return outcome
    rule = cap(case)
    wanted = RevealRequest(
        person=command.by.id,
        case=case.id,
        alert=command.alert_key,
        item=command.item,
        at=now,
        since=now - (rule.within if rule else _NO_CAP),
        most=rule.reveals if rule else None,
    )
    return command.model_copy(update={"exposed": await execute(CasePort.expose, wanted)})


async def _counted(case: Case, command: PersonCommand, now: datetime) -> PersonCommand | Refusal:
    """Books what a command uses of its person's limits, unless it is refused anyway."""
    bare = _limited(command, False)
    limits = case.policy.limits
    if limits is None:
        return bare
    outcome = decide(case, bare, now)
    if isinstance(outcome, Refusal):
        # The budget of a refused decision is not known: that refusal is final.
        return outcome if isinstance(command, cmd.DecisionCommand) else bare
    booked = await book(case, uses_of(case, bare, outcome), now)
    if booked.full is not None:
        return Refusal(reason=Reason.LIMIT_REACHED, at=booked.full.resets_at, limit=booked.full)
    spent = booked.totals.get(Power.ACTIONS, 0)
    velocity = limits.velocity
    return _limited(command, velocity is not None and spent > velocity.actions)


def _limited(command: PersonCommand, over_limit: bool) -> PersonCommand:
    # The click's own value is not trusted.
    if not isinstance(command, cmd.DecisionCommand):
        return command
    return cast(PersonCommand, command.model_copy(update={"over_limit": over_limit}))


async def book(case: Case, uses: tuple[Use, ...], now: datetime) -> Booked:
    """Books uses, if there are any. Raises `FailureError`."""
    if not uses:
        return Booked()
    return await execute(CasePort.book, Booking(uses=uses, at=now, case=case.id))


async def answer(
    click: Click,
    refusal: Refusal | None,
    case: Case | None,
    card: CardRef | None,
    is_written: Callable[[int], bool],
) -> None:
    """Answers a press where only its person sees it: a refusal, or the evidence asked for.

    `is_written` says whether the ledger has a version of the case. Everything else is on the card.
    """
    if isinstance(click.command, RevealEvidence):
        refusal = await _reveal(click, click.command, refusal, case, is_written)
    if refusal is not None:
        own = case is not None and case.id == click.case
        title = case.policy.playbook.title if case is not None and own else None
        await refuse(click, refusal, click.case, title, card if own else None)


async def _reveal(
    click: Click,
    command: RevealEvidence,
    refusal: Refusal | None,
    case: Case | None,
    is_written: Callable[[int], bool],
) -> Refusal | None:
    """Shows evidence once the ledger has the event, else the reason; returns it on a failure."""
    if refusal is None and case is not None:
        version, patience = case.version, OPTIONS[CasePort.show_evidence].within
        with suppress(TimeoutError):  # the activity then finds no record, and shows nothing
            await workflow.wait_condition(lambda: is_written(version), timeout=patience)
    wanted = ShowEvidence(
        person=command.by.id,
        place=click.place,
        case=click.case,
        version=command.version or 0,
        alert=command.alert_key,
        item=command.item,
        modal=command.modal,
        refusal=refusal,
    )
    try:
        await execute(CasePort.show_evidence, wanted)
    except FailureError:
        return refusal or Refusal(reason=Reason.NOT_SHOWN)
    return None


# -- automation ---------------------------------------------------------------------------


Lost = Callable[[Case], None]
"""Called where the answer of a booking is lost: it may have tripped a breaker."""


async def tick_at(case: Case, now: datetime, lost: Lost) -> Tick:
    """Returns the tick at `now`, with what stops a due escalation from protecting.

    While the ledger is unreachable, that is the last pause that the case has seen.
    """
    if not protects_by(case, now):
        return Tick()
    try:
        pauses = await execute(CasePort.automation_pauses, case.id)
    except FailureError:
        return Tick(pauses=known_pauses(case))
    first, _ = named(case.first.key)
    others = sorted(case.detectors - {first})
    tick, _ = await _with_ledger(
        case, booked_command(case, Tick(pauses=pauses), (first, *others), now), lost
    )
    return tick


async def automation(
    case: Case, alert: Assessed, pauses: tuple[AutomationPause, ...], now: datetime, lost: Lost
) -> list[AutomaticCommand]:
    """Returns the commands that an alert gives by itself: protections, then a decision."""
    trigger = Trigger(
        detector=alert.alert.detector,
        key=alert.alert.key,
        rules=alert.rules,
        auto=alert.auto,
        sampled=alert.weighed.placement.sampled,
    )
    return await _with_ledger(case, automatic_commands(case, trigger, pauses, now), lost)


R = TypeVar("R")


async def _with_ledger(case: Case, bookings: Bookings[R], lost: Lost) -> R:
    """Books what `bookings` yields in the ledger; returns its result."""
    answer: Booked | None = None
    try:
        booking = next(bookings)
        while True:
            try:
                answer = await execute(CasePort.book, booking, PROTECTION)
            except FailureError:
                lost(case)
                answer = None
            booking = bookings.send(answer)
    except StopIteration as done:
        result: R = done.value
        return result
