"""Notices of an appeal: the answer goes to the case, the notices to the person."""

import asyncio
from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.activity_options import start
from workflows.domain.appeal.commands import NoteNotice
from workflows.domain.appeal.model import Appeal
from workflows.domain.case.appeal_outcome import AppealAnswer, AppealOutcome
from workflows.domain.case.enforcement import Problem, ProblemKind
from workflows.domain.policy.appeals import NoticeKind
from workflows.enforcement.platform_calls import problem_of
from workflows.ports.appeals import AppealPort, AppealStart, Notice
from workflows.shared.signals import signal_or_deliver


async def answer_case(appeal: Appeal) -> None:
    """Sends the answer to the case, and wakes a closed one."""
    found = appeal.appealed
    assert found is not None
    assert found.decision is not None
    assert appeal.outcome is not None
    assert appeal.answered_by is not None
    assert appeal.answered_at is not None
    answer = AppealAnswer(
        appeal=appeal.id,
        case=found.case,
        decision=found.decision.id,
        outcome=AppealOutcome(appeal.outcome),
        by=appeal.answered_by,
        at=appeal.answered_at,
        reason=appeal.reason,
    )
    await signal_or_deliver(found.workflow_id, answer)


async def send_notice(
    start: AppealStart, appeal: Appeal, kind: NoticeKind, overtaken: Callable[[], bool]
) -> NoteNotice:
    """Sends one notice, and returns that it was sent or its problem.

    A notice that is `overtaken` by the next one is not retried: the answer must not wait for the
    confirmation of receipt, nor come before it.
    """
    text, call = appeal.rules.notices.text(kind), start.notice
    person = appeal.person(call.subject) if call is not None else None
    if text is None or call is None or person is None:
        return NoteNotice(notice=kind, problem=Problem(kind=ProblemKind.UNUSABLE_SUBJECT))
    decision = appeal.appealed.decision if appeal.appealed else None
    notice = Notice(
        appeal=appeal.id,
        case=appeal.request.case,
        decision=decision.id if decision else appeal.request.decision,
        kind=kind,
        text=text,
        reason=appeal.reason,
        person=person,
    )
    return NoteNotice(notice=kind, problem=await _send(notice, overtaken))


async def _send(notice: Notice, overtaken: Callable[[], bool]) -> Problem | None:
    sending = start(AppealPort.send_notice, notice)
    watch = asyncio.create_task(workflow.wait_condition(overtaken))
    done, _ = await workflow.wait([sending, watch], return_when=asyncio.FIRST_COMPLETED)
    watch.cancel()
    if sending not in done:
        sending.cancel()  # takes effect after the attempt under way
    try:
        return await sending
    except FailureError as error:
        return problem_of(error)
    except asyncio.CancelledError:
        return problem_of(None)
