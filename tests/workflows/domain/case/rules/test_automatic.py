"""Automatic decisions: when Koban decides, when it leaves a case to people, and taking it back."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from tests.workflows.domain.builders import (
    SATO,
    SUZUKI,
    a_case,
    a_policy,
    follow,
    kinds,
    minutes,
    news,
    preset,
    refused,
)
from workflows.domain.automation import AutomationPause
from workflows.domain.brakes import AutomaticAction
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decide import decide
from workflows.domain.case.enforcement import (
    ActionReport,
    ActionStatus,
    EnforcementReport,
    Problem,
    ProblemKind,
)
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Reason
from workflows.domain.case.rules.tightening import automatic_actions
from workflows.domain.policy.bands import Band
from workflows.domain.policy.limits import Full, Limits, Power
from workflows.domain.policy.playbook import Policy

AUTO = {"auto": [{"when": "alert.score >= 0.98", "preset": "mute"}], "protect": []}
KEY = "live-chat/chat-000001"


def a_new_case(**more: Any) -> Case:
    """An open case of a playbook with an automatic decision."""
    return a_case(policy=a_policy(**{**AUTO, **more}))


def automatically(**more: Any) -> cmd.DecideAutomatically:
    """The first rule holds for the first alert."""
    return cmd.DecideAutomatically(rule=0, alert_key=KEY, detector="live-chat", **more)


def decided() -> Case:
    """A case that Koban decided, with its action in effect."""
    case = follow(a_new_case(), automatically(), minutes(0))
    return follow(case, news(case, ActionStatus.VERIFIED), minutes(1))


def events_of(case: Case, command: cmd.Command, minute: float = 0) -> tuple[ev.Event, ...]:
    """The events of a command that must not be refused."""
    outcome = decide(case, command, minutes(minute))
    assert isinstance(outcome, tuple)
    return outcome


def of_kind(events: Iterable[ev.Event], kind: str) -> list[ev.Event]:
    """The events of one kind."""
    return [each for each in events if each.kind == kind]


def test_koban_decides_with_the_preset() -> None:
    """The decision is by `koban`, nobody claims the case, and the person gets a notice."""
    events = events_of(a_new_case(), automatically())
    assert kinds(events) == ["auto_decided", "decided"]
    assert [each.by for each in events] == [None, None]
    case = follow(a_new_case(), automatically(), minutes(0))
    assert case.decision is not None
    assert (case.decision.by, case.decision.preset, case.decision.policy) == (
        "koban",
        "mute",
        "MKT-4.2",
    )
    assert case.decision.automatic
    assert case.decision.person is None
    assert (case.phase, case.owner) == (Phase.ENFORCING, None)


def test_the_case_closes_when_the_action_took_effect() -> None:
    """Nobody closed it: the event is by Koban."""
    case = decided()
    assert case.phase is Phase.CLOSED
    assert case.turn is not None
    assert (case.turn.kind, case.turn.by) == ("case_closed", None)


@pytest.mark.parametrize(
    "command",
    [
        cmd.Claim(by=SATO),
        cmd.Acknowledge(by=SATO),
        cmd.Snooze(by=SATO, until=minutes(2)),
        cmd.MarkNoViolation(by=SATO),
        preset(SATO, "warn"),
    ],
    ids=lambda command: command.kind,
)
def test_koban_decides_no_case_that_a_person_sees_to(command: cmd.Command) -> None:
    """A person who works on the case decides it, whatever alerts follow."""
    case = follow(a_new_case(), command, minutes(1))
    assert events_of(case, automatically(), 1.5) == ()


@pytest.mark.parametrize("action", ["ban", "forfeit"])
def test_koban_decides_nothing_that_needs_a_person(action: str) -> None:
    """A preset that is dangerous, needs an approval or can't be undone is left to people."""
    case = a_new_case(auto=[{"when": "true", "preset": action}])
    assert events_of(case, automatically()) == ()


def test_an_unknown_rule_decides_nothing() -> None:
    """A rule that the policy of the case does not have has no effect."""
    command = automatically().model_copy(update={"rule": 3})
    assert events_of(a_new_case(), command) == ()
    assert events_of(a_new_case(auto=[{"when": "true", "preset": "none"}]), automatically()) == ()


PAUSE = AutomationPause(by="U0TANAKA", at=minutes(-1))
LIMIT = Full(
    power=Power.DETECTOR,
    holder="live-chat",
    used=20,
    most=20,
    within=timedelta(minutes=5),
    resets_at=minutes(4),
)


@pytest.mark.parametrize(
    ("more", "policy", "cause"),
    [
        ({"pauses": (PAUSE,)}, {}, "pause"),
        ({"limit": LIMIT}, {}, "limit"),
        ({}, {"trusted": ["u_123"]}, "trusted"),
    ],
    ids=["pause", "limit", "trusted"],
)
def test_what_is_prevented_is_left_to_people(
    more: dict[str, Any], policy: dict[str, Any], cause: str
) -> None:
    """The cause is recorded once, and later alerts change nothing."""
    case = a_new_case(**policy)
    events = events_of(case, automatically(**more))
    assert kinds(events) == ["protection_withheld"]
    assert getattr(events[0], cause)
    case = follow(case, automatically(**more), minutes(0))
    assert case.phase is Phase.OPEN
    assert events_of(case, automatically()) == ()


SAMPLED = a_policy(**AUTO, sample={"auto": "100%"})
OFFICIAL = Limits.model_validate(
    {
        "approval": {"by": "lead", "within": "1h"},
        "exempt": [{"type": "user", "id": "u_123", "reason": "公式"}],
    }
)


@pytest.mark.parametrize(
    ("policy", "cause"),
    [
        (SAMPLED.model_copy(update={"trusted": frozenset({"u_123"})}), "trusted"),
        (SAMPLED.model_copy(update={"limits": OFFICIAL}), "exempt"),
    ],
    ids=["trusted", "exempt"],
)
def test_a_subject_that_koban_spares_is_no_sample(policy: Policy, cause: str) -> None:
    """Koban would not act on it: what people decide says nothing about the detector."""
    case = a_case(policy=policy)
    events = events_of(case, automatically())
    assert kinds(events) == ["protection_withheld"]
    assert getattr(events[0], cause)
    assert automatic_actions(case, events) == ()


def test_a_sample_is_an_ordinary_case() -> None:
    """A drawn case is not decided, has no visible event, and stays with people."""
    case = a_new_case(sample={"auto": "100%"})
    events = events_of(case, automatically())
    assert kinds(events) == ["sampled"]
    assert (events[0].in_thread, events[0].redraws_card) == (False, False)
    case = follow(case, automatically(), minutes(0))
    assert (case.sampled, case.phase) == (Band.ACT, Phase.OPEN)
    assert events_of(case, automatically()) == ()


def test_a_drawn_record_is_marked_once() -> None:
    """The case of a drawn record is a sample of the band log."""
    case = follow(a_new_case(), cmd.MarkSample(alert_key=KEY), minutes(0))
    assert case.sampled is Band.LOG
    assert events_of(case, cmd.MarkSample(alert_key=KEY)) == ()
    assert events_of(case, automatically()) == ()


def test_a_failed_action_returns_the_case_to_people() -> None:
    """Nothing took effect: the case is open again, and Koban does not decide it twice."""
    case = follow(a_new_case(), automatically(), minutes(0))
    case = follow(case, news(case, ActionStatus.FAILED), minutes(1))
    assert (case.phase, case.owner) == (Phase.OPEN, None)
    assert [state.status for state in case.actions] == [ActionStatus.GIVEN_UP]
    assert events_of(case, automatically(), 2) == ()
    assert follow(case, cmd.Claim(by=SATO), minutes(2)).owner == "U0SATO"


STOPPED = Problem(kind=ProblemKind.PAUSED)


def test_a_decision_that_a_pause_stops_is_left_to_people() -> None:
    """Its action waited at the platform: the case is open again, and Koban does not repeat it."""
    case = follow(a_new_case(), automatically(), minutes(0))
    assert case.decision is not None
    assert case.decision.detectors == ("live-chat",)
    stopped = news(case, ActionStatus.SKIPPED, problem=STOPPED)
    outcome = events_of(case, stopped, 1)
    assert kinds(outcome) == ["action_skipped", "actions_given_up"]
    case = follow(case, stopped, minutes(1))
    assert (case.phase, case.owner) == (Phase.OPEN, None)
    assert [state.status for state in case.actions] == [ActionStatus.GIVEN_UP]
    assert events_of(case, automatically(), 2) == ()
    decided = follow(case, preset(SATO, "mute"), minutes(2))
    assert decided.phase is Phase.ENFORCING


def half_stopped() -> Case:
    """Koban's decision, of which one action was done before the pause."""
    both = {"id": "both", "title": "both", "actions": ["warn", "mute_user"]}
    case = a_new_case(auto=[{"when": "true", "preset": "both"}], presets=[both])
    case = follow(case, automatically(), minutes(0))
    first, second = case.current_actions
    done = ActionReport(action=first.planned.key, status=ActionStatus.VERIFIED)
    skipped = ActionReport(action=second.planned.key, status=ActionStatus.SKIPPED, problem=STOPPED)
    report = EnforcementReport(id="r1", case=case.id, decision="D1", actions=(done, skipped))
    return follow(case, cmd.Report(report=report), minutes(1))


def of_first(case: Case, status: ActionStatus, **more: Any) -> cmd.Report:
    """The report about the first of the actions alone."""
    first = case.current_actions[0].planned.key
    actions = (ActionReport(action=first, status=status, **more),)
    report = EnforcementReport(id="r2", case=case.id, decision="D1", actions=actions)
    return cmd.Report(report=report)


def test_of_a_decision_that_a_pause_stops_nothing_stays() -> None:
    """What was done before the pause is undone, and the case is open again."""
    case = half_stopped()
    assert (case.phase, case.acting) == (Phase.ENFORCING, True)
    case = follow(case, of_first(case, ActionStatus.ROLLED_BACK), minutes(2))
    assert (case.phase, case.owner) == (Phase.OPEN, None)
    assert [state.status for state in case.actions] == [
        ActionStatus.ROLLED_BACK,
        ActionStatus.GIVEN_UP,
    ]
    assert events_of(case, automatically(), 3) == ()


def test_what_can_not_be_undone_after_a_pause_is_shown() -> None:
    """The case closes with what is in effect, and with the problem."""
    case = half_stopped()
    problem = Problem(kind=ProblemKind.REFUSED, status=409)
    case = follow(case, of_first(case, ActionStatus.FAILED, problem=problem), minutes(2))
    assert case.phase is Phase.CLOSED
    first, second = case.actions
    assert (first.status, first.problem) == (ActionStatus.DONE, problem)
    assert second.status is ActionStatus.GIVEN_UP
    assert follow(case, cmd.Undo(by=SATO, version=case.version), minutes(3)).undoing


def test_a_failed_rollback_that_was_never_reported_as_done_is_in_effect() -> None:
    """The first report comes after the rollback: nothing is given up that the platform has."""
    case = follow(a_new_case(), automatically(), minutes(0))
    problem = Problem(kind=ProblemKind.UNREACHABLE)
    failed = of_first(case, ActionStatus.FAILED, problem=problem, undo=True)
    case = follow(case, failed, minutes(1))
    assert [(state.status, state.problem) for state in case.actions] == [
        (ActionStatus.DONE, problem)
    ]


def test_the_actions_that_a_breaker_counts() -> None:
    """Those of a decision by Koban, or of a sample, which a person judges; none of a person."""
    case = a_new_case()
    user = "user:u_123"
    assert automatic_actions(case, events_of(case, automatically())) == (
        AutomaticAction(decision="D1", action="mute_user", subject=user),
    )
    sampled = a_new_case(sample={"auto": "100%"})
    assert automatic_actions(sampled, events_of(sampled, automatically())) == (
        AutomaticAction(decision="sample", action="mute_user", subject=user, sampled=True),
    )
    assert automatic_actions(case, events_of(case, preset(SATO, "mute"), 1)) == ()
    record = events_of(case, cmd.MarkSample(alert_key=KEY))
    assert automatic_actions(case, record) == ()


# -- taking it back -----------------------------------------------------------------------


def test_one_press_undoes_and_reopens() -> None:
    """The action is undone first; then the case is open for the person who pressed."""
    case = follow(decided(), cmd.Reconsider(by=SATO), minutes(2))
    assert (case.phase, case.undoing, case.reopening_by) == (Phase.CLOSED, True, "U0SATO")
    case = follow(case, news(case, ActionStatus.UNDONE), minutes(3))
    assert (case.phase, case.owner, case.reopening_by) == (Phase.CLAIMED, "U0SATO", None)
    assert events_of(case, automatically(), 4) == ()


def test_an_ended_action_needs_no_undo() -> None:
    """Once the mute is over, the press reopens at once."""
    case = decided()
    case = follow(case, news(case, ActionStatus.LIFTED), minutes(2))
    events = events_of(case, cmd.Reconsider(by=SATO), 3)
    assert kinds(events) == ["reopening_requested", "case_reopened"]


def test_a_failed_undo_keeps_the_case_closed() -> None:
    """The action is still in effect; a second press tries again."""
    case = follow(decided(), cmd.Reconsider(by=SATO), minutes(2))
    case = follow(case, news(case, ActionStatus.FAILED), minutes(3))
    assert case.phase is Phase.CLOSED
    assert case.undoable
    case = follow(case, cmd.Reconsider(by=SATO), minutes(4))
    case = follow(case, news(case, ActionStatus.UNDONE), minutes(5))
    assert case.phase is Phase.CLAIMED


def test_only_an_automatic_decision_is_taken_back_so() -> None:
    """A decision of a person has Undo and Reopen, which asks for a reason."""
    case = follow(a_new_case(), preset(SATO, "mute"), minutes(1))
    assert refused(case, cmd.Reconsider(by=SATO), 2).reason is Reason.NOT_AUTOMATIC
    case = follow(case, news(case, ActionStatus.VERIFIED), minutes(2))
    assert refused(case, cmd.Reconsider(by=SATO), 3).reason is Reason.NOT_AUTOMATIC


def test_an_auditor_takes_nothing_back() -> None:
    """Auditors read; the case stays as it is."""
    assert refused(decided(), cmd.Reconsider(by=SUZUKI), 2).reason is Reason.ROLE_NEEDED


# -- trusted subjects ---------------------------------------------------------------------


def test_a_trusted_subject_is_not_protected_from() -> None:
    """The reason is recorded once; people can still decide as usual."""
    case = a_case(policy=a_policy(trusted=["u_123"]))
    events = events_of(case, cmd.ProtectNow(rules=(0, 1), detector="live-chat"))
    assert [getattr(each, "trusted", None) for each in events] == [True, True]
    case = follow(case, cmd.ProtectNow(rules=(0, 1), detector="live-chat"), minutes(0))
    assert case.protections == ()
    assert events_of(case, cmd.ProtectNow(rules=(0, 1), detector="live-chat")) == ()
    decided_ = events_of(case, preset(SATO, "mute"), 1)
    assert kinds(decided_) == ["case_claimed", "decided"]


def test_a_late_case_of_a_trusted_subject_is_escalated_without_protection() -> None:
    """The call is made; what it would have protected is withheld."""
    case = a_case(policy=a_policy(trusted=["u_123"]))
    events = events_of(case, cmd.Tick(), 10)
    withheld = of_kind(events, "protection_withheld")
    assert [getattr(each, "trusted", None) for each in withheld] == [True]
    assert of_kind(events, "protection_started") == []
