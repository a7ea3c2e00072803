"""What can go wrong with the ledger."""


class LedgerError(Exception):
    """Any trouble with the ledger."""


class LedgerUnavailable(LedgerError):
    """The database can't be reached; its address (without password) is in the message."""


class StoryBroken(LedgerError):
    """What should be written does not continue what stands: writing it would hide a loss."""
