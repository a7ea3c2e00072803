"""Rows of the ledger, from what a workflow writes: pure."""

from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from activities.ledger.chain import Link, hash_of
from workflows.appealing.ports import AppealRow
from workflows.domain.alert import Alert
from workflows.domain.appealing.events import AppealRecorded
from workflows.domain.events import Recorded
from workflows.domain.memory import CardRef, Memory
from workflows.domain.projection import ActionRow, CaseRow

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


def case_values(row: CaseRow) -> dict[str, Any]:
    """The columns of a case but for its card and its snapshot."""
    same = row.model_dump(exclude={"subject", "approval", "title"})
    pending = row.approval
    return {
        **{name: _plain(value) for name, value in same.items()},
        "title": row.title.model_dump(),
        "subject_type": row.subject.type,
        "subject_id": row.subject.id,
        "approval_expires_at": pending.expires_at if pending else None,
        "approvers": [role.value for role in pending.approvers] if pending else [],
        "approval_purpose": pending.purpose.value if pending else None,
        "approval_barred": list(pending.barred) if pending else None,
    }


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, StrEnum) else value


def snapshot_of(memory: Memory) -> dict[str, Any]:
    """The state that wakes a closed case up; its policy is stored once a version."""
    return storable(memory.model_dump(mode="json", exclude={"policy"}))  # type: ignore[no-any-return]


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


def action_values(case: str, row: ActionRow) -> dict[str, Any]:
    """The columns of one action."""
    return {
        "case_id": case,
        "decision_id": row.decision,
        "action": row.action,
        "subject_type": row.subject.type,
        "subject_id": row.subject.id,
        "status": row.status.value,
        "until": row.until,
        "decided_by": row.decided_by,
        "decided_at": row.decided_at,
        "problem": row.problem.model_dump(mode="json") if row.problem else None,
        "version": row.version,
    }


def appeal_values(row: AppealRow, card: CardRef | None) -> dict[str, Any]:
    """The columns of an appeal."""
    same = row.model_dump(exclude={"subject", "case", "decision"})
    return {
        **{name: _plain(value) for name, value in same.items()},
        "case_id": row.case,
        "decision_id": row.decision,
        "subject_type": row.subject.type if row.subject else None,
        "subject_id": row.subject.id if row.subject else None,
        "statement": storable(row.statement),
        "reason": storable(row.reason) or None,
        "card_channel": card.channel if card else None,
        "card_ts": card.ts if card else None,
    }
