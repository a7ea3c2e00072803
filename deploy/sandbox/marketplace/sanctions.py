"""Sanctions of the marketplace and the fields that show them, as data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
Shows = Callable[[Sequence[Row]], Row]


@dataclass(frozen=True)
class Sanction:
    """One kind of sanction. `shows` returns a thing's fields from its sanctions in force."""

    shows: Shows
    undo: bool = True


def _flag(name: str) -> Shows:
    return lambda active: {name: bool(active)}


def _until(flag: str, until: str) -> Shows:
    def shows(active: Sequence[Row]) -> Row:
        times = [row["until"] for row in active if row["until"]]
        return {flag: bool(active), until: max(times, default=None)}

    return shows


def _status(status: str) -> Shows:
    return lambda active: {"status": status} if active else {}


def _paused(active: Sequence[Row]) -> Row:
    return {"paused": True, "status": "paused"} if active else {"paused": False}


def _removed(active: Sequence[Row]) -> Row:
    return {"removed": True, "status": "removed"} if active else {"removed": False}


# If two sanctions set the same field, the later one wins.
SANCTIONS: dict[str, dict[str, Sanction]] = {
    "users": {
        "warnings": Sanction(lambda active: {"warnings": len(active)}),
        "support-messages": Sanction(lambda active: {"support_messages": len(active)}),
        "mutes": Sanction(_until("muted", "muted_until")),
        "payout-holds": Sanction(_flag("payout_held")),
        "bid-limits": Sanction(_flag("bidding_limited")),
        "suspensions": Sanction(_status("suspended")),
        "bans": Sanction(_status("banned")),
    },
    "messages": {"hide": Sanction(_flag("hidden"))},
    "listings": {"pause": Sanction(_paused), "removals": Sanction(_removed)},
    "streams": {
        "slow-mode": Sanction(_flag("slow_mode")),
        "pause": Sanction(_paused),
        "end": Sanction(_status("ended"), undo=False),
    },
    "auctions": {"bid-cancellations": Sanction(_flag("bids_cancelled"))},
    "orders": {},
}
PERSONAL = frozenset({"email", "phone", "device_id", "bank_hash", "address_hash"})
"""Fields that the panel never shows."""
