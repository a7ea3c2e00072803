"""Hidden evidence: the ledger counts it first, then the case decides, and only then it is shown."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import FailureError

from workflows.casework.evidence_ports import Exposing, ShowEvidence, expose, show_evidence
from workflows.casework.ledger_calls import ask
from workflows.casework.screen import answer
from workflows.domain.case.commands import Click, RevealEvidence
from workflows.domain.case.decide import decide
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.rules.evidence import cap
from workflows.domain.case.snapshot import CardRef
from workflows.queues import slack_queue

_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=5)
)
_ONE_TRY = timedelta(seconds=30)
"""Fetching an image takes 10 s at most, and Slack some for each step of an upload."""
_MISSED = timedelta(seconds=10)
"""When a try whose worker was killed is tried again."""
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
    known = await ask(
        expose,
        Exposing(
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
        await workflow.execute_activity(
            show_evidence,
            wanted,
            task_queue=slack_queue(workflow.info().task_queue),
            start_to_close_timeout=_ONE_TRY,
            heartbeat_timeout=_MISSED,
            schedule_to_close_timeout=_PATIENCE,
            retry_policy=_RETRY,
            priority=Priority(priority_key=1),
        )
    except FailureError:
        await answer(click, refusal or Refusal(reason=Reason.NOT_SHOWN), case, card)
