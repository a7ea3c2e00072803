"""Hidden evidence: the ledger counts it first, then the case decides, and only then it is shown."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar, cast

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.activity_options import LEDGER_PRESS, ROLES_LATER, execute
from workflows.domain.appeal.commands import AppealClick
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.commands import Click, Grant, PersonCommand, RevealEvidence
from workflows.domain.case.decide import decide
from workflows.domain.case.decision import Decision
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.rules.evidence import cap
from workflows.domain.case.snapshot import CardRef
from workflows.domain.people import Actor
from workflows.ports import cases
from workflows.ports.cases import RolesAsk, Spending
from workflows.ports.evidence import RevealRequest, ShowEvidence, expose, show_evidence
from workflows.shared.slack_sync import answer

_PATIENCE = timedelta(seconds=75)
"""Nobody looks at a modal that says "loading" for longer."""
_NO_CAP = timedelta(hours=24)
"""What counts as seen already where the policy has no cap."""


async def exposed(case: Case, command: RevealEvidence, now: datetime) -> RevealEvidence | Refusal:
    """The command with what the ledger knows; who may not look at all is not counted.

    Raises `FailureError`.
    """
    bare = command.model_copy(update={"exposed": None})  # what came with the click is not believed
    outcome = decide(case, bare, now)
    if isinstance(outcome, Refusal) and outcome.reason is not Reason.NOT_SHOWN:
        return outcome
    rule = cap(case)
    known = await execute(
        expose,
        RevealRequest(
            person=command.by.id,
            case=case.id,
            alert=command.alert_key,
            item=command.item,
            at=now,
            since=now - (rule.within if rule else _NO_CAP),
            most=rule.reveals if rule else None,
        ),
    )
    return command.model_copy(update={"exposed": known})


def answers(
    click: Click,
    refusal: Refusal | None,
    case: Case | None,
    card: CardRef | None,
    is_written: Callable[[int], bool],
) -> Iterator[Coroutine[Any, Any, None]]:
    """The answer to a press that its person alone sees: why not, or what they asked to see.

    `is_written` tells whether the ledger has a version of the case. The card shows everything else.
    """
    if isinstance(click.command, RevealEvidence):
        yield reveal(click, refusal, case, card, is_written)
    elif refusal is not None:
        yield answer(click, refusal, case, card)


async def reveal(
    click: Click,
    refusal: Refusal | None,
    case: Case | None,
    card: CardRef | None,
    is_written: Callable[[int], bool],
) -> None:
    """Shows what was granted, once the ledger has it; says in words where that can't be done."""
    command = click.command
    assert isinstance(command, RevealEvidence)
    if refusal is None and case is not None:
        version = case.version
        with suppress(TimeoutError):  # the activity finds no record, and shows nothing
            await workflow.wait_condition(lambda: is_written(version), timeout=_PATIENCE)
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
        await execute(show_evidence, wanted)
    except FailureError:
        await answer(click, refusal or Refusal(reason=Reason.NOT_SHOWN), case, card)


FRESH = timedelta(seconds=60)
"""How old the roles that come with a press may be when it is decided."""

PEOPLE = 100
"""People of one case whose roles are remembered."""

_SKEW = timedelta(seconds=5)
"""By how much the clock of the process that took the press may be ahead."""
_BY_APPROVERS = cmd.Approve | cmd.Reject | cmd.AskRequester

C = TypeVar("C", Click, AppealClick)


@dataclass(frozen=True)
class Authorized(Generic[C]):
    """A click with its person's roles, as they were known `at` that time."""

    click: C
    at: datetime


class Authorizer:
    """The roles of people who press, read at most `FRESH` ago; a person is asked about once."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}

    def known(self, click: C, now: datetime) -> Authorized[C] | None:
        """The click with roles that are fresh; None where they have to be asked for.

        They are too old, or the press came from elsewhere. Approvers are always asked for: what
        they agree to can't be taken back.
        """
        if isinstance(click.command, _BY_APPROVERS):
            return None
        grants = (click.grant, self._grants.get(click.command.by.id))
        fresh = (each for each in grants if each is not None and is_fresh(each, now))
        found = next(fresh, None)
        return None if found is None else _with(click, found, now)

    async def ask(self, click: C) -> Authorized[C]:
        """The click with roles that are asked for once. Raises `FailureError`."""
        return self._noted(click, await execute(cases.roles_of, _wanted(click)))

    def counts(self, known: Authorized[C], now: datetime) -> bool:
        """Whether the roles may still be acted upon: the press may have waited since."""
        return now - known.at <= FRESH

    async def ask_in_time(self, known: Authorized[C]) -> Authorized[C]:
        """Asks for as long as a press may wait. Raises `FailureError`."""
        click = known.click
        grant = await execute(cases.roles_of, _wanted(click), ROLES_LATER)
        noted = self._noted(click, grant)
        return replace(known, click=noted.click, at=noted.at)

    def _noted(self, click: C, grant: Grant) -> Authorized[C]:
        if len(self._grants) >= PEOPLE:
            self._grants.clear()
        self._grants[click.command.by.id] = grant
        return _with(click, grant, workflow.now())


def is_fresh(grant: Grant, now: datetime) -> bool:
    """Whether roles may still be acted upon."""
    return -_SKEW <= now - grant.as_of <= FRESH


async def completed(case: Case, command: PersonCommand, now: datetime) -> PersonCommand | Refusal:
    """The command with everything else that its rule has to know, or why that can't be known."""
    try:
        if isinstance(command, cmd.HandOver):
            return await _with_colleague(command)
        if isinstance(command, _BY_APPROVERS):
            return await _with_covers(command)
        if isinstance(command, cmd.Merge):
            return await _with_place(command)
        if isinstance(command, cmd.RevealEvidence):
            return await exposed(case, command, now)
        if isinstance(command, cmd.DecisionCommand):
            return await _with_budget(case, command, now)
    except FailureError:
        return Refusal(reason=_UNKNOWN.get(type(command), Reason.LEDGER_AWAY))
    return command


_UNKNOWN = {cmd.HandOver: Reason.ROLES_UNKNOWN, cmd.RevealEvidence: Reason.NOT_SHOWN}
"""Why a command can't be decided where its question was not answered."""


def _with(click: C, grant: Grant, at: datetime) -> Authorized[C]:
    actor = Actor(id=click.command.by.id, roles=frozenset(grant.roles))
    command = click.command.model_copy(update={"by": actor})
    return Authorized(click.model_copy(update={"command": command}), at)


def _wanted(click: Click | AppealClick) -> RolesAsk:
    approves = isinstance(click.command, _BY_APPROVERS)
    return RolesAsk(person=click.command.by.id, approves=approves)


async def _with_colleague(command: cmd.HandOver) -> cmd.HandOver:
    grant = await execute(cases.roles_of, RolesAsk(person=command.to.id))
    to = Actor(id=command.to.id, roles=frozenset(grant.roles))
    return command.model_copy(update={"to": to})


async def _with_covers(command: PersonCommand) -> PersonCommand:
    covers = await execute(cases.covers_of, command.by.id)
    by = command.by.model_copy(update={"covers": covers})
    return command.model_copy(update={"by": by})


async def _with_place(command: cmd.Merge) -> cmd.Merge:
    place = await execute(cases.place_of, command.into, LEDGER_PRESS)
    if place is None or not place.open:
        return command.model_copy(update={"subject": None, "workflow_id": ""})
    return command.model_copy(update={"subject": place.subject, "workflow_id": place.workflow_id})


async def _with_budget(
    case: Case, command: cmd.DecisionCommand, now: datetime
) -> PersonCommand | Refusal:
    """Books a decision on its person's budget, or says why it is refused anyway.

    That counts also where the case would take it a moment later: nothing is booked for it.
    """
    limits = case.policy.limits
    plain = _plain(command, False)
    if limits is None or limits.velocity is None:
        return plain
    outcome = decide(case, plain, now)
    if isinstance(outcome, Refusal):
        return outcome
    actions = _decided(outcome)
    if not actions:
        return plain
    spent = await execute(
        cases.spend,
        Spending(
            key=f"{case.id}/D{len(case.decisions) + 1}/{command.by.id}",
            person=command.by.id,
            actions=actions,
            at=now,
            since=now - limits.velocity.within,
        ),
    )
    return _plain(command, spent > limits.velocity.actions)


def _plain(command: cmd.DecisionCommand, over_limit: bool) -> PersonCommand:
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
    if decision.bulk is None:
        return len(decision.actions)
    return 0 if decision.over_limit else decision.bulk.count * len(decision.actions)
