"""What can go wrong with the ledger."""

from activities.errors import Unavailable


class LedgerError(Exception):
    """Any trouble with the ledger."""


class LedgerUnavailable(LedgerError, Unavailable):
    """The database can't be reached; its address (without password) is in the message."""


class LedgerRefused(LedgerUnavailable):
    """It was found and lets nobody in: its address, user or file has to change first."""


class StoryBroken(LedgerError):
    """What should be written does not continue what stands: writing it would hide a loss."""
