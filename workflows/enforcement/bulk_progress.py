"""Progress of a bulk decision: the state of each subject, and the rows still to be written."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from workflows.domain.case import bulk_progress
from workflows.domain.case.bulk import Tally
from workflows.domain.case.bulk_progress import (
    HELD_UP,
    LOST,
    MEMBERS_IN_FORCE,
    UNDER_WAY,
    WORK,
    MemberStatus,
)
from workflows.domain.case.enforcement import ActionReport, ActionStatus, EnforcementReport, Problem
from workflows.ports.bulk import BulkRow, BulkStart

_ALIVE, _OVER = "1", "0"
_FAILED = frozenset({MemberStatus.FAILED, MemberStatus.CONTINUE_FAILED})


class BulkProgress:
    """State of the subjects, by their place.

    `alive` are places whose enforcement runs: it acts, or waits for a lift or a signal. `undoing`:
    an undo is under way; `problem` is the latest problem of the platform.
    """

    def __init__(self, start: BulkStart) -> None:
        marks = start.marks or MemberStatus.WAITING.value * start.count
        self.marks = [MemberStatus(letter) for letter in marks]
        self.alive = {place for place, digit in enumerate(start.alive) if digit == _ALIVE}
        self.names = tuple(job.action for job in start.jobs)
        self.timed = any(job.lasts is not None for job in start.jobs)
        self.stopped = start.stopped
        self.undoing = start.undoing
        self.problem: Problem | None = start.problem
        self.until: datetime | None = start.until
        self.rows: list[BulkRow] = []

    # -- queries ---------------------------------------------------------------------

    def has(self, *kinds: MemberStatus) -> bool:
        """Whether any subject is in one of these states."""
        return any(kind in self.marks for kind in kinds)

    @property
    def at_work(self) -> bool:
        """Whether a wave is under way."""
        return self.has(*UNDER_WAY)

    @property
    def over(self) -> bool:
        """Whether no signal or report can follow."""
        return not self.alive and not self.has(
            MemberStatus.FAILED, *WORK, *LOST, *UNDER_WAY, *HELD_UP
        )

    def next_wave(self, size: int) -> tuple[int, ...]:
        """Returns the places of the next wave; subjects that are held up count for its size."""
        free = size - sum(mark in HELD_UP for mark in self.marks)
        waiting = (place for place, mark in enumerate(self.marks) if mark in WORK)
        return tuple(place for place, _ in zip(waiting, range(free), strict=False))

    def next_lost(self, size: int) -> tuple[int, ...]:
        """Returns the places of the next subjects whose enforcement was lost."""
        return tuple(self._with(LOST)[:size])

    def tally(self, step: int) -> Tally:
        """Returns the current counts."""
        return bulk_progress.tally(self.marks, step)

    def outcome(self) -> ActionStatus:
        """Returns the status of the whole decision."""
        return bulk_progress.outcome(self.marks, self.undoing)

    def is_undoing(self, place: int) -> bool:
        """Whether an undo of it is under way."""
        return self.marks[place] in (MemberStatus.UNDOING, MemberStatus.UNDO_RETRYING)

    # -- signals ---------------------------------------------------------------------------

    def stop(self) -> None:
        """Skips everything that has not begun."""
        self.stopped = True
        for place in self._with({MemberStatus.WAITING}):
            self.marks[place] = MemberStatus.SKIPPED
            self.rows += self._all(place, ActionStatus.SKIPPED)
        self._change({MemberStatus.TO_RETRY}, MemberStatus.FAILED)

    def retry(self) -> None:
        """Retries what failed."""
        self._change(_FAILED, MemberStatus.TO_RETRY)

    def give_up(self) -> None:
        """Gives up what failed."""
        self._change(_FAILED, MemberStatus.TO_GIVE_UP)

    def undo(self) -> None:
        """Undoes what is in effect."""
        self.undoing = True
        self._change(MEMBERS_IN_FORCE | {MemberStatus.CONTINUE}, MemberStatus.TO_UNDO)

    def _with(self, kinds: Iterable[MemberStatus]) -> list[int]:
        found = frozenset(kinds)
        return [place for place, mark in enumerate(self.marks) if mark in found]

    def _change(self, kinds: Iterable[MemberStatus], becomes: MemberStatus) -> None:
        for place in self._with(kinds):
            self.marks[place] = becomes

    # -- reports --------------------------------------------------------------------------

    def begin(self, place: int) -> None:
        """Marks the subject as part of the current wave."""
        undo = self.marks[place] is MemberStatus.TO_UNDO
        self.marks[place] = MemberStatus.UNDOING if undo else MemberStatus.ACTING
        self.alive.add(place)

    def note(self, report: EnforcementReport) -> None:
        """Applies a report of one subject."""
        place = report.place
        if place is None or not 0 <= place < len(self.marks):
            return
        before, statuses = self.marks[place], [each.status for each in report.actions]
        unbegun = before is MemberStatus.ACTING and len(statuses) < len(self.names)
        if unbegun and not report.over and ActionStatus.RETRYING not in statuses:
            return
        if report.over:
            self.alive.discard(place)
        self.marks[place] = bulk_progress.after(before, statuses)
        self._add_rows(place, before, report.actions)

    def lose(self, place: int, problem: Problem) -> None:
        """Marks a subject whose enforcement was terminated: a person has to retry it."""
        undo = self.is_undoing(place)
        self.marks[place] = MemberStatus.DONE if undo else MemberStatus.FAILED
        self.alive.discard(place)
        self.problem = problem
        status = ActionStatus.DONE if undo else ActionStatus.FAILED
        self.rows += self._all(place, status, problem)

    def forget(self, place: int) -> None:
        """Marks a subject as given up that has no enforcement."""
        self.marks[place] = MemberStatus.GIVEN_UP
        self.alive.discard(place)
        self.rows += self._all(place, ActionStatus.GIVEN_UP)

    def _add_rows(self, place: int, before: MemberStatus, actions: Iterable[ActionReport]) -> None:
        in_force = self.marks[place] in MEMBERS_IN_FORCE
        for each in actions:
            name = each.action.partition("/")[0]
            undo_failed = (
                each.status is ActionStatus.FAILED
                and in_force
                and before is not MemberStatus.ACTING
            )
            status = ActionStatus.DONE if undo_failed else each.status
            self.rows.append(
                BulkRow(
                    place=place,
                    action=name,
                    status=status,
                    until=each.until,
                    problem=each.problem,
                    life=each.life,
                )
            )
            self.problem = each.problem or self.problem
            if each.until is not None:
                self.until = max(self.until or each.until, each.until)

    def _all(
        self, place: int, status: ActionStatus, problem: Problem | None = None
    ) -> Iterator[BulkRow]:
        for name in self.names:
            yield BulkRow(place=place, action=name, status=status, problem=problem)

    def restore(self, letters: str) -> None:
        """Restores the states from the ledger. An enforcement that is over ignores its signal."""
        letters = letters.ljust(len(self.marks), MemberStatus.WAITING.value)
        self.marks = [MemberStatus(letter) for letter in letters]
        waiting = MEMBERS_IN_FORCE if self.timed else frozenset[MemberStatus]()
        self.alive = set(self._with({MemberStatus.FAILED, *waiting}))

    def rebuild(self) -> None:
        """Continues what waited for a lift: the enforcements of all subjects were lost."""
        self.alive = set()
        if self.timed:
            self._change(MEMBERS_IN_FORCE, MemberStatus.CONTINUE)
            self._change({MemberStatus.FAILED}, MemberStatus.CONTINUE_FAILED)

    def doubt(self, size: int) -> None:
        """Marks what a lost wave of a stopped decision may have done: it is read back."""
        for place in self._with({MemberStatus.WAITING})[:size]:
            self.marks[place] = MemberStatus.CONTINUE_FAILED

    # -- continue as new -----------------------------------------------------------------

    def letters(self) -> str:
        """Returns the states, one letter each."""
        return "".join(mark.value for mark in self.marks)

    def alive_digits(self) -> str:
        """Returns which enforcements run, one digit each."""
        return "".join(_ALIVE if p in self.alive else _OVER for p in range(len(self.marks)))
