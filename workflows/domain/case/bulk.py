"""A ring: many subjects that are decided together, and how far that has got.

The subjects stand in the ledger. A case only knows their number, what acting on all of them would
touch, and counts: a thousand subjects must not be a thousand entries in its memory.
"""

from workflows.domain.alerts import Subject
from workflows.domain.values import Text, Value

BULK = "bulk"
"""The type of the subject that stands for a whole ring in its decision's actions."""
MOST = 1_000
"""Subjects of one ring: a decision nobody can survey any more is none."""
WAVE = 25
"""Subjects that are acted upon at once."""


class Sum(Value):
    """One field of platform.yaml marked `blast: sum`, over all subjects."""

    title: Text
    total: float


class Impact(Value):
    """The blast radius. `unknown` are subjects that the platform does not know.

    `sanctioned` are those with an action that stands already; `dropped` is what the platform or
    a person named and can't be a subject.
    """

    sums: tuple[Sum, ...] = ()
    sanctioned: int = 0
    unknown: int = 0
    dropped: int = 0


class Bulk(Value):
    """The subjects of one decision, all of one type, as they stand in the ledger under `id`."""

    id: str
    type: str
    count: int
    impact: Impact = Impact()

    @property
    def subject(self) -> Subject:
        """What stands for all of them where one subject is named."""
        return Subject(type=BULK, id=self.id)


class Tally(Value):
    """How far a ring has got, in subjects. `step` counts up: an older tally is old news.

    `done` stand, `drifted` of them look different at the platform. `retrying` are waited for.
    """

    total: int
    step: int = 0
    done: int = 0
    drifted: int = 0
    failed: int = 0
    retrying: int = 0
    skipped: int = 0
    given_up: int = 0
    dry_run: int = 0
    undone: int = 0
    lifted: int = 0

    @property
    def ended(self) -> int:
        """How many are over for now, however they ended."""
        over = self.done + self.failed + self.skipped + self.given_up
        return over + self.dry_run + self.undone + self.lifted

    @property
    def left(self) -> int:
        """How many are still to come, or under way."""
        return self.total - self.ended


class BulkState(Value):
    """How a ring's decision stands: its last tally, and who stopped it."""

    tally: Tally
    stopped_by: str | None = None

    @classmethod
    def of(cls, bulk: Bulk) -> "BulkState":
        """A ring that nothing was done to yet."""
        return cls(tally=Tally(total=bulk.count))
