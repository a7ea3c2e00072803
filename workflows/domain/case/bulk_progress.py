"""Where each subject of a ring stands: one letter a subject, so that a thousand are 1 KB."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from workflows.domain.case.bulk import Tally
from workflows.domain.case.enforcement import STANDING, ActionStatus


class Mark(StrEnum):
    """One subject. The last three are work that was asked for and waits for its wave."""

    WAITING = "."
    ACTING = "a"
    RETRYING = "r"
    DONE = "d"
    VERIFIED = "v"
    DRIFTED = "x"
    FAILED = "f"
    GIVEN_UP = "g"
    SKIPPED = "s"
    REHEARSED = "h"
    UNDOING = "b"
    UNDO_RETRYING = "q"
    UNDONE = "u"
    LIFTED = "l"
    TO_RETRY = "R"
    TO_UNDO = "U"
    TO_GIVE_UP = "G"


STANDS = frozenset({Mark.DONE, Mark.VERIFIED, Mark.DRIFTED})
WORK = frozenset({Mark.WAITING, Mark.TO_RETRY, Mark.TO_UNDO, Mark.TO_GIVE_UP})
"""What the next wave takes."""
UNDER_WAY = frozenset({Mark.ACTING, Mark.UNDOING})
"""What the wave under way waits for."""
HELD_UP = frozenset({Mark.RETRYING, Mark.UNDO_RETRYING})
"""The platform does not answer for it: it keeps its place in the wave, and the others go on."""
_TAKEN_BACK = frozenset({Mark.UNDOING, Mark.UNDO_RETRYING, Mark.TO_UNDO})


def after(before: Mark, statuses: Sequence[ActionStatus]) -> Mark:
    """A subject's mark after news of all its actions."""
    stood = before in STANDS or before in _TAKEN_BACK
    if ActionStatus.RETRYING in statuses:
        return _held_up(before)
    if ActionStatus.FAILED in statuses:
        # What could not be taken back stands, and can be tried again.
        return Mark.DONE if stood else Mark.FAILED
    return of(statuses)


def _held_up(before: Mark) -> Mark:
    if before in STANDS:
        return before  # its lift is tried for as long as it takes
    return Mark.UNDO_RETRYING if before in _TAKEN_BACK else Mark.RETRYING


def of(statuses: Sequence[ActionStatus]) -> Mark:
    """A subject's mark from nothing but where its actions stand."""
    standing = [status for status in statuses if status in STANDING]
    if ActionStatus.FAILED in statuses:
        return Mark.FAILED
    if standing:
        return _standing(standing)
    for status, mark in _ENDS:
        if status in statuses:
            return mark
    return Mark.WAITING


def _standing(statuses: Sequence[ActionStatus]) -> Mark:
    if ActionStatus.DRIFTED in statuses:
        return Mark.DRIFTED
    verified = all(status is ActionStatus.VERIFIED for status in statuses)
    return Mark.VERIFIED if verified else Mark.DONE


_ENDS = (
    (ActionStatus.UNDONE, Mark.UNDONE),
    (ActionStatus.LIFTED, Mark.LIFTED),
    (ActionStatus.REHEARSED, Mark.REHEARSED),
    (ActionStatus.GIVEN_UP, Mark.GIVEN_UP),
    (ActionStatus.SKIPPED, Mark.SKIPPED),
    (ActionStatus.ROLLED_BACK, Mark.GIVEN_UP),
)
"""Of several ends the one that says most."""


def tally(marks: Iterable[Mark], step: int) -> Tally:
    """The counts that people see."""
    counts = dict.fromkeys(Mark, 0)
    total = 0
    for mark in marks:
        counts[mark] += 1
        total += 1
    return Tally(
        total=total,
        step=step,
        done=sum(counts[mark] for mark in STANDS),
        drifted=counts[Mark.DRIFTED],
        failed=counts[Mark.FAILED],
        retrying=sum(counts[mark] for mark in HELD_UP),
        skipped=counts[Mark.SKIPPED],
        given_up=counts[Mark.GIVEN_UP],
        rehearsed=counts[Mark.REHEARSED],
        undone=counts[Mark.UNDONE],
        lifted=counts[Mark.LIFTED],
    )


def outcome(marks: Iterable[Mark], undoing: bool) -> ActionStatus:
    """What a ring as a whole came to, once nothing is left to do; `undoing`: an undo ends here."""
    found = frozenset(marks)
    if Mark.FAILED in found:
        return ActionStatus.FAILED
    standing = found & STANDS
    if standing and undoing:
        return ActionStatus.FAILED
    if Mark.DRIFTED in standing:
        return ActionStatus.DRIFTED
    if standing:
        return ActionStatus.VERIFIED if standing == {Mark.VERIFIED} else ActionStatus.DONE
    return next((status for status, mark in _ENDS if mark in found), ActionStatus.SKIPPED)
