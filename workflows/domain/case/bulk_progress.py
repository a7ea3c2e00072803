"""Progress of a bulk decision: one letter a subject and one a notice: 2 KB for a thousand."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from workflows.domain.case.bulk import Tally
from workflows.domain.case.decision import NoticeStatus
from workflows.domain.case.enforcement import IN_FORCE, ActionStatus, NoticeState, Problem


class MemberStatus(StrEnum):
    """The status of one subject. TO_… are requested and wait for their wave.

    CONTINUE and CONTINUE_FAILED have a result, and their enforcement was lost: it has to go on.
    """

    WAITING = "."
    ACTING = "a"
    RETRYING = "r"
    DONE = "d"
    VERIFIED = "v"
    DRIFTED = "x"
    FAILED = "f"
    GIVEN_UP = "g"
    SKIPPED = "s"
    DRY_RUN = "h"
    UNDOING = "b"
    UNDO_RETRYING = "q"
    UNDONE = "u"
    LIFTED = "l"
    TO_RETRY = "R"
    TO_UNDO = "U"
    TO_GIVE_UP = "G"
    CONTINUE = "C"
    CONTINUE_FAILED = "F"


class NoticeMark(StrEnum):
    """The notice of one subject. TO_SEND is repeated and waits for its wave; NONE: none is due."""

    NONE = "."
    TO_SEND = "p"
    SENDING = "n"
    RETRYING = "r"
    SENT = "s"
    FAILED = "f"


NOTICE_MARKS = {
    NoticeStatus.PENDING: NoticeMark.TO_SEND,
    NoticeStatus.RETRYING: NoticeMark.RETRYING,
    NoticeStatus.SENT: NoticeMark.SENT,
    NoticeStatus.FAILED: NoticeMark.FAILED,
}
NOTICE_STATUSES = {mark: status for status, mark in NOTICE_MARKS.items()}
"""The statuses that the ledger has of a notice."""
MEMBERS_IN_FORCE = frozenset({MemberStatus.DONE, MemberStatus.VERIFIED, MemberStatus.DRIFTED})
WORK = frozenset(
    {MemberStatus.WAITING, MemberStatus.TO_RETRY, MemberStatus.TO_UNDO, MemberStatus.TO_GIVE_UP}
)
"""Work for the next wave."""
LOST = frozenset({MemberStatus.CONTINUE, MemberStatus.CONTINUE_FAILED})
"""Results whose enforcement has to go on first."""
UNDER_WAY = frozenset({MemberStatus.ACTING, MemberStatus.UNDOING})
"""Work that the current wave waits for."""
HELD_UP = frozenset({MemberStatus.RETRYING, MemberStatus.UNDO_RETRYING})
"""Retries keep their place in the wave while the others continue."""
_TAKEN_BACK = frozenset({MemberStatus.UNDOING, MemberStatus.UNDO_RETRYING, MemberStatus.TO_UNDO})
_FELT = MEMBERS_IN_FORCE | {MemberStatus.LIFTED}
"""Subjects with a measure that took effect."""
_UNSENT = frozenset({NoticeMark.TO_SEND, NoticeMark.SENDING, NoticeMark.RETRYING})


def after(before: MemberStatus, statuses: Sequence[ActionStatus]) -> MemberStatus:
    """A subject's status after a report of all its actions."""
    stood = before in MEMBERS_IN_FORCE or before in _TAKEN_BACK
    if ActionStatus.RETRYING in statuses:
        return _held_up(before)
    if ActionStatus.FAILED in statuses:
        # A failed undo leaves the action in effect; it can be retried.
        return MemberStatus.DONE if stood else MemberStatus.FAILED
    return of(statuses)


def _held_up(before: MemberStatus) -> MemberStatus:
    if before in MEMBERS_IN_FORCE:
        return before  # a lift is retried without end
    return MemberStatus.UNDO_RETRYING if before in _TAKEN_BACK else MemberStatus.RETRYING


def of(statuses: Sequence[ActionStatus]) -> MemberStatus:
    """A subject's status from the status of its actions alone."""
    in_force = [status for status in statuses if status in IN_FORCE]
    if ActionStatus.FAILED in statuses:
        return MemberStatus.FAILED
    if in_force:
        return _worst(in_force)
    for status, mark in _ENDS:
        if status in statuses:
            return mark
    return MemberStatus.WAITING


def _worst(statuses: Sequence[ActionStatus]) -> MemberStatus:
    if ActionStatus.DRIFTED in statuses:
        return MemberStatus.DRIFTED
    verified = all(status is ActionStatus.VERIFIED for status in statuses)
    return MemberStatus.VERIFIED if verified else MemberStatus.DONE


_ENDS = (
    (ActionStatus.UNDONE, MemberStatus.UNDONE),
    (ActionStatus.LIFTED, MemberStatus.LIFTED),
    (ActionStatus.DRY_RUN, MemberStatus.DRY_RUN),
    (ActionStatus.GIVEN_UP, MemberStatus.GIVEN_UP),
    (ActionStatus.SKIPPED, MemberStatus.SKIPPED),
    (ActionStatus.ROLLED_BACK, MemberStatus.GIVEN_UP),
)
"""Final statuses by precedence."""


def notice_after(
    before: NoticeMark, subject: MemberStatus, reported: NoticeStatus | None
) -> NoticeMark:
    """A notice after a report about its subject, which has that status now.

    A notice that was cancelled by an undo is not reported.
    """
    sent = NoticeMark.SENT
    if before is sent or reported is NoticeStatus.SENT:
        return sent
    if subject in _TAKEN_BACK:
        return before
    if subject not in _FELT:
        return NoticeMark.NONE
    if reported is not None:
        return NOTICE_MARKS[reported]
    under_way = before in (NoticeMark.SENDING, NoticeMark.RETRYING)
    return NoticeMark.FAILED if under_way else before


def notices_state(notices: Iterable[NoticeMark], problem: Problem | None) -> NoticeState | None:
    """The state of all notices; None if none was due.

    A person can repeat those that failed while others are still retried.
    """
    found = frozenset(notices) - {NoticeMark.NONE}
    if not found:
        return None
    if NoticeMark.FAILED in found:
        return NoticeState(status=NoticeStatus.FAILED, problem=problem)
    if found & _UNSENT:
        return NoticeState(status=NoticeStatus.RETRYING, problem=problem)
    return NoticeState(status=NoticeStatus.SENT)


def tally(marks: Iterable[MemberStatus], step: int, notices: Iterable[NoticeMark] = ()) -> Tally:
    """Counts the statuses of all subjects and their notices."""
    counts = dict.fromkeys(MemberStatus, 0)
    sent = dict.fromkeys(NoticeMark, 0)
    total = 0
    for notice in notices:
        sent[notice] += 1
    for mark in marks:
        counts[mark] += 1
        total += 1
    return Tally(
        total=total,
        step=step,
        done=sum(counts[mark] for mark in MEMBERS_IN_FORCE | {MemberStatus.CONTINUE}),
        drifted=counts[MemberStatus.DRIFTED],
        failed=counts[MemberStatus.FAILED] + counts[MemberStatus.CONTINUE_FAILED],
        retrying=sum(counts[mark] for mark in HELD_UP),
        skipped=counts[MemberStatus.SKIPPED],
        given_up=counts[MemberStatus.GIVEN_UP],
        dry_run=counts[MemberStatus.DRY_RUN],
        undone=counts[MemberStatus.UNDONE],
        lifted=counts[MemberStatus.LIFTED],
        notices_sent=sent[NoticeMark.SENT],
        notices_failed=sent[NoticeMark.FAILED],
        notices_retrying=sum(sent[mark] for mark in _UNSENT),
    )


def outcome(marks: Iterable[MemberStatus], undoing: bool) -> ActionStatus:
    """The status of the whole decision once no work is left; `undoing`: at the end of an undo."""
    found = frozenset(marks)
    if MemberStatus.FAILED in found:
        return ActionStatus.FAILED
    in_force = found & MEMBERS_IN_FORCE
    if in_force and undoing:
        return ActionStatus.FAILED
    if MemberStatus.DRIFTED in in_force:
        return ActionStatus.DRIFTED
    if in_force:
        return ActionStatus.VERIFIED if in_force == {MemberStatus.VERIFIED} else ActionStatus.DONE
    return next((status for status, mark in _ENDS if mark in found), ActionStatus.SKIPPED)
