"""Errors of an unreachable service, and the wait that it asks for."""

import email.utils
from datetime import UTC, datetime, timedelta


class Unavailable(Exception):
    """Ledger, platform, Slack or Temporal does not answer; a person may try again soon."""


LONGEST_WAIT = timedelta(minutes=5)
"""A longer Retry-After is a mistake, and would stop a queue for hours or years."""


def retry_after(header: object) -> timedelta | None:
    """Reads Retry-After (RFC 9110: seconds or a date), from one second to `LONGEST_WAIT`.

    None for a header that is missing or neither of them.
    """
    text = str(header or "").strip()
    if text.isascii() and text.isdecimal():
        wait = timedelta(seconds=int(text[:9]))
    else:
        try:
            moment = email.utils.parsedate_to_datetime(text)
            wait = moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)
        except (ValueError, OverflowError):
            return None
    return min(max(wait, timedelta(seconds=1)), LONGEST_WAIT)
