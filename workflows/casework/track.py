"""Where the actions of one enforcement stand, while it runs."""

from datetime import datetime

from workflows.domain.case.decision import Measure
from workflows.domain.case.enforcement import NOT_DONE, ActionReport, ActionStatus, Problem
from workflows.starts import EnforcementStart, Job


class Track:
    """One action. `standing` while it is in effect; `held` while it must not be lifted yet."""

    def __init__(self, job: Job, start: EnforcementStart, now: datetime) -> None:
        self.job = job
        # Fixed once, so that a retry sends the same body under the same idempotency key.
        ends = job.planned.lasts is not None and not start.told_only
        self.until = now + job.planned.lasts if ends and job.planned.lasts else None
        self.standing = start.undo or start.told_only
        self.held = False
        self.tried = False
        self.life = 1
        self.status = ActionStatus.DONE if start.told_only else ActionStatus.PENDING
        self.problem: Problem | None = None
        self.would = ""

    def again(self, now: datetime) -> None:
        """Makes ready for another try.

        What was taken back, or whose time passed meanwhile, is a new change to the platform: its
        old key would be answered with the old result.
        """
        passed = self.until is not None and self.until <= now
        if passed and self.job.planned.lasts is not None:
            self.until = now + self.job.planned.lasts
        self.life += passed or self.status is ActionStatus.ROLLED_BACK
        # Else news of another action would tell of this one as it was before.
        self.status, self.problem = ActionStatus.PENDING, None

    @property
    def failed(self) -> bool:
        """Whether it was not done, and a person has to say what becomes of it."""
        return self.status is ActionStatus.FAILED and not self.standing

    @property
    def not_done(self) -> bool:
        """Whether a retry tries it again."""
        return self.status in NOT_DONE and not self.standing

    @property
    def undoable(self) -> bool:
        """Whether it stands and can be taken back."""
        return self.standing and self.job.spec.undo is not None

    @property
    def lifts_at(self) -> datetime | None:
        """When it is to be lifted; None where it is not, or not yet."""
        return self.until if self.standing and not self.held else None

    @property
    def report(self) -> ActionReport:
        """What the case hears of it."""
        return ActionReport(
            action=self.job.planned.key,
            status=self.status,
            until=self.until if self.standing else None,
            problem=self.problem,
            would=self.would,
        )

    @property
    def measure(self) -> Measure:
        """What the person acted upon hears of it."""
        return Measure(title=self.job.spec.title, lasts=self.job.planned.lasts)
