"""Finding out what a command needs to be decided.

Roles, budgets and other cases are asked for where the command is decided, never believed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar, cast

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

from workflows import ports
from workflows.casework.patience import quickly
from workflows.casework.revealing import exposed
from workflows.domain import commands as cmd
from workflows.domain import events as ev
from workflows.domain.appealing.commands import AppealClick
from workflows.domain.case import decide
from workflows.domain.case_state import Case
from workflows.domain.commands import Click, PersonCommand
from workflows.domain.decision import Decision
from workflows.domain.people import Actor, Cover, Role
from workflows.domain.refusal import Reason, Refusal
from workflows.ports import CasePlace, Spending

_PATIENTLY = RetryPolicy(maximum_interval=timedelta(seconds=10))
_WAITS = timedelta(minutes=10)
"""How long a click waits for Slack to tell its person's roles, before it is refused in words."""

C = TypeVar("C", Click, AppealClick)


@dataclass(frozen=True)
class Vouched(Generic[C]):
    """A click whose person's roles are known."""

    click: C


async def vouched_soon(click: C) -> Vouched[C]:
    """Asks the worker's cache, nearly always. Raises `FailureError`."""
    return _with(click, await _roles_soon(click.command.by.id))


async def vouched_at_last(click: C) -> Vouched[C]:
    """Asks for as long as a click may wait. Raises `FailureError`."""
    roles = await workflow.execute_activity(
        ports.roles_of,
        click.command.by.id,
        start_to_close_timeout=timedelta(seconds=10),
        schedule_to_close_timeout=_WAITS,
        retry_policy=_PATIENTLY,
    )
    return _with(click, roles)


async def completed(case: Case, command: PersonCommand, now: datetime) -> PersonCommand | Refusal:
    """The command with everything else that its rule has to know, or why that can't be known."""
    try:
        if isinstance(command, cmd.HandOver):
            return await _with_colleague(command)
        if isinstance(command, cmd.Approve | cmd.Reject | cmd.AskBack):
            return await _with_covers(command)
        if isinstance(command, cmd.Merge):
            return await _with_place(command)
        if isinstance(command, cmd.RevealEvidence):
            return await exposed(case, command)
        if isinstance(command, cmd.Deciding):
            return await _with_budget(case, command, now)
    except FailureError:
        return Refusal(reason=_UNKNOWN.get(type(command), Reason.LEDGER_AWAY))
    return command


_UNKNOWN = {cmd.HandOver: Reason.ROLES_UNKNOWN, cmd.RevealEvidence: Reason.NOT_SHOWN}
"""Why a command can't be decided where its question was not answered."""


def _with(click: C, roles: tuple[Role, ...]) -> Vouched[C]:
    actor = Actor(id=click.command.by.id, roles=frozenset(roles))
    return Vouched(
        click.model_copy(update={"command": click.command.model_copy(update={"by": actor})})
    )


async def _roles_soon(person: str) -> tuple[Role, ...]:
    return await quickly(ports.roles_of, person)


async def _with_colleague(command: cmd.HandOver) -> cmd.HandOver:
    roles = await _roles_soon(command.to.id)
    to = Actor(id=command.to.id, roles=frozenset(roles))
    return command.model_copy(update={"to": to})


async def _with_covers(command: PersonCommand) -> PersonCommand:
    covers: tuple[Cover, ...] = await quickly(ports.covers_of, command.by.id)
    by = command.by.model_copy(update={"covers": covers})
    return command.model_copy(update={"by": by})


async def _with_place(command: cmd.Merge) -> cmd.Merge:
    place: CasePlace | None = await quickly(ports.place_of, command.into)
    if place is None:
        return command.model_copy(update={"subject": None, "route": ""})
    return command.model_copy(update={"subject": place.subject, "route": place.route})


async def _with_budget(case: Case, command: cmd.Deciding, now: datetime) -> PersonCommand:
    """Books a decision on its person's budget, unless it would be refused anyway."""
    limits = case.policy.limits
    plain = _plain(command, False)
    if limits is None or limits.velocity is None:
        return plain
    outcome = decide(case, plain, now)
    actions = 0 if isinstance(outcome, Refusal) else _decided(outcome)
    if not actions:
        return plain
    spent: int = await quickly(
        ports.spend,
        Spending(
            key=f"{case.id}/D{len(case.decisions) + 1}/{command.by.id}",
            person=command.by.id,
            actions=actions,
            at=now,
            since=now - limits.velocity.within,
        ),
    )
    return _plain(command, spent > limits.velocity.actions)


def _plain(command: cmd.Deciding, over_limit: bool) -> PersonCommand:
    # What came with the click is not believed.
    return cast(PersonCommand, command.model_copy(update={"over_limit": over_limit}))


def _decided(outcome: tuple[ev.Event, ...]) -> int:
    taken = (event.decision for event in outcome if isinstance(event, ev.Decided))
    return sum(_weight(decision) for decision in taken)


def _weight(decision: Decision) -> int:
    """How many actions a decision takes of its person's budget.

    A ring above the limit takes nothing: somebody else has to agree to it anyway, and the same
    person's next small decisions should not wait for that.
    """
    if decision.ring is None:
        return len(decision.actions)
    return 0 if decision.over_limit else decision.ring.count * len(decision.actions)
