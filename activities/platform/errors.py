"""What can go wrong at the platform, sorted by the one question that counts: try again or not."""

from datetime import timedelta

from activities.errors import Unavailable


class PlatformError(Exception):
    """Any trouble with the platform."""


class TryAgain(PlatformError, Unavailable):
    """It may work later: `status` is the HTTP status, where there was an answer."""

    def __init__(self, status: int | None = None, wait: timedelta | None = None) -> None:
        """`wait` is what the platform asked for with Retry-After."""
        super().__init__(f"the platform is not available ({status or 'no answer'})")
        self.status = status
        self.wait = wait


class Refused(PlatformError):
    """The platform will never take it as it is."""

    def __init__(self, status: int) -> None:
        """`status` is the HTTP status of the refusal."""
        super().__init__(f"the platform refused it ({status})")
        self.status = status


class UnusableSubject(PlatformError):
    """The subject's id can't stand in a path."""
