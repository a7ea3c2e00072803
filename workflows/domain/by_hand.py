"""Alerts that people make: who may, and what becomes of their words."""

from typing import Any

from workflows.domain.model import Value
from workflows.domain.people import WORKING_ROLES, Role

PEOPLE = "people"
"""The detector under which members of the team open cases."""
REPORTS = "reports"
"""The detector under which anybody in the workspace reports something: nobody has judged it."""
BY_HAND = frozenset({PEOPLE, REPORTS})
"""Koban's own detectors: no request over HTTP may speak for them."""

SLACK_MESSAGE = "slack_message"
"""What a report is about where nobody can tell whom: no action of a platform is for it."""

MOST_NOTE = 1000
"""Characters of a person's note that a card remembers; the ledger keeps the whole."""


class ByHand(Value):
    """Who made an alert, what they wrote about it, and the message that it is about.

    `link` is a permalink of Slack's, or None.
    """

    by: str
    note: str = ""
    link: str | None = None


def may_open(roles: frozenset[Role]) -> bool:
    """Whether somebody with these roles opens cases; anybody may report."""
    return bool(roles & WORKING_ROLES)


def attributes_of(hand: ByHand) -> dict[str, Any]:
    """How an alert carries it."""
    return hand.model_dump(mode="json", exclude_none=True)


def hand_of(detector: str, attributes: dict[str, Any]) -> ByHand | None:
    """Who made an alert; None for one of a detector."""
    by = attributes.get("by")
    if detector not in BY_HAND or not isinstance(by, str):
        return None
    note, link = attributes.get("note"), attributes.get("link")
    return ByHand(
        by=by,
        note=note[:MOST_NOTE] if isinstance(note, str) else "",
        link=link if isinstance(link, str) else None,
    )
