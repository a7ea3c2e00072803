"""What stands in the fields of a modal when it is submitted."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from workflows.domain.model import Value
from workflows.domain.playbook.durations import parse_duration

_PERSON = re.compile(r"[UW][A-Z0-9]{2,20}")


class Fault(Value):
    """What has to be put right: the sentence's key, and the limit that it names."""

    key: str
    limit: timedelta | None = None


Faults = dict[str, Fault]
"""By block."""


def words_in(view: Mapping[str, Any], block: str) -> str:
    """A text field, without the space around it."""
    return str(_of(view, block).get("value") or "").strip()


def option_in(view: Mapping[str, Any], block: str) -> str | None:
    """The chosen option of a menu."""
    chosen = (_of(view, block).get("selected_option") or {}).get("value")
    return str(chosen) if chosen else None


def options_in(view: Mapping[str, Any], block: str) -> tuple[str, ...]:
    """The chosen options of a menu that takes several."""
    chosen = _of(view, block).get("selected_options") or []
    return tuple(str(option.get("value")) for option in chosen)


def duration_in(view: Mapping[str, Any], block: str) -> timedelta | None:
    """The chosen duration; None where there is none."""
    chosen = option_in(view, block)
    try:
        return parse_duration(chosen) if chosen else None
    except ValueError:
        return None


def moment_in(view: Mapping[str, Any], block: str) -> datetime | None:
    """The chosen time: Slack shows a picker in its reader's zone and sends Unix seconds."""
    chosen = _of(view, block).get("selected_date_time")
    try:
        return datetime.fromtimestamp(int(chosen), UTC) if chosen else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def person_in(view: Mapping[str, Any], block: str) -> str | None:
    """The chosen person's id; None where it is none of Slack's."""
    chosen = str(_of(view, block).get("selected_user") or "")
    return chosen if _PERSON.fullmatch(chosen) else None


def _of(view: Mapping[str, Any], block: str) -> Mapping[str, Any]:
    """What stands in a block: it has one element, called as the block or `{block}.{more}`."""
    values = (view.get("state") or {}).get("values") or {}
    return next(iter((values.get(block) or {}).values()), None) or {}
