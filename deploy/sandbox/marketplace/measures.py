"""Measures of the marketplace and the fields that show them, as data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
Shows = Callable[[Sequence[Row]], Row]


@dataclass(frozen=True)
class Measure:
    """One kind of measure. `shows` makes fields of a thing from its measures in force."""

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


# Where two measures show in the same field, the one further down wins.
MEASURES: dict[str, dict[str, Measure]] = {
    "users": {
        "warnings": Measure(lambda active: {"warnings": len(active)}),
        "mutes": Measure(_until("muted", "muted_until")),
        "payout-holds": Measure(_flag("payout_held")),
        "bid-limits": Measure(_flag("bidding_limited")),
        "suspensions": Measure(_status("suspended")),
        "bans": Measure(_status("banned")),
    },
    "messages": {"hide": Measure(_flag("hidden"))},
    "listings": {"pause": Measure(_paused), "removals": Measure(_removed)},
    "streams": {
        "slow-mode": Measure(_flag("slow_mode")),
        "pause": Measure(_paused),
        "end": Measure(_status("ended"), undo=False),
    },
    "auctions": {"bid-cancellations": Measure(_flag("bids_cancelled"))},
    "orders": {},
}
PERSONAL = frozenset({"email", "phone", "device_id", "bank_hash", "address_hash"})
"""Fields that the panel never shows."""
