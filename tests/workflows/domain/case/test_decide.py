"""Several commands decided in turn."""

from tests.workflows.domain.builders import CLARK, SATO, a_case, an_alert, follow, kinds, minutes
from workflows.domain.alerts import brief
from workflows.domain.case import commands as cmd
from workflows.domain.case.decide import decide_in_turn
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.policy.playbook import Severity


def test_each_command_sees_what_came_before_it() -> None:
    """The case after them is the one that they make one by one."""
    commands = [cmd.Claim(by=SATO), cmd.Release(by=SATO), cmd.Claim(by=CLARK)]
    outcome = decide_in_turn(a_case(), commands, minutes(1))
    assert not isinstance(outcome, Refusal)
    events, case = outcome
    assert kinds(events) == ["case_claimed", "case_released", "case_claimed"]
    expected = a_case()
    for command in commands:
        expected = follow(expected, command, minutes(1))
    assert case == expected
    assert (case.owner, case.version) == ("U0CLARK", 4)


def test_the_first_refusal_ends_it() -> None:
    """Nothing of the commands before it counts either."""
    commands = [
        cmd.Claim(by=SATO),
        cmd.MarkNoViolation(by=SATO),
        cmd.Claim(by=CLARK),
        cmd.Claim(by=SATO),
    ]
    outcome = decide_in_turn(a_case(), commands, minutes(1))
    assert isinstance(outcome, Refusal)
    assert outcome.reason is Reason.CLOSED


def test_no_command_changes_nothing() -> None:
    """The case is the same one."""
    assert decide_in_turn(a_case(), [], minutes(1)) == ((), a_case())


def test_a_hundred_alerts_join_at_one_time() -> None:
    """Each has an event of its own."""
    alerts = (an_alert(number) for number in range(2, 102))
    joins = [cmd.JoinAlert(alert=brief(each), severity=Severity.MEDIUM) for each in alerts]
    outcome = decide_in_turn(a_case(), joins, minutes(1))
    assert not isinstance(outcome, Refusal)
    events, case = outcome
    assert (len(events), case.alerts, case.version) == (100, 101, 101)
    assert {event.at for event in events} == {minutes(1)}
