"""Ids of cases, appeals and workflows, derived from stable parts."""

import hashlib
from datetime import datetime

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _digest(*parts: str) -> bytes:
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).digest()


def _base32(raw: bytes, characters: int) -> str:
    number = int.from_bytes(raw, "big")
    return "".join(_CROCKFORD[(number >> (5 * place)) & 31] for place in range(characters))


def case_id(seed: str, attempt: int = 0) -> str:
    """A case id from a seed unique to the case: `K` and 8 Crockford characters.

    40 bits collide among a million cases: the ledger claims the id, and `attempt` counts the
    candidates.
    """
    return "K" + _base32(_digest(seed, str(attempt)), 8)


def bulk_id(*seed: str) -> str:
    """The id of a bulk decision's subjects: `R` and 12 Crockford characters."""
    return "R" + _base32(_digest(*seed), 12)


def case_workflow_id(playbook: str, group: tuple[str, ...]) -> str:
    """The workflow id of the open case of an alert group."""
    return f"case/{playbook}/{_base32(_digest(playbook, *group), 16)}"


def closed_workflow_id(case: str) -> str:
    """The workflow id of a closed case that is continued (undo, late clicks, lifts)."""
    return f"case/{case}"


def appeal_id(source: str, id_: str) -> str:
    """An appeal's id: `A` and 12 Crockford characters, the same for every delivery."""
    return "A" + _base32(_digest("appeal", source, id_), 12)


def storm_workflow_id(channel: str) -> str:
    """The workflow id of a channel's storm."""
    return f"storm/{channel}"


def feedback_workflow_id(detector: str) -> str:
    """The workflow id of the feedback to a detector."""
    return f"detector/{detector}/feedback"


def feedback_id(detector: str, alert: str, case: str, version: int) -> str:
    """The id of a message about an alert, the same for every attempt: `fb_` and 32 characters."""
    return FEEDBACK + _base32(_digest(detector, alert, case, str(version)), 32)


FEEDBACK = "fb_"
"""How the ids of feedback begin: no request to Koban may have such a `webhook-id`."""


def appeal_workflow_id(appeal: str) -> str:
    """The workflow id of an appeal."""
    return f"appeal/{appeal}"


def enforcement_workflow_id(case: str, decision: str, place: int | None = None) -> str:
    """The workflow id of an enforcement; of a bulk decision, that of the subject at `place`."""
    workflow_id = f"enforcement/{case}/{decision}"
    return workflow_id if place is None else f"{workflow_id}/{place}"


def breaker_workflow_id(scope: str, tripped_at: datetime) -> str:
    """The workflow id of the announcement of a tripped breaker, by its `Scope.key`."""
    return f"breaker/{scope}/{tripped_at.isoformat()}"


def policy_workflow_id(record: int, version: str) -> str:
    """The Temporal id of the messages about a record of the policy."""
    return f"policy/{record}/{version}"
