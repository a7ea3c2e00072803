"""Snapshot of a case for continue-as-new and the ledger."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from workflows.domain.alerts import Alert
from workflows.domain.case.events import Recorded
from workflows.domain.case.model import Case
from workflows.domain.policy.playbook import PackedPolicy
from workflows.domain.values import Value

SEEN = 2_000
"""Ids of clicks, reports and alerts kept to ignore a second delivery."""


class CardRef(Value):
    """Channel and timestamp of a Slack message.

    `fixed`: it stands beside an older one that Slack lets nobody change, and may stay for good.
    """

    channel: str
    ts: str
    fixed: bool = False


class Refused(Value):
    """Parts of a case that Slack refuses: its card, messages in its thread, its approval card."""

    card: bool = False
    thread: bool = False
    approval: bool = False

    @property
    def calls(self) -> bool:
        """Whether a mention in the thread reaches nobody."""
        return self.card or self.thread


class ReceivedAlert(Value):
    """An alert that joined at `at` while the ledger was unavailable."""

    alert: Alert
    at: datetime


class CaseSnapshot(Value):
    """The carried state. `unposted` are events without a thread line; `seen` is oldest first.

    The case claims its id in the ledger with `key`. `policy` is set if the snapshot is sent alone.
    `latest` is the time of the latest press. `refused` is what Slack refuses. `stale`: Slack does
    not show the last state; `unsure_since`: start of a cancelled write with unknown result.
    `cleared_at`: the last erasure of personal data that the state has seen; `redraw`: the card
    still shows what it took.
    """

    key: str = ""
    case: Case | None = None
    policy: PackedPolicy | None = None
    card: CardRef | None = None
    approval_card: CardRef | None = None
    seen: tuple[str, ...] = ()
    unposted: tuple[Recorded, ...] = ()
    latest: datetime | None = None
    refused: Refused = Refused()
    stale: bool = False
    unsure_since: datetime | None = None
    cleared_at: datetime | None = None
    redraw: bool = False

    def with_policy(self, policy: PackedPolicy | None = None) -> "CaseSnapshot":
        """The snapshot with its own policy, or `policy`, unpacked into the case."""
        packed = self.policy or policy
        if self.case is None or packed is None:
            return self
        return self.model_copy(update={"case": self.case.under(packed.policy)})


class SeenKeys:
    """The newest `SEEN` keys, each as a hash of 16 characters."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        """`keys` are hashed, oldest first, as `kept` returns them."""
        self._keys = dict.fromkeys(keys)

    def is_new(self, key: str) -> bool:
        """Whether `key` was not added."""
        return short(key) not in self._keys

    def add(self, key: str) -> bool:
        """Adds `key`; returns whether it was new."""
        name = short(key)
        if name in self._keys:
            return False
        self._keys[name] = None
        if len(self._keys) > SEEN:
            del self._keys[next(iter(self._keys))]
        return True

    def discard(self, key: str) -> None:
        """Removes `key`."""
        self._keys.pop(short(key), None)

    @property
    def kept(self) -> tuple[str, ...]:
        """The hashed keys, oldest first."""
        return tuple(self._keys)


def short(key: str) -> str:
    """A hash of 16 characters: ids from outside can be long."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def remember(seen: tuple[str, ...], key: str) -> tuple[str, ...]:
    """Adds `key` as the newest of `seen`."""
    return (*seen, key)[-SEEN:]
