"""Bulk members: the subjects of a bulk decision are read beside the case, which takes seconds."""

from collections.abc import Callable
from datetime import datetime

from temporalio.exceptions import FailureError

from workflows.activity_options import execute
from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import MOST, Bulk
from workflows.domain.case.commands import Click, DecideBulk
from workflows.domain.case.decide import decide
from workflows.domain.case.decision import Decision
from workflows.domain.case.enforcement import Ask, terms_of
from workflows.domain.case.model import Case
from workflows.domain.case.notices import notice_of
from workflows.domain.case.planning import target
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.rules.bulk import type_of
from workflows.domain.case.rules.enforcement import proof_of
from workflows.domain.ids import bulk_id
from workflows.ports.bulk import BulkJob, BulkPort, BulkRequest, BulkStart
from workflows.shared.authorize import Authorized
from workflows.shared.tasks import Tasks

_TYPES = 20
_MOST_IDS = 2 * MOST


class FoundMembers(Authorized[Click]):
    """Authorized click with its subjects read."""


class BulkMembers:
    """Bulk decisions of one case, which wait for their subjects."""

    def __init__(
        self,
        tasks: Tasks,
        refuse: Callable[[Click, Refusal], None],
        requeue: Callable[[Authorized[Click]], None],
    ) -> None:
        """`refuse` answers a refused click, `requeue` queues one that can be decided."""
        self._tasks = tasks
        self._refuse = refuse
        self._requeue = requeue

    def intercepts(self, case: Case, authorized: Authorized[Click], now: datetime) -> bool:
        """Whether the click waits for its subjects, or was already refused."""
        wants = isinstance(authorized.click.command, DecideBulk)
        if not wants or isinstance(authorized, FoundMembers):
            return False
        refusal = _refused_anyway(case, authorized, now)
        if refusal is not None:
            self._refuse(authorized.click, refusal)
        else:
            self._tasks.run(self._gather(case, authorized))
        return True

    async def _gather(self, case: Case, authorized: Authorized[Click]) -> None:
        command = _bare(authorized)
        try:
            bulk = await _read(case, command, authorized.click.id)
        except FailureError:
            self._refuse(authorized.click, Refusal(reason=Reason.BULK_UNREAD))
            return
        read = command.model_copy(update={"bulk": bulk})
        click = authorized.click.model_copy(update={"command": read})
        self._requeue(FoundMembers(click, authorized.at))


def _refused_anyway(case: Case, authorized: Authorized[Click], now: datetime) -> Refusal | None:
    """Returns the refusal that no reading of subjects would change."""
    outcome = decide(case, _bare(authorized), now)
    unread = isinstance(outcome, Refusal) and outcome.reason is Reason.BULK_UNREAD
    return None if unread or not isinstance(outcome, Refusal) else outcome


async def _read(case: Case, command: DecideBulk, click: str) -> Bulk:
    """Reads the subjects into the ledger. Raises `FailureError`."""
    type_ = type_of(case, command.actions)
    assert isinstance(type_, str)
    ask = BulkRequest(
        # One press has one set of subjects, however often they are read.
        id=bulk_id(case.id, click),
        case=case.id,
        type=type_,
        starts=_starts(case, command.version),
        sources=command.sources,
        ids=command.ids[:_MOST_IDS],
        exempt=_exempt(case, type_),
    )
    return await execute(BulkPort.bulk_of, ask, rank=case.severity.rank)


def _exempt(case: Case, type_: str) -> frozenset[str]:
    limits = case.policy.limits
    entries = limits.exempt if limits is not None else ()
    return frozenset(each.subject.key for each in entries if each.type == type_)


def _bare(authorized: Authorized[Click]) -> DecideBulk:
    """Returns the command without subjects or a limit of its own, which are not trusted."""
    command = authorized.click.command
    assert isinstance(command, DecideBulk)
    return command.model_copy(update={"bulk": None, "over_limit": False})


def _starts(case: Case, version: int | None) -> dict[str, Subject]:
    types = {case.subject.type, *(each.subject.type for each in case.sightings)}
    found = ((each, target(case, each, version)) for each in sorted(types)[:_TYPES])
    return {type_: subject for type_, subject in found if subject is not None}


def bulk_start(
    case: Case,
    workflow_id: str,
    undo: bool,
    actor: str | None,
    asks: tuple[Ask, ...],
    decision: Decision | None = None,
) -> BulkStart:
    """Returns the start of a `BulkWorkflow`, by default of the last decision.

    It is `fresh` if none ran before.
    """
    decision = decision or case.decision
    assert decision is not None
    assert decision.bulk is not None
    state, specs = case.bulk_decisions[decision.id], case.policy.catalog.actions
    proof = proof_of(case, decision.id, by=decision.by, undo=undo, dry_run=decision.dry_run)
    return BulkStart(
        case=case.id,
        workflow_id=workflow_id,
        decision=decision.id,
        actor=actor,
        bulk=decision.bulk.id,
        count=decision.bulk.count,
        jobs=tuple(
            BulkJob(
                action=each.action,
                lasts=each.lasts,
                terms=terms_of(specs[each.action]),
                proof=proof,
            )
            for each in decision.actions
        ),
        rank=case.severity.rank,
        conduct=decision.conduct,
        dry_run=decision.dry_run,
        notice=notice_of(case, decision),
        fresh=state.tally.step == 0 and not undo and not asks,
        undo=undo,
        stopped=undo or state.stopped_by is not None,
        began=next((each.began for each in case.actions_of(decision.id)), None),
        asks=asks,
        step=state.tally.step,
    )
