"""Limits in a case: what is counted, what is withheld, and exempt subjects."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from tests.workflows.domain.builders import (
    CLARK,
    REED,
    SATO,
    TANAKA,
    a_case,
    a_policy,
    an_alert,
    follow,
    kinds,
    minutes,
    news,
    preset,
    refused,
)
from workflows.domain.alerts import brief
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.bulk import Bulk
from workflows.domain.case.decide import decide
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.rules.tightening import automatic_uses, uses_of
from workflows.domain.case.view import view_of
from workflows.domain.people import Role
from workflows.domain.policy.limits import Full, Power
from workflows.domain.policy.playbook import Policy, Severity

ONE = {"most": 1, "within": "1h"}
PEOPLE = ("decisions", "clears", "undos", "lifts", "approvals", "overturns")
EXEMPT = {"type": "user", "id": "u_123", "reason": {"ja": "公式アカウント", "en": "Official"}}
FULL = Full(
    power=Power.DETECTOR,
    holder="live-chat",
    most=1,
    within=timedelta(hours=1),
    used=1,
    resets_at=minutes(60),
    alert=True,
)


def policy(*exempt: dict[str, object], **playbook: object) -> Policy:
    """Limits of one for every power, and these exempt subjects."""
    written = a_policy(**playbook).model_dump(mode="json", by_alias=True)
    written["limits"] = {
        "approval": {"by": "lead", "within": "20m"},
        "people": dict.fromkeys(PEOPLE, ONE),
        "automation": {"detector": ONE, "playbook": ONE},
        "exempt": list(exempt),
    }
    return Policy.model_validate(written)


LIMITED, SPARED = policy(), policy(EXEMPT)


def counted(case: Case, command: cmd.PersonCommandBase, minute: float) -> list[tuple[Power, int]]:
    """What a command uses of its person's limits."""
    outcome = decide(case, command, minutes(minute))
    assert not isinstance(outcome, Refusal), outcome
    uses = uses_of(case, command, outcome)
    assert {each.holder for each in uses} <= {command.by.id}
    return [(each.power, each.amount) for each in uses]


def test_a_decision_counts_however_it_is_made() -> None:
    """By preset or in the modal; one without a violation is a clear."""
    case = a_case(policy=LIMITED)
    modal = cmd.Decide(by=SATO, verdict=Verdict.NO_VIOLATION, reason="誤検知")
    assert counted(case, preset(SATO, "mute"), 1) == [(Power.DECISIONS, 1)]
    assert counted(case, cmd.MarkNoViolation(by=SATO), 1) == [(Power.CLEARS, 1)]
    assert counted(case, modal, 1) == [(Power.CLEARS, 1)]
    assert counted(case, cmd.AddNote(by=SATO, note="確認中"), 1) == []
    assert counted(case, cmd.Claim(by=SATO), 1) == []


def test_a_bulk_decision_counts_each_subject() -> None:
    """Also when it is approved or undone."""
    case = a_case(policy=policy(bulk=True))
    command = cmd.DecideBulk(
        by=SATO,
        actions=({"action": "suspend"},),  # type: ignore[arg-type]
        reason="同じ端末",
        bulk=Bulk(id="B1", type="user", count=40),
    )
    assert counted(case, command, 1) == [(Power.DECISIONS, 40)]
    case = follow(case, command, minutes(1))
    assert counted(case, cmd.Approve(by=TANAKA), 2) == [(Power.APPROVALS, 40)]


def test_an_approval_and_an_undo_count() -> None:
    """Of the person who presses; a request for an undo counts, and its approval as one."""
    case = follow(a_case(policy=LIMITED), preset(SATO, "ban"), minutes(1))
    assert counted(case, cmd.Approve(by=TANAKA), 2) == [(Power.APPROVALS, 1)]
    case = follow(case, cmd.Approve(by=TANAKA), minutes(2))
    case = follow(case, news(case, ActionStatus.VERIFIED), minutes(3))
    assert counted(case, cmd.Undo(by=REED), 4) == [(Power.UNDOS, 1)]


def test_an_undo_counts_the_subjects_of_the_decision_that_it_undoes() -> None:
    """A later decision without an effect does not make it smaller."""
    case = a_case(policy=policy(bulk=True))
    command = cmd.DecideBulk(
        by=SATO,
        actions=({"action": "suspend"},),  # type: ignore[arg-type]
        reason="同じ端末",
        bulk=Bulk(id="B1", type="user", count=40),
    )
    case = follow(case, command, minutes(1))
    case = follow(case, cmd.Approve(by=TANAKA), minutes(2))
    case = follow(case, news(case, ActionStatus.DONE), minutes(3))
    (bulk,) = case.decisions
    later = bulk.model_copy(update={"id": "D2", "bulk": None, "actions": ()})
    case = case.model_copy(update={"decisions": (bulk, later), "phase": Phase.CLOSED})
    assert counted(case, cmd.Undo(by=TANAKA), 4) == [(Power.UNDOS, 40)]


def test_lifting_counts_each_protection() -> None:
    """Two protections are lifted with one press."""
    case = follow(a_case(policy=LIMITED), cmd.ProtectNow(rules=(0, 1)), minutes(0))
    assert len(case.protecting) == 2
    assert counted(case, cmd.LiftProtection(by=CLARK), 1) == [(Power.LIFTS, 2)]


def test_pressing_again_has_the_same_key() -> None:
    """An attempt without an effect, and the next one, count once; the next decision is another."""
    case = a_case(policy=LIMITED)

    def key(case: Case, minute: float) -> str:
        outcome = decide(case, preset(SATO, "ban"), minutes(minute))
        assert not isinstance(outcome, Refusal)
        (use,) = uses_of(case, preset(SATO, "ban"), outcome)
        return use.key

    joined = cmd.JoinAlert(alert=brief(an_alert(2)), severity=Severity.CRITICAL)
    assert key(case, 1) == key(follow(case, joined, minutes(1)), 2)
    back = follow(case, preset(SATO, "ban"), minutes(1))
    back = follow(back, cmd.Reject(by=TANAKA, reason="再調査"), minutes(2))
    assert key(back, 3) != key(case, 1)


def test_a_reached_limit_is_an_event_without_another_effect() -> None:
    """The case only counts it."""
    case = a_case(policy=LIMITED)
    after = follow(case, cmd.NoteLimit(by="U0SATO", limit=FULL), minutes(1))
    assert after == case.model_copy(update={"version": case.version + 1})


# -- automation ---------------------------------------------------------------------------


def protect(detector: str = "live-chat", limit: Full | None = None) -> cmd.ProtectNow:
    return cmd.ProtectNow(rules=(0, 1), detector=detector, limit=limit)


def test_protections_count_for_their_detector_and_their_playbook() -> None:
    """Each started action."""
    case = a_case(policy=LIMITED)
    outcome = decide(case, protect(), minutes(0))
    assert not isinstance(outcome, Refusal)
    uses = automatic_uses(case, outcome, "live-chat")
    assert [(each.power, each.holder, each.amount) for each in uses] == [
        (Power.DETECTOR, "live-chat", 2),
        (Power.PLAYBOOK, "off_platform", 2),
    ]


def test_above_the_limit_nothing_is_done_and_the_card_says_so() -> None:
    """Once until the limit resets; afterwards protections start again."""
    case = a_case(policy=LIMITED)
    limited = follow(case, protect(limit=FULL), minutes(1))
    assert limited.protections == ()
    assert view_of(limited).automation_limit == FULL
    again = FULL.model_copy(update={"alert": False})
    assert decide(limited, protect(limit=again), minutes(2)) == ()
    later = FULL.model_copy(update={"resets_at": minutes(120)})
    assert kinds(decide(limited, protect(limit=later), minutes(70))) == ["protection_withheld"]
    protected = follow(limited, protect(), minutes(90))
    assert len(protected.protecting) == 2
    assert view_of(protected).automation_limit is None


def test_a_due_step_protects_nothing_above_the_limit() -> None:
    """The call is made all the same."""
    case = a_case(policy=LIMITED)
    outcome = decide(case, cmd.Tick(limit=FULL), minutes(10))
    assert kinds(outcome)[-2:] == ["case_escalated", "protection_withheld"]


# -- reports of people --------------------------------------------------------------------

BY_TEAM = {"protect": [{"action": "mute_user", "for": "15m", "manual": ["people"]}]}


@pytest.mark.parametrize(
    ("playbook", "detector", "started"),
    [
        ({}, "people", 0),
        ({}, "reports", 0),
        ({}, "live-chat", 2),
        (BY_TEAM, "people", 1),
        (BY_TEAM, "reports", 0),
        (BY_TEAM, "live-chat", 1),
    ],
)
def test_reports_start_what_names_their_detector(
    playbook: dict[str, object], detector: str, started: int
) -> None:
    """Detectors start every protection."""
    case = a_case(policy=policy(**playbook))
    assert len(follow(case, protect(detector), minutes(1)).protections) == started


def opened_by(detector: str, rules: Policy) -> Case:
    """A case whose only alert is of this detector."""
    return a_case(policy=rules).model_copy(update={"detectors": frozenset({detector})})


def test_a_due_step_of_a_reported_case_protects_nothing() -> None:
    """Until a detector finds the same."""
    case = opened_by("reports", LIMITED)
    assert "protection_started" not in kinds(decide(case, cmd.Tick(), minutes(10)))
    joined = cmd.JoinAlert(alert=brief(an_alert(2)), severity=Severity.CRITICAL)
    case = follow(case, joined, minutes(1))
    assert case.detectors == {"reports", "live-chat"}
    assert "protection_started" in kinds(decide(case, cmd.Tick(), minutes(10)))


# -- exempt subjects ----------------------------------------------------------------------


def test_nothing_is_done_automatically_about_an_exempt_subject() -> None:
    """Once in the events, with the reason; the card has it too."""
    case = follow(a_case(policy=SPARED), protect(), minutes(1))
    assert case.protections == ()
    assert decide(case, protect(), minutes(2)) == ()
    assert "protection_started" not in kinds(decide(case, cmd.Tick(), minutes(10)))
    shown = view_of(case).exempt
    assert shown is not None
    assert shown.reason.ja == "公式アカウント"


def test_a_related_exempt_subject_is_spared_and_the_others_are_not() -> None:
    """The stream is exempt: its pause is withheld, and the mute of the user starts."""
    stream = {"type": "stream", "id": "s_9", "reason": "公式配信"}
    outcome = decide(a_case(policy=policy(stream)), protect(), minutes(1))
    assert kinds(outcome) == ["protection_started", "protection_withheld"]


def test_a_decision_about_an_exempt_subject_needs_a_lead() -> None:
    """A mute acts at once elsewhere; undoing it is a lead's, and no violation needs nobody."""
    case = follow(a_case(policy=SPARED), preset(SATO, "mute"), minutes(1))
    assert case.phase is Phase.AWAITING_APPROVAL
    assert case.approval is not None
    assert [(need.role, need.quorum) for need in case.approval.needs] == [(Role.LEAD, 1)]
    case = follow(case, cmd.Approve(by=TANAKA), minutes(2))
    case = follow(case, news(case, ActionStatus.VERIFIED), minutes(3))
    assert refused(case, cmd.Undo(by=CLARK), 4).reason is Reason.ROLE_NEEDED
    cleared = follow(a_case(policy=SPARED), cmd.MarkNoViolation(by=SATO), minutes(1))
    assert cleared.phase is Phase.CLOSED


def test_acting_first_waits_for_a_lead_where_the_subject_is_exempt() -> None:
    """The approval comes before the action, and not as a review."""
    first = policy(EXEMPT, act_first={"by": "lead", "within": "15m"})
    case = follow(a_case(policy=first), preset(SATO, "mute"), minutes(1))
    assert case.phase is Phase.AWAITING_APPROVAL


def test_a_bulk_decision_with_an_exempt_subject_is_refused() -> None:
    """It names the subject."""
    case = a_case(policy=policy(bulk=True))
    command = cmd.DecideBulk(
        by=SATO,
        actions=({"action": "suspend"},),  # type: ignore[arg-type]
        reason="同じ端末",
        bulk=Bulk(id="B1", type="user", count=4, exempt="user:u_9"),
    )
    assert refused(case, command, 1) == Refusal(reason=Reason.BULK_EXEMPT, name="user:u_9")


def withheld(outcome: Iterable[ev.Event]) -> list[ev.ProtectionWithheld]:
    return [each for each in outcome if isinstance(each, ev.ProtectionWithheld)]


def test_a_withheld_protection_names_one_cause() -> None:
    """An exempt subject is the cause, whether or not there is a limit."""
    outcome = decide(a_case(policy=SPARED), protect(limit=FULL), minutes(1))
    assert not isinstance(outcome, Refusal)
    assert [(e.limit, e.exempt is not None) for e in withheld(outcome)] == [(None, True)] * 2
