"""Bulk decision: many subjects decided together, and the counts of its progress.

The ledger has the subjects. A case has only counts: a thousand subjects would not fit in its state.
"""

from datetime import datetime

from workflows.domain.alerts import Subject
from workflows.domain.policy.limits import LARGEST_BULK
from workflows.domain.values import Text, Value

BULK = "bulk"
"""The type of the subject that represents all subjects in the decision's actions."""
MOST = LARGEST_BULK
"""Subjects of one decision; more are too many to review."""
WAVE = 25
"""Subjects whose actions run at the same time."""


class Sum(Value):
    """The sum of a field of platform.yaml with `impact: sum`, over all subjects."""

    title: Text
    total: float


class Impact(Value):
    """The impact of a bulk decision. `unknown` subjects do not exist at the platform.

    `sanctioned` subjects have an action in effect; `dropped` counts ids that are no valid subject.
    """

    sums: tuple[Sum, ...] = ()
    sanctioned: int = 0
    unknown: int = 0
    dropped: int = 0


class Bulk(Value):
    """The subjects of one decision, all of one type; the ledger has them under `id`.

    `exempt` is the key of the first exempt one.
    """

    id: str
    type: str
    count: int
    impact: Impact = Impact()
    exempt: str = ""

    @property
    def subject(self) -> Subject:
        """The subject that represents all of them."""
        return Subject(type=BULK, id=self.id)


class Tally(Value):
    """The progress in subjects. `step` counts up: a report with a lower one is outdated.

    `done` are in effect, `drifted` of them look different at the platform. `notices_…` count the
    notices to the subjects.
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
    notices_sent: int = 0
    notices_failed: int = 0
    notices_retrying: int = 0

    @property
    def notices(self) -> int:
        """The number of notices: one for each subject with a measure in effect."""
        return self.notices_sent + self.notices_failed + self.notices_retrying

    @property
    def ended(self) -> int:
        """The number of subjects that are finished, with any result."""
        over = self.done + self.failed + self.skipped + self.given_up
        return over + self.dry_run + self.undone + self.lifted

    @property
    def left(self) -> int:
        """The number of subjects that are waiting or in progress."""
        return self.total - self.ended


class BulkState(Value):
    """The state of a bulk decision: its last tally, and who stopped it when."""

    tally: Tally
    stopped_by: str | None = None
    stopped_at: datetime | None = None

    @classmethod
    def of(cls, bulk: Bulk) -> "BulkState":
        """The state before the first subject."""
        return cls(tally=Tally(total=bulk.count))
