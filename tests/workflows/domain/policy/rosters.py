"""Builders of rosters in the format of roster.yaml."""

from typing import Any

from workflows.domain.policy.roster import Roster

SATO, CLARK, TANAKA, REED = "U0SATO", "U0CLARK", "U0TANAKA", "U0REED"

DAY = {"title": {"ja": "日勤", "en": "Day"}, "start": "09:00", "end": "17:00", "people": [SATO]}
NIGHT = {
    "title": {"ja": "夜勤", "en": "Night"},
    "start": "17:00",
    "end": "09:00",
    "people": [CLARK],
}


def roster(**more: Any) -> Roster:
    """Day and night, every day, unless said otherwise."""
    return Roster.model_validate({"shifts": {"day": DAY, "night": NIGHT}, **more})
