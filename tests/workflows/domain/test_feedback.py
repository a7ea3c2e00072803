"""Feedback: the verdicts of a case by its events, and the times of attempts."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.domain.builders import (
    ACT_FIRST,
    SATO,
    TANAKA,
    a_case,
    a_policy,
    minutes,
    news,
    preset,
)
from workflows.domain.case import commands as cmd
from workflows.domain.case.appeal_outcome import AppealAnswer, AppealOutcome
from workflows.domain.case.decide import decide
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.events import Recorded
from workflows.domain.case.evolve import apply_all, numbered
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Refusal
from workflows.domain.feedback import (
    JUDGING,
    LASTS,
    CaseVerdict,
    FeedbackProblem,
    FeedbackProblemKind,
    FeedbackRound,
    FeedbackStatus,
    JudgedBy,
    failures_after,
    judgment,
    next_round,
    pause_after,
    rest_after,
    status_after,
    verdicts,
)
from workflows.domain.ids import feedback_id

Step = cmd.Command | Callable[[Case], cmd.Command]


def done(case: Case) -> cmd.Command:
    """The platform carried the first decision out."""
    return news(case, ActionStatus.VERIFIED)


def undone(case: Case) -> cmd.Command:
    """The platform undid the first decision."""
    return news(case, ActionStatus.UNDONE)


def answered(outcome: AppealOutcome, decision: str = "D1") -> cmd.Command:
    """A reviewer answered an appeal."""
    given = AppealAnswer(
        appeal="A1",
        case="K7Q2F9XM0",
        decision=decision,
        outcome=outcome,
        by="U0REED",
        at=minutes(9),
        reason="r",
    )
    return cmd.AnswerAppeal(answer=given)


def happened(*steps: Step, case: Case | None = None) -> list[Recorded]:
    """The events after the opening, of steps one minute apart."""
    case, events = case or a_case(), list[Recorded]()
    for minute, step in enumerate(steps, 1):
        command = step(case) if callable(step) else step
        outcome = decide(case, command, minutes(minute))
        assert not isinstance(outcome, Refusal), outcome
        events += numbered(case, outcome)
        case = apply_all(case, outcome)
    return events


def judged(*steps: Step, case: Case | None = None) -> list[tuple[str, bool, str]]:
    """Verdict, whether it was overturned, and source, of each version."""
    return [
        (each.verdict.value, each.overturned, each.source.value)
        for each in verdicts(happened(*steps, case=case))
    ]


CLEAR = cmd.MarkNoViolation(by=SATO)
REOPEN = cmd.Reopen(by=SATO, reason="new facts")
MUTE, BAN = preset(SATO, "mute"), preset(SATO, "ban")
UNDO = cmd.Undo(by=SATO)
YES, NO = cmd.Approve(by=TANAKA), cmd.Reject(by=TANAKA, reason="too hard")
HELD, GONE = ("violation", False, "decision"), ("violation", True, "decision")
CLEARED = ("no_violation", False, "decision")
FALSE = cmd.Decide(by=SATO, verdict=Verdict.FALSE_POSITIVE, reason="a model number")


class TestVerdicts:
    def test_a_decision_by_koban_is_automatic_until_a_person_decides(self) -> None:
        """Taken back it is overturned; the next verdict is the person's."""
        policy = a_policy(auto=[{"when": "true", "preset": "mute"}], protect=[])
        rule = cmd.DecideAutomatically(rule=0, alert_key="a/1", detector="a")
        steps = (rule, done, cmd.Reconsider(by=SATO), undone, CLEAR)
        found = verdicts(happened(*steps, case=a_case(policy=policy)))
        assert [(each.verdict.value, each.auto, each.overturned) for each in found] == [
            ("violation", True, False),
            ("violation", True, True),
            ("no_violation", False, False),
        ]

    @pytest.mark.parametrize(
        ("steps", "expected"),
        [
            pytest.param((), [], id="undecided"),
            pytest.param((cmd.Claim(by=SATO),), [], id="claimed"),
            pytest.param((CLEAR,), [CLEARED], id="no violation"),
            pytest.param((FALSE,), [("false_positive", False, "decision")], id="false positive"),
            pytest.param((MUTE,), [HELD], id="before its actions"),
            pytest.param((MUTE, done), [HELD], id="after them"),
            pytest.param(
                (cmd.MarkSample(alert_key="live-chat/chat-000001"), CLEAR),
                [("no_violation", False, "sample")],
                id="a sample",
            ),
            pytest.param((BAN,), [], id="waits for its approval"),
            pytest.param((BAN, NO), [], id="rejected"),
            pytest.param((BAN, YES), [HELD], id="approved"),
            pytest.param((BAN, NO, CLEAR), [CLEARED], id="rejected, then cleared"),
            pytest.param((MUTE, done, UNDO), [HELD, GONE], id="undone by a person"),
            pytest.param((MUTE, done, UNDO, undone), [HELD, GONE], id="undone at the platform"),
            pytest.param((CLEAR, REOPEN), [CLEARED], id="reopened"),
            pytest.param((CLEAR, REOPEN, MUTE), [CLEARED, HELD], id="reopened, decided again"),
            pytest.param(
                (MUTE, done, UNDO, undone, REOPEN, CLEAR),
                [HELD, GONE, CLEARED],
                id="undone, reopened, cleared",
            ),
            pytest.param(
                (MUTE, done, answered(AppealOutcome.UPHELD)),
                [HELD, ("violation", False, "appeal")],
                id="appeal upheld",
            ),
            pytest.param(
                (MUTE, done, answered(AppealOutcome.OVERTURNED), undone),
                [HELD, ("violation", True, "appeal")],
                id="appeal overturned",
            ),
            pytest.param(
                (MUTE, done, UNDO, undone, REOPEN, CLEAR, answered(AppealOutcome.OVERTURNED)),
                [HELD, GONE, CLEARED],
                id="appeal against an earlier decision",
            ),
        ],
    )
    def test_a_verdict_is_what_holds_after_an_event(
        self, steps: tuple[Step, ...], expected: list[tuple[str, bool, str]]
    ) -> None:
        """A decision that waits for its approval is none; a reversal corrects the earlier one."""
        assert judged(*steps) == expected

    @pytest.mark.parametrize(
        ("answer", "expected"), [(YES, [HELD]), (NO, [HELD, GONE])], ids=["approved", "rejected"]
    )
    def test_a_decision_that_acts_first_is_corrected_by_its_review(
        self, answer: cmd.Command, expected: list[tuple[str, bool, str]]
    ) -> None:
        """It holds before the review, as its actions do."""
        assert judged(MUTE, done, answer, case=a_case(policy=ACT_FIRST)) == expected

    def test_a_violation_has_its_clause_and_the_number_of_its_event(self) -> None:
        """The number is that of the ledger, so a receiver can ignore an older message."""
        events = happened(MUTE, done, UNDO)
        by_kind = {each.event.kind: each.seq for each in events}
        assert verdicts(events) == (
            CaseVerdict(
                version=by_kind["decided"],
                decision="D1",
                verdict=Verdict.VIOLATION,
                clause="MKT-4.2",
                decided_at=minutes(1),
            ),
            CaseVerdict(
                version=by_kind["undo_requested"],
                decision="D1",
                verdict=Verdict.VIOLATION,
                clause="MKT-4.2",
                decided_at=minutes(3),
                overturned=True,
            ),
        )
        assert [each.clause for each in verdicts(happened(CLEAR))] == [None]

    def test_the_kinds_that_judge_are_enough(self) -> None:
        """The ledger reads no other events of a case for it."""
        for steps in (
            (BAN, YES, done, cmd.Undo(by=TANAKA)),
            (MUTE, done, UNDO, undone, REOPEN, CLEAR),
        ):
            events = happened(*steps)
            assert verdicts(each for each in events if each.event.kind in JUDGING) == verdicts(
                events
            )

    @pytest.mark.parametrize(
        ("steps", "stands"),
        [
            pytest.param((), False, id="undecided"),
            pytest.param((BAN,), False, id="waits for its approval"),
            pytest.param((MUTE,), True, id="decided"),
            pytest.param((MUTE, done, UNDO), False, id="undone"),
            pytest.param((CLEAR, REOPEN), False, id="reopened"),
            pytest.param((CLEAR, REOPEN, BAN), False, id="reopened, waits for its approval"),
            pytest.param((CLEAR, REOPEN, BAN, YES), True, id="reopened, decided again"),
            pytest.param((MUTE, done, answered(AppealOutcome.UPHELD)), True, id="upheld"),
            pytest.param((MUTE, done, answered(AppealOutcome.OVERTURNED)), False, id="overturned"),
        ],
    )
    def test_a_verdict_stands_until_it_is_overturned_or_the_case_is_reopened(
        self, steps: tuple[Step, ...], stands: bool
    ) -> None:
        """An alert that joins meanwhile is judged with the others."""
        assert judgment(happened(*steps)).stands is stands

    def test_an_appeal_is_judged_by_its_reviewer(self) -> None:
        """The time is that of the answer."""
        last = verdicts(happened(MUTE, done, answered(AppealOutcome.OVERTURNED)))[-1]
        assert (last.source, last.decided_at) == (JudgedBy.APPEAL, minutes(3))


class TestAttempts:
    def test_an_id_is_the_same_for_every_attempt(self) -> None:
        """Another version of the verdict, or another alert, has another one."""
        found = {
            feedback_id("chat", alert, "K1", version)
            for alert in ("a1", "a2")
            for version in (3, 4)
            for _ in range(3)
        }
        assert len(found) == 4
        assert feedback_id("chat", "a1", "K1", 3) == "fb_9NE0H1PJSTHPA4ABD9SM98ZD918D3P42"

    def test_pauses_are_doubled_up_to_four_hours(self) -> None:
        """In seven days a message is tried some fifty times."""
        assert [pause_after(n).total_seconds() for n in (0, 1, 2, 3, 11, 12, 400)] == [
            *(10, 10, 20, 40, 10_240, 14_400, 14_400)
        ]
        passed, tries = timedelta(), 0
        while passed < LASTS:
            tries += 1
            passed += pause_after(tries)
        assert tries == 52

    @given(st.integers(0, 1000), st.timedeltas(timedelta(), timedelta(days=30)))
    def test_a_receiver_may_ask_for_a_longer_pause(self, failures: int, wanted: timedelta) -> None:
        """But not for one above four hours, nor for a shorter one."""
        pause = pause_after(failures, wanted)
        assert pause_after(failures) <= pause <= timedelta(hours=4)
        assert pause == pause_after(failures) or pause == min(wanted, timedelta(hours=4))

    @pytest.mark.parametrize(
        ("kind", "after", "status"),
        [
            (FeedbackProblemKind.NO_ANSWER, LASTS - timedelta(seconds=1), FeedbackStatus.WAITING),
            (FeedbackProblemKind.NO_ANSWER, LASTS, FeedbackStatus.DEAD),
            (FeedbackProblemKind.REFUSED, timedelta(days=6), FeedbackStatus.WAITING),
            (FeedbackProblemKind.GONE, timedelta(), FeedbackStatus.DEAD),
        ],
    )
    def test_a_message_is_tried_for_a_week(
        self, kind: FeedbackProblemKind, after: timedelta, status: FeedbackStatus
    ) -> None:
        """A receiver that is gone (410) wants none at all."""
        problem = FeedbackProblem(kind=kind)
        assert status_after(problem, minutes(0), minutes(0) + after) is status

    @pytest.mark.parametrize(
        ("next_at", "failures", "pause"),
        [
            (None, 0, None),
            (None, 3, None),
            (minutes(5), 0, timedelta(0)),
            (minutes(10), 0, timedelta(0)),
            (minutes(12), 0, timedelta(minutes=2)),
            (minutes(5), 3, timedelta(seconds=40)),
            (minutes(12), 3, timedelta(minutes=2)),
        ],
    )
    def test_the_next_round_is_when_a_message_is_due(
        self, next_at: object, failures: int, pause: timedelta | None
    ) -> None:
        """After a failure all messages of the detector wait."""
        done = FeedbackRound.model_validate({"next_at": next_at, "failed": failures > 0})
        assert next_round(done, failures, minutes(10)) == pause

    @pytest.mark.parametrize(
        ("delivered", "failed", "before", "after"),
        [(0, True, 0, 1), (0, True, 7, 8), (3, True, 7, 1), (3, False, 7, 0), (0, False, 7, 0)],
    )
    def test_a_failure_after_a_delivery_is_the_first_in_a_row(
        self, delivered: int, failed: bool, before: int, after: int
    ) -> None:
        """The receiver works: one message that it refuses says nothing about the others."""
        done = FeedbackRound(delivered=delivered, failed=failed)
        assert failures_after(done, before) == after

    @pytest.mark.parametrize(
        ("failures", "wanted", "seconds"),
        [(1, None, 10), (2, None, 20), (4, None, 60), (400, None, 60), (400, 300, 300), (1, 5, 10)],
    )
    def test_new_messages_wait_a_minute_at_most(
        self, failures: int, wanted: int | None, seconds: int
    ) -> None:
        """Or as long as the receiver asks for."""
        asked = None if wanted is None else timedelta(seconds=wanted)
        assert rest_after(failures, asked) == timedelta(seconds=seconds)

    def test_the_next_round_is_soon_while_new_messages_wait(self) -> None:
        """A message that fails for hours does not hold them up."""
        done = FeedbackRound(failed=True, untried=True, next_at=minutes(5))
        assert next_round(done, 12, minutes(10)) == timedelta(minutes=1)
