"""Durations as people write them: 30s, 5m, 24h, 7d."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

_WRITTEN = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(written: str) -> timedelta:
    """A duration from `30s`, `5m`, `24h` or `7d`.

    Raises:
        ValueError: for anything else, and for zero.
    """
    match = _WRITTEN.fullmatch(written.strip())
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{written!r} is not a duration; write 30s, 5m, 24h or 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def format_duration(duration: timedelta) -> str:
    """The shortest way to write `duration` that `parse_duration` reads back."""
    seconds = int(duration.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0 and seconds:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _read(given: Any) -> Any:
    # Values that went over the wire arrive in ISO 8601 (PT5M), which pydantic reads itself.
    if isinstance(given, str) and not given.startswith(("P", "-P")):
        return parse_duration(given)
    if isinstance(given, int | float):
        raise ValueError(f"{given!r} is not a duration; write 30s, 5m, 24h or 7d")
    return given


Duration = Annotated[timedelta, BeforeValidator(_read)]
