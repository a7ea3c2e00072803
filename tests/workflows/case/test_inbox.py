"""The intake of alerts: what it hands on, in which order, and how much at once."""

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from tests.workflows.domain.builders import POLICY, a_case, a_policy, an_alert
from workflows.case.inbox import Inbox, alert_key, assessed, claim
from workflows.conditions import holds
from workflows.domain.alerts import Alert
from workflows.domain.case.model import Case
from workflows.domain.case.snapshot import SeenKeys
from workflows.domain.policy.matching import assess
from workflows.domain.policy.playbook import Severity

SEVERE = a_policy(
    protect=[
        {"action": "mute_user", "for": "15m", "when": "severity == 'critical'"},
        {"action": "pause_stream", "for": "5m", "when": "alert.score < 0.2"},
    ]
)


def numbers(first: int, last: int, **more: object) -> list[Alert]:
    """Alerts with these numbers."""
    return [an_alert(number, **more) for number in range(first, last + 1)]


def ids(alerts: list[Alert]) -> list[int]:
    """Their numbers."""
    return [int(alert.id.removeprefix("chat-")) for alert in alerts]


def an_intake(alerts: list[Alert], *had: Alert) -> Inbox:
    """The intake of a case that has had some alerts."""
    seen = SeenKeys()
    for each in had:
        seen.add(alert_key(each))
    return Inbox(alerts, lambda: seen)


def test_alerts_are_taken_in_order_a_hundred_at_once() -> None:
    """The rest waits for the next batch."""
    intake = an_intake(numbers(1, 250))
    assert [ids(intake.take()) for _ in range(3)] == [
        list(range(1, 101)),
        list(range(101, 201)),
        list(range(201, 251)),
    ]
    assert not intake
    assert intake.take() == []


def test_a_batch_has_each_alert_once_and_none_of_the_case() -> None:
    """A detector may send an alert again while it waits."""
    intake = an_intake([*numbers(1, 3), *numbers(2, 4)], an_alert(3))
    assert ids(intake.take()) == [1, 2, 4]
    assert not intake


def test_seen_keys_are_asked_for_each_time() -> None:
    """A case that opens in the same run begins with keys of its own."""
    seen = SeenKeys()
    intake = Inbox(numbers(1, 2), lambda: seen)
    seen.add(alert_key(an_alert(1)))
    assert ids(intake.take()) == [2]


def test_large_alerts_make_a_small_batch() -> None:
    """Conditions read all of an alert; one workflow task reads so much and no more."""
    evidence = [{"kind": "text", "text": "x" * 100_000}]
    intake = an_intake(numbers(1, 7, evidence=evidence))
    assert [len(intake.take()) for _ in range(3)] == [3, 3, 1]


def test_one_alert_may_be_asked_for() -> None:
    """The first one opens the case."""
    intake = an_intake(numbers(1, 3))
    assert (ids(intake.take(1)), ids(intake.take())) == ([1], [2, 3])


def test_alerts_that_are_put_back_come_first() -> None:
    """They keep their order."""
    intake = an_intake(numbers(4, 5))
    intake.put_first(numbers(1, 3))
    assert ids(list(intake.all_that_wait())) == [1, 2, 3, 4, 5]
    assert not intake
    assert intake.weight == 0


def test_its_weight_is_that_of_everything_that_waits() -> None:
    """Signals count before they are decoded."""
    intake = an_intake(numbers(1, 2))
    alone = intake.weight
    assert alone == sum(len(each.model_dump_json().encode()) for each in numbers(1, 2))
    intake.put(RawValue(Payload(data=b"x" * 1000)))
    assert (intake.weight, bool(intake)) == (alone + 1000, True)


def case(severity: Severity = Severity.MEDIUM, alerts: int = 9) -> Case:
    """A case with many alerts."""
    return a_case(severity, SEVERE).model_copy(update={"alerts": alerts})


async def test_alerts_that_only_count_are_taken_at_once_while_slack_is_idle() -> None:
    """There is nothing to wait for."""
    batch = await an_intake(numbers(1, 3, score=0.5)).next_batch(lambda: case(), lambda: True)
    assert ids([each.alert for each in batch]) == [1, 2, 3]
    assert [(each.worst, each.rules) for each in batch] == [(Severity.MEDIUM, ())] * 3


@pytest.mark.parametrize("score", [0.99, 0.1], ids=["worse", "protected from"])
async def test_what_does_not_only_count_waits_for_nobody(score: float) -> None:
    """It is taken although Slack is busy, and the alerts beside it with it."""
    alerts = [*numbers(1, 2, score=0.5), an_alert(3, score=score)]
    batch = await an_intake(alerts).next_batch(lambda: case(), lambda: False)
    assert ids([each.alert for each in batch]) == [1, 2, 3]


async def test_the_first_alerts_wait_for_nobody() -> None:
    """Each of them is worth a look."""
    batch = await an_intake(numbers(2, 3, score=0.5)).next_batch(
        lambda: case(alerts=1), lambda: False
    )
    assert ids([each.alert for each in batch]) == [2, 3]


async def test_an_empty_batch_is_no_reason_to_wait() -> None:
    """All that waited was known."""
    known = an_alert(1)
    assert await an_intake([known], known).next_batch(lambda: case(), lambda: False) == []


def test_protections_are_those_of_the_case_as_bad_as_the_batch_makes_it() -> None:
    """A mild alert beside a critical one is part of a critical case."""
    weighed = [assess(SEVERE.playbook, an_alert(n, score=s), holds) for n, s in ((1, 0.1), (2, 1))]
    found = assessed(case(), weighed)
    assert [each.weighed.severity for each in found] == [Severity.MEDIUM, Severity.CRITICAL]
    assert [(each.worst, each.rules) for each in found] == [
        (Severity.CRITICAL, (0, 1)),
        (Severity.CRITICAL, (0,)),
    ]


def test_a_case_keeps_its_own_severity_where_it_is_worse() -> None:
    """Its next alert is an alert of a critical case."""
    weighed = [assess(SEVERE.playbook, an_alert(1, score=0.5), holds)]
    (only,) = assessed(case(Severity.CRITICAL), weighed)
    assert (only.worst, only.rules) == (Severity.CRITICAL, (0,))


def test_a_batch_that_got_worse_is_assessed_again() -> None:
    """What was found for the milder case counts no more."""
    mild = assess(SEVERE.playbook, an_alert(1, score=0.5), holds)
    before = assessed(case(), [mild])
    worse = assess(SEVERE.playbook, an_alert(2, score=1), holds)
    assert [each.rules for each in before] == [()]
    assert [each.rules for each in assessed(case(), [mild, worse], before)] == [(0,), (0,)]


async def test_no_alerts_ask_the_ledger_nothing() -> None:
    """All of them were known to the case itself."""
    assert await claim(a_case(policy=POLICY), [], a_case().opened_at) == ([], [], None)
