"""Projection of a case: the rows that the ledger keeps beside its events."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from workflows.domain.alerts import Subject
from workflows.domain.case.approval import Approval, Purpose, missing
from workflows.domain.case.bulk import BULK
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import ActionState, ActionStatus, Problem
from workflows.domain.case.events import DetectorSnoozed, Recorded, SnoozeEnded
from workflows.domain.case.model import UNDECIDED, Case, HoldKind, Phase
from workflows.domain.case.rules.approvals import cannot_agree
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import Text, Value, derive


class PendingApproval(Value):
    """A pending approval until `expires_at`."""

    purpose: Purpose
    expires_at: datetime
    approvers: tuple[Role, ...]
    barred: tuple[str, ...]


class CaseRow(Value):
    """The case as of `version`, without its policy. Due times are absent while clocks pause."""

    id: str
    workflow_id: str
    playbook: str
    policy_version: str
    title: Text
    channel: str
    subject: Subject
    severity: Severity
    phase: Phase
    version: int
    alerts: int
    opened_at: datetime
    owner: str | None = None
    decider: str | None = None
    claim_due: datetime | None = None
    decide_due: datetime | None = None
    approval: PendingApproval | None = None
    hold: HoldKind | None = None
    hold_until: datetime | None = None
    closed_at: datetime | None = None
    verdict: Verdict | None = None


class ActionRow(Value):
    """One action as of the case's `version`."""

    decision: str
    action: str
    subject: Subject
    status: ActionStatus
    version: int
    until: datetime | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    problem: Problem | None = None
    life: int = 1

    @property
    def key(self) -> tuple[str, str, str]:
        """The key of the action within its case."""
        return self.decision, self.action, self.subject.key


def case_row(case: Case) -> CaseRow:
    """The row of `case` as it is now."""
    playbook = case.policy.playbook
    running = case.phase in UNDECIDED and not case.paused
    pending = case.approval if case.approval and case.approval.pending else None
    return derive(
        CaseRow,
        case,
        playbook=playbook.playbook,
        policy_version=case.policy.version,
        title=playbook.title,
        channel=playbook.channel,
        decider=case.decision.by if case.decision else None,
        claim_due=case.clock.claim if running else None,
        decide_due=case.clock.decide if running else None,
        approval=None if pending is None else _pending(case, pending),
        hold=case.hold.kind if case.hold else None,
        hold_until=case.hold.until if case.hold else None,
    )


def _pending(case: Case, approval: Approval) -> PendingApproval:
    question = approval.question
    # While a question waits, the approval's time is paused.
    expiry = approval.expires_at if question is None else question.until + question.left
    return PendingApproval(
        purpose=approval.purpose,
        expires_at=expiry,
        approvers=tuple(need.role for need in missing(approval)),
        barred=tuple(sorted(cannot_agree(case, approval))),
    )


def action_rows(case: Case) -> Iterator[ActionRow]:
    """The rows of the case's own actions.

    A decision that waits for its approval has none, so that it does not look like a sanction. A
    bulk decision has rows of its own for each subject.
    """
    unapproved = case.pending(Purpose.DECISION)
    waiting = case.approval.decision if case.approval and unapproved else None
    for state in case.actions:
        if state.decision != waiting and state.planned.subject.type != BULK:
            yield _action_row(case, state)


def _action_row(case: Case, state: ActionState) -> ActionRow:
    decision = next((d for d in case.decisions if d.id == state.decision), None)
    return derive(
        ActionRow,
        state,
        action=state.planned.action,
        subject=state.planned.subject,
        version=case.version,
        decided_by=decision.by if decision else None,
        decided_at=decision.at if decision else None,
    )


class SnoozeRow(Value):
    """A snooze of a detector. `number` is the `seq` of its event; a longer one ends it as well."""

    number: int
    detector: str
    severity: Severity
    actor: str
    at: datetime
    until: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None


def snooze_rows(happened: Iterable[Recorded]) -> tuple[SnoozeRow, ...]:
    """The rows of all snoozes in a case, by its events in their order."""
    rows: list[SnoozeRow] = []
    for each in happened:
        event = each.event
        if isinstance(event, DetectorSnoozed | SnoozeEnded):
            rows = [_ended(row, event) for row in rows]
        if isinstance(event, DetectorSnoozed):
            row = derive(SnoozeRow, event, number=each.seq, actor=event.by or "", **_NOT_ENDED)
            rows.append(row)
    return tuple(rows)


_NOT_ENDED = {"ended_at": None, "ended_by": None}


def _ended(row: SnoozeRow, event: DetectorSnoozed | SnoozeEnded) -> SnoozeRow:
    """The row after a later event, which ends it if it is about the same detector."""
    over = row.ended_at is not None or row.until <= event.at
    if over or row.detector != event.detector:
        return row
    return row.model_copy(update={"ended_at": event.at, "ended_by": event.by})
