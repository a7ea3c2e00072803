"""Commands of automation: what an alert or a deadline gives, for each answer to its bookings."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests.workflows.domain.builders import SATO, T0, a_case, a_policy, follow, minutes
from workflows.domain.automation import AutomationPause
from workflows.domain.case import commands as cmd
from workflows.domain.case.automation import (
    Booked,
    Booking,
    Bookings,
    Counted,
    R,
    Trigger,
    automatic_commands,
    booked_command,
    counted_detector,
    prevented,
)
from workflows.domain.case.model import Case
from workflows.domain.policy.limits import Full, Power
from workflows.domain.policy.playbook import Severity

KEY = "live-chat/chat-000001"
BREAKER = {"window": "5m", "floor": 3}
LIMITS = {
    "bulk": 5,
    "approval": {"by": "lead", "within": "20m"},
    "automation": {
        "detector": {"most": 5, "within": "1h"},
        "playbook": {"most": 9, "within": "2h"},
    },
}
MUTED = AutomationPause(detector="live-chat", action="mute_user", by="koban", at=T0)
STREAMS = AutomationPause(action="pause_stream", by="U0SATO", at=T0)
FULL = Full(
    power=Power.DETECTOR,
    holder="live-chat",
    most=5,
    within=timedelta(hours=1),
    used=5,
    resets_at=minutes(30),
    alert=True,
)


def a_new_case(limits: Any = None, **more: Any) -> Case:
    """A critical case with two rules: `mute_user` and `pause_stream`."""
    policy = a_policy(**{"breaker": BREAKER, "escalation": [], **more})
    found = type(policy).model_validate({**dict(policy), "limits": limits})
    return a_case(Severity.CRITICAL, found)


def trigger(*rules: int, **more: Any) -> Trigger:
    """An alert for which these rules hold."""
    return Trigger(detector="live-chat", key=KEY, rules=rules, **more)


def run(bookings: Bookings[R], answers: Iterable[Booked | None] = ()) -> tuple[R, list[Booking]]:
    """The result with these answers, the last of which repeats, and the bookings."""
    given, made = list(answers) or [Booked()], list[Booking]()
    try:
        booking = next(bookings)
        while True:
            made.append(booking)
            answer = given.pop(0) if len(given) > 1 else given[0]
            booking = bookings.send(answer)
    except StopIteration as done:
        result: R = done.value
        return result, made


def actions_of(booking: Booking) -> list[str]:
    """The names of the actions that a booking counts."""
    return [] if booking.counted is None else [each.action for each in booking.counted.actions]


class TestProtections:
    def test_what_rules_start_is_booked_together(self) -> None:
        """One booking with both actions, for the playbook's breaker and the alert's detector."""
        (protect,), (booking,) = run(automatic_commands(a_new_case(), trigger(0, 1), (), T0))
        assert protect == cmd.ProtectNow(rules=(0, 1), detector="live-chat")
        assert actions_of(booking) == ["mute_user", "pause_stream"]
        assert booking.counted is not None
        assert (booking.counted.playbook, booking.counted.detectors) == (
            "off_platform",
            ("live-chat",),
        )
        assert (booking.case, booking.at, booking.uses) == ("K7Q2F9XM0", T0, ())

    def test_nothing_is_booked_without_limits_and_breaker(self) -> None:
        """Nobody counts, so nothing waits for the ledger."""
        (protect,), made = run(automatic_commands(a_new_case(breaker=None), trigger(0), (), T0))
        assert isinstance(protect, cmd.ProtectNow)
        assert made == []

    def test_limits_book_detector_and_playbook(self) -> None:
        """Each protection is a use of both."""
        case = a_new_case(LIMITS, breaker=None)
        _, (booking,) = run(automatic_commands(case, trigger(0, 1), (), T0))
        assert [(use.power, use.holder, use.amount, use.most) for use in booking.uses] == [
            (Power.DETECTOR, "live-chat", 2, 5),
            (Power.PLAYBOOK, "off_platform", 2, 9),
        ]
        assert booking.counted is None

    def test_a_lost_answer_lets_it_start(self) -> None:
        """Harm does not wait: each rule acts once in its case anyway."""
        (protect,), made = run(automatic_commands(a_new_case(), trigger(0, 1), (), T0), [None])
        assert protect == cmd.ProtectNow(rules=(0, 1), detector="live-chat")
        assert len(made) == 1

    def test_a_pause_that_comes_back_prevents_its_action_alone(self) -> None:
        """The other one is booked again without it."""
        (protect,), made = run(
            automatic_commands(a_new_case(), trigger(0, 1), (), T0),
            [Booked(pause=MUTED), Booked()],
        )
        assert protect == cmd.ProtectNow(rules=(0, 1), detector="live-chat", pauses=(MUTED,))
        assert [actions_of(each) for each in made] == [
            ["mute_user", "pause_stream"],
            ["pause_stream"],
        ]

    def test_pauses_of_all_actions_end_the_bookings(self) -> None:
        """With nothing left there is nothing to book."""
        (protect,), made = run(
            automatic_commands(a_new_case(), trigger(0, 1), (), T0),
            [Booked(pause=MUTED), Booked(pause=STREAMS), Booked()],
        )
        assert isinstance(protect, cmd.ProtectNow)
        assert protect.pauses == (MUTED, STREAMS)
        assert len(made) == 2

    def test_an_action_that_is_known_to_be_paused_is_not_booked(self) -> None:
        """The pause was known before."""
        (protect,), (booking,) = run(
            automatic_commands(a_new_case(), trigger(0, 1), (STREAMS,), T0)
        )
        assert isinstance(protect, cmd.ProtectNow)
        assert actions_of(booking) == ["mute_user"]

    def test_a_known_pause_that_comes_back_ends_it(self) -> None:
        """It prevents nothing in the case, so it is not asked for again and again."""
        (protect,), made = run(
            automatic_commands(a_new_case(), trigger(1), (MUTED,), T0), [Booked(pause=MUTED)]
        )
        assert isinstance(protect, cmd.ProtectNow)
        assert (protect.pauses, len(made)) == ((MUTED,), 1)

    def test_a_full_limit_is_in_the_command(self) -> None:
        """The case then withholds the protection."""
        case = a_new_case(LIMITS)
        (protect,), _ = run(automatic_commands(case, trigger(0), (), T0), [Booked(full=FULL)])
        assert isinstance(protect, cmd.ProtectNow)
        assert protect.limit == FULL

    @pytest.mark.parametrize(("minute", "booked"), [(29, 0), (30, 1)])
    def test_a_met_limit_is_not_asked_for_before_its_time(self, minute: int, booked: int) -> None:
        """Until then the case has the answer, and alerts the leads no second time."""
        case = a_new_case(LIMITS)
        (protect,), _ = run(automatic_commands(case, trigger(0), (), T0), [Booked(full=FULL)])
        case = follow(case, protect, T0)
        (again,), made = run(automatic_commands(case, trigger(0), (), minutes(minute)))
        assert isinstance(again, cmd.ProtectNow)
        expected = FULL.model_copy(update={"alert": False}) if minute < 30 else None
        assert (again.limit, len(made)) == (expected, booked)

    def test_the_limit_of_another_detector_is_another_one(self) -> None:
        """An alert of a detector with room left is booked."""
        case = a_new_case(LIMITS)
        (protect,), _ = run(automatic_commands(case, trigger(0), (), T0), [Booked(full=FULL)])
        case = follow(case, protect, T0)
        other = Trigger(detector="rules", key="rules/1", rules=(0,))
        (again,), made = run(automatic_commands(case, other, (), minutes(1)))
        assert isinstance(again, cmd.ProtectNow)
        assert (again.limit, len(made)) == (None, 1)

    def test_rules_that_acted_give_nothing(self) -> None:
        """Each acts once in a case."""
        case = a_new_case()
        case = follow(case, cmd.ProtectNow(rules=(0,), detector="live-chat"), T0)
        commands, made = run(automatic_commands(case, trigger(0), (), minutes(1)))
        assert (commands, made) == ([], [])

    def test_an_alert_without_rules_gives_nothing(self) -> None:
        """Most alerts of a raid."""
        assert run(automatic_commands(a_new_case(), trigger(), (), T0)) == ([], [])


AUTO = {"auto": [{"when": "true", "preset": "mute"}]}


class TestDecisions:
    def test_a_decision_follows_the_protections(self) -> None:
        """Each has a booking of its own."""
        case = a_new_case(**AUTO)
        commands, made = run(automatic_commands(case, trigger(1, auto=0), (), T0))
        assert [each.kind for each in commands] == ["protect_now", "decide_automatically"]
        assert [actions_of(each) for each in made] == [["pause_stream"], ["mute_user"]]

    def test_a_pause_that_protections_met_holds_for_the_decision(self) -> None:
        """It is not booked: the case leaves it to people."""
        commands, made = run(
            automatic_commands(a_new_case(**AUTO), trigger(0, auto=0), (), T0),
            [Booked(pause=MUTED), Booked()],
        )
        decision = commands[-1]
        assert isinstance(decision, cmd.DecideAutomatically)
        assert (decision.pauses, len(made)) == ((MUTED,), 1)

    @pytest.mark.parametrize(
        ("answers", "expected"),
        [
            ([None], ["protect_now"]),
            ([Booked(), None], ["protect_now"]),
            ([None, Booked()], ["protect_now", "decide_automatically"]),
        ],
    )
    def test_a_lost_answer_leaves_the_decision_to_people(
        self, answers: list[Booked | None], expected: list[str]
    ) -> None:
        """It may have tripped a breaker. The protection started all the same."""
        commands, _ = run(
            automatic_commands(a_new_case(**AUTO), trigger(1, auto=0), (), T0), answers
        )
        assert [each.kind for each in commands] == expected

    def test_a_full_limit_is_in_the_decision(self) -> None:
        """The case records why it did not decide."""
        case = a_new_case(LIMITS, **AUTO)
        (decision,), _ = run(automatic_commands(case, trigger(auto=0), (), T0), [Booked(full=FULL)])
        assert isinstance(decision, cmd.DecideAutomatically)
        assert decision.limit == FULL

    def test_a_sampled_decision_counts_as_a_sample(self) -> None:
        """A person decides instead, and no breaker counts the action."""
        case = a_new_case(**AUTO, sample={"auto": 1.0})
        _, (booking,) = run(automatic_commands(case, trigger(auto=0), (), T0))
        assert booking.counted is not None
        assert [(each.decision, each.sampled) for each in booking.counted.actions] == [
            ("sample", True)
        ]

    @pytest.mark.parametrize(
        "seen_to",
        [
            lambda case: follow(case, cmd.Claim(by=SATO), T0),
            lambda case: follow(case, cmd.MarkSample(alert_key=KEY), T0),
            lambda case: follow(case, _withheld(), T0),
            lambda case: follow(case, cmd.MarkNoViolation(by=SATO), T0),
        ],
        ids=["claimed", "sampled", "left to people", "decided"],
    )
    def test_a_case_of_people_is_not_decided(self, seen_to: Callable[[Case], Case]) -> None:
        """Nothing is booked for it."""
        case = seen_to(a_new_case(**AUTO))
        assert run(automatic_commands(case, trigger(auto=0), (), minutes(1))) == ([], [])


def _withheld() -> cmd.DecideAutomatically:
    return cmd.DecideAutomatically(rule=0, alert_key=KEY, detector="live-chat", pauses=(MUTED,))


class TestSamples:
    def test_the_alert_that_opened_a_case_marks_it(self) -> None:
        """It is recorded otherwise."""
        commands, made = run(automatic_commands(a_new_case(), trigger(sampled=True), (), T0))
        assert commands == [cmd.MarkSample(alert_key=KEY)]
        assert made == []

    def test_a_later_one_joins_an_ordinary_case(self) -> None:
        """Its case is there anyway."""
        later = Trigger(detector="live-chat", key="live-chat/chat-000002", sampled=True)
        assert run(automatic_commands(a_new_case(), later, (), T0)) == ([], [])


STEP = [
    {
        "after": "5m",
        "unless": "claimed",
        "notify": "lead",
        "protect": {"action": "pause_stream", "for": "15m"},
    }
]


class TestSteps:
    def test_a_tick_books_the_protection_of_a_step(self) -> None:
        """It counts for the detectors of the case, the first one before."""
        case = a_new_case(LIMITS, escalation=STEP)
        (tick, known), (booking,) = run(
            booked_command(case, cmd.Tick(), ("live-chat", "a_model"), minutes(5))
        )
        assert (tick, known) == (cmd.Tick(), True)
        assert booking.counted is not None
        assert booking.counted.detectors == ("live-chat",)
        assert [use.holder for use in booking.uses] == ["live-chat", "off_platform"]

    def test_a_tick_before_the_step_books_nothing(self) -> None:
        """And one of a claimed case."""
        case = a_new_case(escalation=STEP)
        assert run(booked_command(case, cmd.Tick(), ("live-chat",), minutes(4)))[1] == []
        case = follow(case, cmd.Claim(by=SATO), minutes(1))
        assert run(booked_command(case, cmd.Tick(), ("live-chat",), minutes(6)))[1] == []


class TestPrevented:
    def test_a_sample_is_prevented_by_nothing(self) -> None:
        """Nothing happens to its subject."""
        case = a_new_case(**AUTO, sample={"auto": 1.0})
        _, (booking,) = run(automatic_commands(case, trigger(auto=0), (), T0))
        assert prevented(booking, [MUTED]) is None

    @pytest.mark.parametrize(
        ("pauses", "expected"), [([], None), ([STREAMS], None), ([MUTED], MUTED)]
    )
    def test_a_pause_prevents_its_action(
        self, pauses: list[AutomationPause], expected: AutomationPause | None
    ) -> None:
        """That of another action does not."""
        _, (booking,) = run(automatic_commands(a_new_case(), trigger(0), (), T0))
        assert prevented(booking, pauses) == (None if expected is None else Booked(pause=expected))

    def test_a_booking_without_automatic_actions_is_not_prevented(self) -> None:
        """Pauses are about automation alone."""
        everything = AutomationPause(by="U0SATO", at=T0)
        assert prevented(Booking(uses=(), at=T0), [everything]) is None

    @pytest.mark.parametrize(
        ("detectors", "expected"),
        [(("live-chat",), "live-chat"), (("live-chat", "rules"), "rules")],
    )
    def test_an_action_counts_for_the_first_detector_that_is_not_paused(
        self, detectors: Sequence[str], expected: str
    ) -> None:
        """With all paused it would not happen."""
        _, (booking,) = run(automatic_commands(a_new_case(), trigger(0), (), T0))
        assert booking.counted is not None
        counted = Counted.model_validate({**dict(booking.counted), "detectors": detectors})
        assert counted_detector([MUTED], counted, "mute_user") == expected
