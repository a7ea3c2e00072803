"""From what a case says to the rows of the ledger: pure."""

from datetime import datetime
from typing import Any, TypeVar

from activities.ledger.chain import Link, hash_of
from workflows.domain.alert import Alert
from workflows.domain.appealing.events import AppealRecorded
from workflows.domain.appealing.state import Appeal
from workflows.domain.approval import Approval, missing
from workflows.domain.case_state import UNDECIDED, Case
from workflows.domain.enforcement import ActionState
from workflows.domain.events import Recorded
from workflows.domain.memory import CardRef, Memory
from workflows.domain.rules.approving import cannot_agree

R = TypeVar("R", Recorded, AppealRecorded)


def storable(value: Any) -> Any:
    """`value` without NUL, which PostgreSQL can't hold in text: it becomes its picture, U+2400."""
    if isinstance(value, str):
        return value.replace("\x00", "\u2400")
    if isinstance(value, dict):
        return {storable(key): storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [storable(inner) for inner in value]
    return value


def alert_row(alert: Alert, case: str, received_at: datetime) -> dict[str, Any]:
    """The row of one alert, whole."""
    return {
        "detector": alert.detector,
        "alert_id": alert.id,
        "case_id": case,
        "kind": alert.kind,
        "subject_type": alert.subject.type,
        "subject_id": alert.subject.id,
        "score": alert.score,
        "occurred_at": alert.occurred_at,
        "received_at": received_at,
        "body": storable(alert.model_dump(mode="json", exclude_none=True)),
    }


def case_row(case: Case, owner_key: str, card: CardRef | None) -> dict[str, Any]:
    """The row of a case as it stands."""
    # Clocks that stand still have no time: nothing is overdue before they run again.
    running = case.phase in UNDECIDED and not case.paused
    pending = case.approval if case.approval and case.approval.pending else None
    return {
        "id": case.id,
        "owner_key": owner_key,
        "route": case.route,
        "playbook": case.policy.playbook.playbook,
        "policy_version": case.policy.version,
        "title": case.policy.playbook.title.model_dump(),
        "subject_type": case.subject.type,
        "subject_id": case.subject.id,
        "severity": case.severity.value,
        "phase": case.phase.value,
        "owner": case.owner,
        "decider": case.decision.by if case.decision else None,
        "opened_at": case.opened_at,
        "claim_due": case.clock.claim if running else None,
        "decide_due": case.clock.decide if running else None,
        **_approval_columns(case, pending),
        "hold": case.hold.kind.value if case.hold else None,
        "hold_until": case.hold.until if case.hold else None,
        "closed_at": case.closed_at,
        "verdict": case.verdict.value if case.verdict else None,
        "alerts": case.alerts,
        "version": case.version,
        "channel": case.policy.playbook.channel,
        "card_channel": card.channel if card else None,
        "card_ts": card.ts if card else None,
    }


def _approval_columns(case: Case, pending: Approval | None) -> dict[str, Any]:
    if pending is None:
        return {
            "approval_expires_at": None,
            "approvers": [],
            "approval_purpose": None,
            "approval_barred": None,
        }
    return {
        "approval_expires_at": _expiry(pending),
        "approvers": [need.role.value for need in missing(pending)],
        "approval_purpose": pending.purpose.value,
        "approval_barred": sorted(cannot_agree(case, pending)),
    }


def _expiry(approval: Approval) -> datetime:
    """When it ends at the latest: while a question waits, its time stands still."""
    question = approval.question
    return approval.expires_at if question is None else question.until + question.left


def snapshot_of(memory: Memory) -> dict[str, Any]:
    """What wakes a closed case up."""
    return storable(memory.model_dump(mode="json"))  # type: ignore[no-any-return]


def link_after(case: str, recorded: Recorded | AppealRecorded, prev_hash: str) -> Link:
    """The event as the next link of the chain of its case or appeal."""
    data = recorded.event.model_dump(mode="json", exclude={"kind", "at", "by"})
    link = Link(
        case_id=case,
        seq=recorded.seq,
        at=recorded.event.at,
        kind=recorded.event.kind,
        actor=recorded.event.by,
        data=storable(data),
        prev_hash=prev_hash,
        hash="",
    )
    return Link(**{**vars(link), "hash": hash_of(link)})


def recorded_of(row: Any, kind: type[R]) -> R:
    """An event as its workflow knows it, from its row."""
    told = {**row.data, "kind": row.kind, "at": row.at, "by": row.actor}
    return kind.model_validate({"seq": row.seq, "event": told})


def action_row(case: Case, state: ActionState) -> dict[str, Any]:
    """The row of one action as it stands."""
    decision = next((d for d in case.decisions if d.id == state.decision), None)
    return {
        "case_id": case.id,
        "decision_id": state.decision,
        "action": state.planned.action,
        "subject_type": state.planned.subject.type,
        "subject_id": state.planned.subject.id,
        "status": state.status.value,
        "until": state.until,
        "decided_by": decision.by if decision else None,
        "decided_at": decision.at if decision else None,
        "problem": state.problem.model_dump(mode="json") if state.problem else None,
        "version": case.version,
    }


def appeal_row(appeal: Appeal, card: CardRef | None) -> dict[str, Any]:
    """The row of an appeal as it stands."""
    request, found = appeal.request, appeal.appealed
    subject = request.subject or (found.subject if found else None)
    return {
        "id": appeal.id,
        "source": request.source,
        "appeal_id": request.id,
        "case_id": request.case,
        "decision_id": found.decision.id if found and found.decision else request.decision,
        "subject_type": subject.type if subject else None,
        "subject_id": subject.id if subject else None,
        "statement": storable(request.statement),
        "submitted_at": request.submitted_at,
        "received_at": appeal.received_at,
        "due_at": appeal.due_at,
        "state": appeal.state.value,
        "owner": appeal.owner,
        "outcome": appeal.outcome.value if appeal.outcome else None,
        "answered_by": appeal.answered_by,
        "answered_at": appeal.answered_at,
        "reason": storable(appeal.reason) or None,
        "version": appeal.version,
        "card_channel": card.channel if card else None,
        "card_ts": card.ts if card else None,
    }
