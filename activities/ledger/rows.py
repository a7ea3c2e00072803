"""Rows of the ledger, and the hash chain over the events among them."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from workflows.domain.alerts import Alert
from workflows.domain.appeal.events import AppealRecorded
from workflows.domain.case.events import Recorded
from workflows.domain.case.projection import ActionRow, CaseRow
from workflows.domain.case.snapshot import CardRef, CaseSnapshot
from workflows.ports.appeals import AppealRow

# `hash = SHA-256(canonical JSON of [prev_hash, case_id, seq, at, kind, actor, data])`, in lower
# hex; `at` is ISO 8601 in UTC with microseconds; the JSON has sorted keys, no spaces and only
# ASCII. The first event of a case follows `GENESIS`.

GENESIS = "0" * 64
"""What the first event of a case follows."""


@dataclass(frozen=True)
class Link:
    """One event as it stands in the chain."""

    case_id: str
    seq: int
    at: datetime
    kind: str
    actor: str | None
    data: dict[str, Any]
    prev_hash: str
    hash: str


@dataclass(frozen=True)
class Broken:
    """The first place where a chain does not hold, and why."""

    case_id: str
    seq: int
    why: str


def moment(at: datetime) -> str:
    """`at` as the chain writes it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def hash_of(link: Link) -> str:
    """The hash that `link` must have."""
    said = [
        link.prev_hash,
        link.case_id,
        link.seq,
        moment(link.at),
        link.kind,
        link.actor,
        link.data,
    ]
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def first_break(links: Iterable[Link]) -> Broken | None:
    """Where the chain of one case breaks first, or None. `links` come in their order."""
    previous = GENESIS
    for place, link in enumerate(links, start=1):
        if link.seq != place:
            return Broken(link.case_id, place, "an event is missing")
        if link.prev_hash != previous:
            return Broken(link.case_id, link.seq, "it does not follow the event before it")
        if link.hash != hash_of(link):
            return Broken(link.case_id, link.seq, "it was changed")
        previous = link.hash
    return None


R = TypeVar("R", Recorded, AppealRecorded)


def storable(value: Any) -> Any:
    """`value` without NUL, which PostgreSQL can't hold in text: it becomes its picture, U+2400."""
    # Nearly nothing has one, and JSON tells it much sooner than a look at every part.
    return _without_nul(value) if "\\u0000" in json.dumps(value) else value


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\u2400")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_nul(inner) for inner in value]
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


def snapshot_of(memory: CaseSnapshot) -> dict[str, Any]:
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
