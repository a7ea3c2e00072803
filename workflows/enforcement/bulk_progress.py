"""Progress of a bulk decision: each subject, its notice, and the rows still to be written."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from workflows.domain.case import bulk_progress
from workflows.domain.case.bulk import Tally
from workflows.domain.case.bulk_progress import (
    HELD_UP,
    LOST,
    MEMBERS_IN_FORCE,
    NOTICE_STATUSES,
    UNDER_WAY,
    WORK,
    MemberStatus,
    NoticeMark,
)
from workflows.domain.case.decision import NoticeStatus
from workflows.domain.case.enforcement import (
    ActionReport,
    ActionStatus,
    EnforcementReport,
    NoticeState,
    Problem,
)
from workflows.ports.bulk import BulkRow, BulkStart

_ALIVE, _OVER = "1", "0"
_FAILED = frozenset({MemberStatus.FAILED, MemberStatus.CONTINUE_FAILED})


class BulkProgress:
    """State of the subjects, by their place.

    `alive` are places whose enforcement runs: it acts, or waits for a lift or a signal. `undoing`:
    an undo is under way; `problem` is the latest problem of the platform, `notice_problem` that of
    a notice.
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
        self.notices = [NoticeMark(letter) for letter in self._padded(start.notices)]
        self.notice_problem: Problem | None = start.notice_problem
        self.notice_rows: dict[int, NoticeStatus | None] = {}

    # -- queries ---------------------------------------------------------------------

    def has(self, *kinds: MemberStatus) -> bool:
        """Whether any subject is in one of these states."""
        return any(kind in self.marks for kind in kinds)

    @property
    def at_work(self) -> bool:
        """Whether a wave is under way."""
        return self.has(*UNDER_WAY) or NoticeMark.SENDING in self.notices

    @property
    def unwritten(self) -> bool:
        """Whether the ledger lacks something."""
        return bool(self.rows or self.notice_rows)

    @property
    def over(self) -> bool:
        """Whether no signal or report can follow."""
        acts = self.has(MemberStatus.FAILED, *WORK, *LOST, *UNDER_WAY, *HELD_UP)
        return not self.alive and not acts and NoticeMark.TO_SEND not in self.notices

    def next_wave(self, size: int) -> tuple[int, ...]:
        """Returns the places of the next wave; subjects that are held up count for its size."""
        free = size - sum(mark in HELD_UP for mark in self.marks)
        waiting = (
            place
            for place, mark in enumerate(self.marks)
            if mark in WORK or self.notices[place] is NoticeMark.TO_SEND
        )
        return tuple(place for place, _ in zip(waiting, range(free), strict=False))

    def next_lost(self, size: int) -> tuple[int, ...]:
        """Returns the places of the next subjects whose enforcement was lost."""
        return tuple(self._with(LOST)[:size])

    def tally(self, step: int) -> Tally:
        """Returns the current counts."""
        return bulk_progress.tally(self.marks, step, self.notices)

    @property
    def notices_state(self) -> NoticeState | None:
        """The state of all notices; None if none was due."""
        return bulk_progress.notices_state(self.notices, self.notice_problem)

    def only_notifies(self, place: int) -> bool:
        """Whether nothing but its notice is left to do."""
        to_send = self.notices[place] is NoticeMark.TO_SEND
        return to_send and self.marks[place] not in WORK | LOST

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
        for place in self._with({MemberStatus.TO_UNDO}):
            if self.notices[place] is NoticeMark.TO_SEND:
                self._note_notice(place, NoticeMark.FAILED)

    def notify_again(self) -> None:
        """Repeats the notices that failed."""
        for place, mark in enumerate(self.notices):
            if mark is NoticeMark.FAILED:
                self._note_notice(place, NoticeMark.TO_SEND)

    def _with(self, kinds: Iterable[MemberStatus]) -> list[int]:
        found = frozenset(kinds)
        return [place for place, mark in enumerate(self.marks) if mark in found]

    def _change(self, kinds: Iterable[MemberStatus], becomes: MemberStatus) -> None:
        for place in self._with(kinds):
            self.marks[place] = becomes

    # -- reports --------------------------------------------------------------------------

    def begin(self, place: int) -> None:
        """Marks the subject as part of the current wave."""
        self.alive.add(place)
        if self.only_notifies(place):
            self._note_notice(place, NoticeMark.SENDING)
            return
        undo = self.marks[place] is MemberStatus.TO_UNDO
        self.marks[place] = MemberStatus.UNDOING if undo else MemberStatus.ACTING

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
        if statuses or before in UNDER_WAY:
            self.marks[place] = bulk_progress.after(before, statuses)
            self._add_rows(place, before, report.actions)
        self._note_report(place, report.notice)

    def _note_report(self, place: int, news: NoticeState | None) -> None:
        status = None if news is None else news.status
        after = bulk_progress.notice_after(self.notices[place], self.marks[place], status)
        self._note_notice(place, after, None if news is None else news.problem)

    def _note_notice(self, place: int, mark: NoticeMark, problem: Problem | None = None) -> None:
        """Changes the mark of a notice; its status goes to the ledger."""
        if mark is NoticeMark.FAILED or NoticeMark.FAILED not in self.notices:
            # A refusal is not replaced by the problem of another one that is retried.
            self.notice_problem = problem or self.notice_problem
        if mark is not self.notices[place]:
            self.notices[place] = mark
            if mark is not NoticeMark.SENDING:
                self.notice_rows[place] = NOTICE_STATUSES.get(mark)

    def _lose_notice(self, place: int, problem: Problem) -> None:
        self.alive.discard(place)
        if self.notices[place] is not NoticeMark.SENT:
            self._note_notice(place, NoticeMark.FAILED, problem)

    def lose(self, place: int, problem: Problem) -> None:
        """Marks a subject whose enforcement was terminated: a person has to retry it."""
        untimed = self.marks[place] in MEMBERS_IN_FORCE and not self.timed
        if untimed or self.notices[place] is NoticeMark.SENDING:
            self._lose_notice(place, problem)  # nothing else was left to do
            return
        undo = self.is_undoing(place)
        self.marks[place] = MemberStatus.DONE if undo else MemberStatus.FAILED
        self.alive.discard(place)
        self.problem = problem
        status = ActionStatus.DONE if undo else ActionStatus.FAILED
        self.rows += self._all(place, status, problem)
        self._note_report(place, None)

    def forget(self, place: int) -> None:
        """Marks a subject as given up that has no enforcement."""
        self.marks[place] = MemberStatus.GIVEN_UP
        self.alive.discard(place)
        self.rows += self._all(place, ActionStatus.GIVEN_UP)
        self._note_report(place, None)

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

    def restore_notices(self, letters: str) -> None:
        """Restores the notices from the ledger: what was being sent is sent under the same key.

        An enforcement that still sends it only reports its state.
        """
        self.notices = [NoticeMark(letter) for letter in self._padded(letters)]
        for place, mark in enumerate(self.notices):
            if mark is NoticeMark.RETRYING:
                self._note_notice(place, NoticeMark.TO_SEND)

    def _padded(self, letters: str) -> str:
        return letters.ljust(len(self.marks), NoticeMark.NONE.value)

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

    def notice_letters(self) -> str:
        """Returns the notices, one letter each."""
        return "".join(mark.value for mark in self.notices)

    def alive_digits(self) -> str:
        """Returns which enforcements run, one digit each."""
        return "".join(_ALIVE if p in self.alive else _OVER for p in range(len(self.marks)))
