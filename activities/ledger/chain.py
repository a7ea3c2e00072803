"""The hash chain of a case's events: whoever changes one has to change all that follow.

`hash = SHA-256(canonical JSON of [prev_hash, case_id, seq, at, kind, actor, data])`, in lower
hex; `at` is ISO 8601 in UTC with microseconds; the JSON has sorted keys, no spaces and only
ASCII. The first event of a case follows `GENESIS`.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

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
