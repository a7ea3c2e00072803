"""Lists of a report, and the deadline of a decision."""

from datetime import timedelta

import pytest

from tests.workflows.domain.builders import SATO, T0, WATCHFUL, a_case, follow, minutes, preset
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decide import decide
from workflows.domain.case.model import HoldKind, Phase
from workflows.domain.metrics.report import (
    MOST_LISTED,
    CaseNote,
    handed_over,
    held,
    overdue,
    waiting,
)
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import Text


def a_note(name: str, severity: Severity = Severity.HIGH, **more: object) -> CaseNote:
    given = {
        "id": name,
        "title": Text(ja="外部誘導", en="Lure"),
        "severity": severity,
        "phase": Phase.CLAIMED,
        **more,
    }
    return CaseNote.model_validate(given)


NOTES = (
    a_note("K1", owner="U0SATO", due=minutes(30)),
    a_note("K2", Severity.CRITICAL, owner="U0CLARK", due=minutes(5)),
    a_note("K3", Severity.CRITICAL, owner="U0SATO"),
    a_note("K4", owner="U0SATO", due=minutes(10)),
    a_note("K5", owner="U0SATO", phase=Phase.CLOSED, waits=True, due=minutes(1)),
    a_note("K6", hold=HoldKind.WAITING, hold_until=minutes(60)),
)


def ids(cases: object) -> list[str]:
    return [note.id for note in cases.shown]  # type: ignore[attr-defined]


def test_what_somebody_has_is_handed_over_the_worst_first() -> None:
    """Then what is due soonest; closed cases are nobody's any more."""
    assert ids(handed_over(NOTES, ("U0SATO",))) == ["K3", "K4", "K1"]
    assert handed_over(NOTES, ()).count == 0


def test_the_other_lists() -> None:
    """Late, waiting for a second person (an undo too), set aside."""
    assert ids(overdue(NOTES, minutes(20))) == ["K2", "K4"]
    assert ids(waiting(NOTES)) == ["K5"]
    assert ids(held(NOTES)) == ["K6"]


def test_a_long_list_is_cut_and_counted() -> None:
    """Ten are named, all are counted."""
    found = overdue([a_note(f"K{n:02}", due=T0) for n in range(37)], minutes(1))
    assert (found.count, len(found.shown)) == (37, MOST_LISTED)


@pytest.mark.parametrize("minute", [4, 25])
def test_a_decision_tells_until_when_it_was_due(minute: int) -> None:
    """Ten minutes after the opening, in time or not."""
    outcome = decide(a_case(), preset(SATO, "mute"), minutes(minute))
    (decided,) = [e for e in outcome if isinstance(e, ev.Decided)]
    assert decided.due == minutes(10)


def test_a_pause_moves_what_is_due() -> None:
    """Over or not: what the case waited for does not count."""
    claimed = follow(a_case(policy=WATCHFUL), cmd.Claim(by=SATO), minutes(1))
    waits = follow(claimed, cmd.Wait(by=SATO, note="身分証待ち"), minutes(2))
    assert waits.decide_due(minutes(32)) == minutes(40)
    resumed = follow(waits, cmd.Resume(by=SATO), minutes(32))
    assert resumed.decide_due(minutes(35)) == minutes(40)
    assert resumed.decide_due(minutes(35)) - resumed.clock.decide == timedelta()
