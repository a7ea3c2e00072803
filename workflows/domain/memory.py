"""What a case workflow remembers beside the case: carried over restarts of the same case."""

import hashlib

from workflows.domain.case_state import Case
from workflows.domain.events import Recorded
from workflows.domain.model import Value

SEEN = 2_000
"""How many ids of clicks, reports and alerts are remembered to make a second delivery harmless."""


class CardRef(Value):
    """Where a message stands in Slack."""

    channel: str
    ts: str


class Memory(Value):
    """The carried state. `untold` waits for the thread; `seen` is oldest first, at most `SEEN`.

    `key` is unique to the case: with it the case claims its id in the ledger.
    """

    key: str = ""
    case: Case | None = None
    card: CardRef | None = None
    approval_card: CardRef | None = None
    seen: tuple[str, ...] = ()
    untold: tuple[Recorded, ...] = ()


def short(key: str) -> str:
    """A key of any length as 16 characters: ids from outside can be long, and many are kept."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def remember(seen: tuple[str, ...], key: str) -> tuple[str, ...]:
    """`seen` with `key` as its newest."""
    return (*seen, key)[-SEEN:]
