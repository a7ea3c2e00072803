"""Hidden evidence: the ledger counts it first, then the case decides, and only then it is shown."""

from collections.abc import Coroutine, Iterator
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import FailureError

from workflows.casework.evidence_ports import Exposing, ShowEvidence, expose, show_evidence
from workflows.casework.patience import quickly
from workflows.casework.screen import answer
from workflows.domain.case import decide
from workflows.domain.case_state import Case
from workflows.domain.commands import Click, RevealEvidence
from workflows.domain.exposure import Exposed
from workflows.domain.memory import CardRef
from workflows.domain.refusal import Reason, Refusal
from workflows.domain.rules.revealing import cap
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


async def exposed(case: Case, command: RevealEvidence) -> RevealEvidence | Refusal:
    """The command with what the ledger knows; who may not look at all is not counted.

    Raises `FailureError`.
    """
    bare = command.model_copy(update={"exposed": None})  # what came with the click is not believed
    outcome = decide(case, bare, workflow.now())
    if isinstance(outcome, Refusal) and outcome.reason is not Reason.NOT_SHOWN:
        return outcome
    rule, now = cap(case), workflow.now()
    known: Exposed = await quickly(
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
    click: Click, refusal: Refusal | None, case: Case | None, card: CardRef | None
) -> Iterator[Coroutine[Any, Any, None]]:
    """What its person is shown of a click: why not, or what they asked to see.

    Of everything else that was carried out the card tells.
    """
    if isinstance(click.command, RevealEvidence):
        yield reveal(click, refusal, case, card)
    elif refusal is not None:
        yield answer(click, refusal, case, card)


async def reveal(
    click: Click, refusal: Refusal | None, case: Case | None, card: CardRef | None
) -> None:
    """Shows what was granted; the person hears of it in words where that can't be done."""
    command = click.command
    assert isinstance(command, RevealEvidence)
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
