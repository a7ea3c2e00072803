"""Case memory: the state that a case carries over continue-as-new and into the ledger."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from workflows.domain.alerts import Alert
from workflows.domain.case.events import Recorded
from workflows.domain.case.model import Case
from workflows.domain.policy.packed import PackedPolicy
from workflows.domain.values import Value

SEEN = 2_000
"""How many ids of clicks, reports and alerts are remembered to make a second delivery harmless."""


class CardRef(Value):
    """Where a message stands in Slack."""

    channel: str
    ts: str


class ReceivedAlert(Value):
    """An alert that joined while the ledger was away, and when."""

    alert: Alert
    at: datetime


class CaseSnapshot(Value):
    """The carried state. `untold` waits for the thread; `seen` is oldest first, at most `SEEN`.

    `key` is unique to the case: with it the case claims its id in the ledger. `policy` is the
    case's, where the memory travels alone. `latest` is when its latest press was received.

    Of a case that left its place before Slack showed its end, `stale` says so, and `unsure_since`
    that a write to Slack was called off that began then.
    """

    key: str = ""
    case: Case | None = None
    policy: PackedPolicy | None = None
    card: CardRef | None = None
    approval_card: CardRef | None = None
    seen: tuple[str, ...] = ()
    untold: tuple[Recorded, ...] = ()
    latest: datetime | None = None
    stale: bool = False
    unsure_since: datetime | None = None

    def with_policy(self, policy: PackedPolicy | None = None) -> "CaseSnapshot":
        """The memory with its case's policy unpacked: its own, or `policy`."""
        packed = self.policy or policy
        if self.case is None or packed is None:
            return self
        return self.model_copy(
            update={"case": self.case.model_copy(update={"policy": packed.policy})}
        )


class SeenKeys:
    """The newest `SEEN` keys of any length, each kept as 16 characters."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        """`keys` are shortened ones, oldest first, as `kept` gives them."""
        self._keys = dict.fromkeys(keys)

    def is_new(self, key: str) -> bool:
        """Whether `key` is not among them."""
        return short(key) not in self._keys

    def add(self, key: str) -> bool:
        """Adds `key`; whether it was new."""
        name = short(key)
        if name in self._keys:
            return False
        self._keys[name] = None
        if len(self._keys) > SEEN:
            del self._keys[next(iter(self._keys))]
        return True

    def discard(self, key: str) -> None:
        """Forgets `key`."""
        self._keys.pop(short(key), None)

    @property
    def kept(self) -> tuple[str, ...]:
        """The shortened keys, oldest first."""
        return tuple(self._keys)


def short(key: str) -> str:
    """A key of any length as 16 characters: ids from outside can be long, and many are kept."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def remember(seen: tuple[str, ...], key: str) -> tuple[str, ...]:
    """`seen` with `key` as its newest."""
    return (*seen, key)[-SEEN:]
