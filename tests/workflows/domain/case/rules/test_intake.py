"""Intake rules: alerts that join, and merged cases."""

from tests.workflows.domain.builders import (
    CLARK,
    SATO,
    TANAKA,
    a_case,
    an_alert,
    follow,
    minutes,
    preset,
    refused,
)
from workflows.domain.alerts import brief
from workflows.domain.case import commands as cmd
from workflows.domain.case.decide import decide
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Reason
from workflows.domain.case.rules.intake import only_counts
from workflows.domain.people import Actor
from workflows.domain.policy.playbook import Severity

OTHER = "K0000009"


def merge(by: Actor = SATO, **more: object) -> cmd.Merge:
    """A merge into another case on the same user."""
    given = {
        "by": by,
        "into": OTHER,
        "subject": a_case().subject,
        "workflow_id": "case/x/Y",
        **more,
    }
    return cmd.Merge.model_validate(given)


class TestJoining:
    def test_an_alert_counts(self) -> None:
        """And is the latest one."""
        joined = cmd.JoinAlert(alert=brief(an_alert(2)), severity=Severity.MEDIUM)
        case = follow(a_case(), joined, minutes(1))
        assert (case.alerts, case.latest.key, case.first.key) == (
            2,
            "live-chat/chat-000002",
            "live-chat/chat-000001",
        )

    def test_it_raises_the_severity_and_never_lowers_it(self) -> None:
        """The worst alert counts."""
        worse = cmd.JoinAlert(alert=brief(an_alert(2)), severity=Severity.CRITICAL)
        case = follow(a_case(Severity.MEDIUM), worse, minutes(1))
        milder = cmd.JoinAlert(alert=brief(an_alert(3)), severity=Severity.LOW)
        assert follow(case, milder, minutes(1)).severity is Severity.CRITICAL


class TestMerging:
    def test_the_case_ends_for_the_other_one(self) -> None:
        """Without a verdict: that is the other one's."""
        case = follow(a_case(), merge(), minutes(1))
        assert (case.phase, case.merged_into, case.verdict) == (Phase.CLOSED, OTHER, None)
        assert case.deadline is None

    def test_not_into_itself(self) -> None:
        """It would end for nobody."""
        assert refused(a_case(), merge(into="K7Q2F9XM0"), 1).reason is Reason.SAME_CASE

    def test_not_into_a_case_that_is_not_open(self) -> None:
        """Nobody would work it."""
        no = refused(a_case(), merge(subject=None), 1)
        assert (no.reason, no.name) == (Reason.UNKNOWN_CASE, OTHER)

    def test_not_into_a_case_on_somebody_else(self) -> None:
        """Two people are two cases."""
        no = refused(a_case(), merge(subject={"type": "user", "id": "u_9"}), 1)
        assert (no.reason, no.name) == (Reason.OTHER_SUBJECT, OTHER)

    def test_not_somebody_elses_case(self) -> None:
        """Its assignee would look for it."""
        case = follow(a_case(), cmd.Claim(by=SATO), minutes(1))
        assert refused(case, merge(CLARK), 2).reason is Reason.CLAIMED_BY_OTHER

    def test_not_with_a_press_from_before_it_was_turned_around(self) -> None:
        """The decision was sent back since."""
        case = follow(a_case(), preset(SATO, "ban"), minutes(1))
        case = follow(case, cmd.Reject(by=TANAKA, reason="別の対応を"), minutes(2))
        assert refused(case, merge(version=1), 3).reason is Reason.CHANGED

    def test_a_decided_case_is_not_merged(self) -> None:
        """What was done is its own."""
        case = follow(a_case(), preset(SATO, "ban"), minutes(1))
        assert refused(case, merge(), 2).reason is Reason.ALREADY_DECIDED

    def test_a_merged_case_is_not_reopened(self) -> None:
        """The other one goes on for it."""
        case = follow(a_case(), merge(), minutes(1))
        no = refused(case, cmd.Reopen(by=SATO, reason="やはり別件"), 2)
        assert (no.reason, no.what) == (Reason.CLOSED, "case_merged")


class TestAbsorbing:
    def test_the_alerts_of_the_other_case_count_here(self) -> None:
        """Once, however often it is delivered."""
        absorb = cmd.Absorb(case=OTHER, alerts=7, by="U0SATO")
        case = follow(a_case(), absorb, minutes(1))
        assert (case.alerts, case.absorbed) == (8, (OTHER,))
        assert decide(case, absorb, minutes(2)) == ()

    def test_of_two_that_ended_for_each_other_one_goes_on(self) -> None:
        """Both were pressed in the same second: somebody still works the subject."""
        one = follow(a_case(), merge(into="K9"), minutes(1))
        from_other = cmd.Absorb(case="K9", alerts=3, by=CLARK.id)
        goes_on = follow(one, from_other, minutes(1.1))
        assert (goes_on.phase, goes_on.merged_into, goes_on.alerts) == (Phase.CLAIMED, None, 4)
        two = follow(a_case(), merge(into="K1"), minutes(1))
        stays = follow(two, cmd.Absorb(case="K1", alerts=3, by=CLARK.id), minutes(1.1))
        assert (stays.phase, stays.merged_into) == (Phase.CLOSED, "K1")


class TestOnlyCounting:
    def many(self, severity: Severity = Severity.MEDIUM, alerts: int = 5) -> Case:
        return a_case(severity).model_copy(update={"alerts": alerts})

    def test_one_more_of_the_same_only_counts(self) -> None:
        """It may wait for others from the fifth on."""
        assert only_counts(self.many(), Severity.MEDIUM, ())
        assert not only_counts(self.many(alerts=4), Severity.MEDIUM, ())

    def test_a_milder_one_only_counts(self) -> None:
        """The case keeps its severity."""
        assert only_counts(self.many(), Severity.LOW, ())
        assert only_counts(self.many(Severity.CRITICAL), Severity.CRITICAL, ())

    def test_a_worse_one_never_waits(self) -> None:
        """The case calls other people then, and sooner."""
        assert not only_counts(self.many(), Severity.HIGH, ())
        assert not only_counts(self.many(), Severity.CRITICAL, ())

    def test_an_alert_that_a_rule_protects_from_never_waits(self) -> None:
        """Protection comes before anybody looks."""
        assert not only_counts(self.many(alerts=9), Severity.MEDIUM, (0,))

    def test_a_closed_case_takes_no_part(self) -> None:
        """Its alerts open the next one."""
        closed = self.many().model_copy(update={"phase": Phase.CLOSED})
        assert not only_counts(closed, Severity.MEDIUM, ())
