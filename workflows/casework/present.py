"""The time by which a case decides: it never runs back, and no press is judged before it came."""

from datetime import datetime

from temporalio import workflow

from workflows.case.timers import present


class Present:
    """The time of the workflow task, or of the latest press that came since it began."""

    def __init__(self) -> None:
        self.latest: datetime | None = None

    def resume(self, latest: datetime | None) -> None:
        """Goes on from the latest press of the history before."""
        self.latest = latest or self.latest

    def hear(self, received_at: datetime | None) -> None:
        """A press was received then, by the clock of whoever received it."""
        self.latest = max(self.now, present(workflow.now(), received_at))

    @property
    def now(self) -> datetime:
        """What time it is."""
        task = workflow.now()
        return task if self.latest is None else max(task, self.latest)
