"""Rows of the ledger, converted from and to the domain, and the hash chain over its events."""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa

from workflows.domain.alerts import Alert, Subject
from workflows.domain.appeal.events import AppealRecorded
from workflows.domain.brakes import content_digest
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.events import Recorded
from workflows.domain.case.projection import ActionRow, CaseRow, SnoozeRow
from workflows.domain.case.snapshot import CardRef, CaseSnapshot
from workflows.domain.values import Value
from workflows.ports.appeals import AppealRow

# `hash = SHA-256(canonical JSON of [prev_hash, case_id, seq, at, kind, actor, data_digest])`, in
# lower hex; `at` is ISO 8601 in UTC with microseconds; the JSON has sorted keys, no spaces and only
# ASCII. `data_digest = SHA-256(canonical JSON of [salt, data])`: with salt and data erased, the
# chain still verifies, and nobody can guess the data by trying.

GENESIS = "0" * 64
"""`prev_hash` of the first event of a case."""


@dataclass(frozen=True)
class Link:
    """One event of the chain."""

    case_id: str
    seq: int
    at: datetime
    kind: str
    actor: str | None
    data: dict[str, Any] | None
    salt: str | None
    data_digest: str
    prev_hash: str
    hash: str

    @property
    def intact(self) -> bool:
        """Whether data and salt are those that the hash covers."""
        return self.data_digest == digest_of(self.salt, self.data)


@dataclass(frozen=True)
class Broken:
    """The first broken place of a chain, and the reason."""

    case_id: str
    seq: int
    why: str


def new_salt() -> str:
    """A random salt of 128 bits in hex."""
    return secrets.token_hex(16)


def digest_of(salt: str | None, content: Any) -> str:
    """The SHA-256 in hex of JSON content with its salt; None: what is left after an erasure."""
    return sha256_of([salt, content])


def hash_of(link: Link) -> str:
    """The expected hash of `link`."""
    at = iso(link.at)
    return sha256_of(
        [link.prev_hash, link.case_id, link.seq, at, link.kind, link.actor, link.data_digest]
    )


def iso(at: datetime) -> str:
    """ISO 8601 in UTC with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def sha256_of(content: Any) -> str:
    """The SHA-256 in hex of the canonical JSON."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def first_break(links: Iterable[Link], erased: Mapping[int, str] | None = None) -> Broken | None:
    """The first break in the chain of one case, given in order; None where it is intact.

    `erased` has the digest of what is left of each event that was erased, by its seq.
    """
    previous = GENESIS
    for place, link in enumerate(links, start=1):
        if link.seq != place:
            return Broken(link.case_id, place, "an event is missing")
        if link.prev_hash != previous:
            return Broken(link.case_id, link.seq, "it does not follow the previous event")
        if link.hash != hash_of(link):
            return Broken(link.case_id, link.seq, "it was changed")
        if not link.intact and (erased or {}).get(link.seq) != digest_of(link.salt, link.data):
            return Broken(link.case_id, link.seq, "its data was changed or removed")
        previous = link.hash
    return None


R = TypeVar("R", Recorded, AppealRecorded)


def storable(value: Any) -> Any:
    """`value` with NUL replaced by U+2400: PostgreSQL can't store NUL in text."""
    # A search in the JSON is much faster than a walk over every part, and NUL is rare.
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
    """The columns of an alert."""
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
        "content": content_digest(alert),
    }


def case_values(row: CaseRow) -> dict[str, Any]:
    """The columns of a case, without card and snapshot."""
    pending = row.approval
    return {
        **_columns(row, without={"subject", "approval", "title"}),
        "title": row.title.model_dump(),
        "subject_type": row.subject.type,
        "subject_id": row.subject.id,
        "approval_expires_at": pending.expires_at if pending else None,
        "approvers": [role.value for role in pending.approvers] if pending else [],
        "approval_purpose": pending.purpose.value if pending else None,
        "approval_barred": list(pending.barred) if pending else None,
    }


def _columns(row: Value, without: set[str]) -> dict[str, Any]:
    dumped = row.model_dump(exclude=without).items()
    return {key: each.value if isinstance(each, StrEnum) else each for key, each in dumped}


def snapshot_values(snapshot: CaseSnapshot) -> dict[str, Any]:
    """The JSON of a snapshot; its policy is stored once per version."""
    return storable(snapshot.model_dump(mode="json", exclude={"policy"}))  # type: ignore[no-any-return]


def link_after(
    case: str, recorded: Recorded | AppealRecorded, prev_hash: str, salt: str | None = None
) -> Link:
    """The event as the next link in the chain of its case or appeal, with a new salt if None."""
    data = storable(recorded.event.model_dump(mode="json", exclude={"kind", "at", "by"}))
    salt = salt or new_salt()
    link = Link(
        case_id=case,
        seq=recorded.seq,
        at=recorded.event.at,
        kind=recorded.event.kind,
        actor=recorded.event.by,
        data=data,
        salt=salt,
        data_digest=digest_of(salt, data),
        prev_hash=prev_hash,
        hash="",
    )
    return Link(**{**vars(link), "hash": hash_of(link)})


def recorded_of(row: Any, kind: type[R]) -> R:
    """The event of a row. Raises `ValidationError` where it was erased."""
    event = {**(row.data or {}), "kind": row.kind, "at": row.at, "by": row.actor}
    return kind.model_validate({"seq": row.seq, "event": event})


def action_values(case: str, row: ActionRow) -> dict[str, Any]:
    """The columns of one action."""
    return {
        **_columns(row, without={"decision", "subject", "problem"}),
        "case_id": case,
        "decision_id": row.decision,
        "subject_type": row.subject.type,
        "subject_id": row.subject.id,
        "problem": row.problem.model_dump(mode="json") if row.problem else None,
    }


def snooze_values(case: str, subject: Subject, row: SnoozeRow) -> dict[str, Any]:
    """The columns of a snooze of a detector for the subject of a case."""
    return {
        **_columns(row, without=set()),
        "case_id": case,
        "subject_type": subject.type,
        "subject_id": subject.id,
    }


def appeal_values(row: AppealRow, card: CardRef | None) -> dict[str, Any]:
    """The columns of an appeal, without those of an unknown card."""
    return {
        **_columns(row, without={"subject", "case", "decision"}),
        "case_id": row.case,
        "decision_id": row.decision,
        "subject_type": row.subject.type if row.subject else None,
        "subject_id": row.subject.id if row.subject else None,
        "statement": storable(row.statement),
        "reason": storable(row.reason) or None,
        **({"card_channel": card.channel, "card_ts": card.ts} if card else {}),
    }


def subject_of(row: sa.RowMapping) -> Subject:
    """The subject of a case, an action or a member."""
    return Subject(type=row["subject_type"], id=row["subject_id"])


def card_of(row: sa.RowMapping) -> CardRef | None:
    """The card of a case or an appeal."""
    channel, ts = row["card_channel"], row["card_ts"]
    return CardRef(channel=channel, ts=ts) if channel and ts else None


def status_values(statuses: Iterable[ActionStatus]) -> list[str]:
    """The statuses as the database has them."""
    return sorted(status.value for status in statuses)
