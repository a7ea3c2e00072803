"""Authorization: covers, budget and evidence quota of a press, and the pause of automation."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import cast

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.activity_options import LEDGER_PRESS, OPTIONS, Options, execute
from workflows.domain.automation import AutomationPause
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.approval import missing
from workflows.domain.case.commands import Click, PersonCommand, ProtectNow, RevealEvidence
from workflows.domain.case.decide import decide
from workflows.domain.case.decision import Decision
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.rules.approvals import cannot_agree
from workflows.domain.case.rules.escalation import protects_by
from workflows.domain.case.rules.evidence import cap
from workflows.domain.case.rules.protections import fresh_rules
from workflows.domain.case.snapshot import CardRef
from workflows.domain.people import Actor, Cover
from workflows.domain.policy.strictness import Strictness
from workflows.ports.cases import (
    ApproversAsk,
    CasePort,
    CurrentPolicy,
    RevealRequest,
    RolesAsk,
    ShowEvidence,
    Spending,
)
from workflows.shared.authorize import BY_APPROVERS
from workflows.shared.slack_sync import refuse

_NO_CAP = timedelta(hours=24)
"""Window of the evidence quota if the policy sets none."""


async def completed(case: Case, command: PersonCommand, now: datetime) -> PersonCommand | Refusal:
    """Returns the command with everything its rule needs, or why that is not available."""
    try:
        if isinstance(command, cmd.HandOver):
            return await _with_colleague(command)
        if isinstance(command, BY_APPROVERS):
            return await _with_covers(case, command, now)
        if isinstance(command, cmd.Merge):
            return await _with_place(command)
        if isinstance(command, cmd.RevealEvidence):
            return await _with_quota(case, command, now)
        if isinstance(command, cmd.DecisionCommand):
            return await _with_budget(case, command, now)
    except FailureError:
        return Refusal(reason=_UNANSWERED.get(type(command), Reason.LEDGER_UNAVAILABLE))
    return command


BY_TODAYS_POLICY = (
    cmd.DecisionCommand | cmd.Approve | cmd.Undo | cmd.Retry | cmd.Reopen | cmd.RevealEvidence
)
"""Commands that are decided by the stricter of the case's own policy and today's."""


async def strictness_now(case: Case, options: Options | None = None) -> Strictness | None:
    """Returns the strictness of today's policy; None if the case has that version.

    Raises `FailureError` only with `options` that have an end.
    """
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


async def _with_budget(
    case: Case, command: cmd.DecisionCommand, now: datetime
) -> PersonCommand | Refusal:
    """Books a decision on its person's budget unless it is refused; that refusal is final."""
    limits = case.policy.limits
    within_limit = _limited(command, False)
    if limits is None or limits.velocity is None:
        return within_limit
    outcome = decide(case, within_limit, now)
    if isinstance(outcome, Refusal):
        return outcome
    actions = _decided(outcome)
    if not actions:
        return within_limit
    spent = await execute(
        CasePort.spend,
        Spending(
            key=f"{case.id}/D{len(case.decisions) + 1}/{command.by.id}",
            person=command.by.id,
            actions=actions,
            at=now,
            since=now - limits.velocity.within,
        ),
    )
    return _limited(command, spent > limits.velocity.actions)


def _limited(command: cmd.DecisionCommand, over_limit: bool) -> PersonCommand:
    # The click's own value is not trusted.
    return cast(PersonCommand, command.model_copy(update={"over_limit": over_limit}))


def _decided(outcome: tuple[ev.Event, ...]) -> int:
    decisions = (event.decision for event in outcome if isinstance(event, ev.Decided))
    return sum(_weight(decision) for decision in decisions)


def _weight(decision: Decision) -> int:
    """Returns how many actions of the budget a decision takes; kept protections take none.

    A bulk decision above the limit takes none: it needs an approval anyway, and the person's next
    small decisions should not wait for that.
    """
    if decision.bulk is None:
        return len(decision.actions) - len(decision.keeps)
    return 0 if decision.over_limit else decision.bulk.count * len(decision.actions)


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


async def pause_at(case: Case, now: datetime) -> AutomationPause | None:
    """Returns the pause that stops an escalation due at `now` from protecting, if any.

    While the ledger is unreachable, that is the last one the case has seen.
    """
    if not protects_by(case, now):
        return None
    try:
        playbook = case.policy.playbook.playbook
        return await execute(CasePort.automation_of, playbook)
    except FailureError:
        return case.automation_pause


def protection(
    case: Case, rules: tuple[int, ...], pause: AutomationPause | None
) -> tuple[ProtectNow, ...]:
    """Returns the command that protects by `rules`, unless all have been applied."""
    fresh = fresh_rules(case, rules)
    return (ProtectNow(rules=fresh, pause=pause),) if fresh else ()
