"""Alert inbox: order, size and debounce of batches."""

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
    """Returns alerts with these numbers."""
    return [an_alert(number, **more) for number in range(first, last + 1)]


def ids(alerts: list[Alert]) -> list[int]:
    """Returns their numbers."""
    return [int(alert.id.removeprefix("chat-")) for alert in alerts]


def an_inbox(alerts: list[Alert], *had: Alert) -> Inbox:
    """Returns the inbox of a case that has had some alerts."""
    seen = SeenKeys()
    for each in had:
        seen.add(alert_key(each))
    return Inbox(alerts, lambda: seen)


def test_a_batch_has_a_hundred_alerts_in_order() -> None:
    """The rest is in the next batch."""
    inbox = an_inbox(numbers(1, 250))
    assert [ids(inbox.take()) for _ in range(3)] == [
        list(range(1, 101)),
        list(range(101, 201)),
        list(range(201, 251)),
    ]
    assert not inbox
    assert inbox.take() == []


def test_a_batch_has_no_duplicates() -> None:
    """A detector may repeat a waiting alert."""
    inbox = an_inbox([*numbers(1, 3), *numbers(2, 4)], an_alert(3))
    assert ids(inbox.take()) == [1, 2, 4]
    assert not inbox


def test_seen_keys_are_read_for_each_batch() -> None:
    """A case that opens in the same run has keys of its own."""
    seen = SeenKeys()
    inbox = Inbox(numbers(1, 2), lambda: seen)
    seen.add(alert_key(an_alert(1)))
    assert ids(inbox.take()) == [2]


def test_large_alerts_make_a_small_batch() -> None:
    """Conditions read whole alerts, and a workflow task has a time limit."""
    evidence = [{"kind": "text", "text": "x" * 100_000}]
    inbox = an_inbox(numbers(1, 7, evidence=evidence))
    assert [len(inbox.take()) for _ in range(3)] == [3, 3, 1]


def test_a_batch_of_one() -> None:
    """The first one opens the case."""
    inbox = an_inbox(numbers(1, 3))
    assert (ids(inbox.take(1)), ids(inbox.take())) == ([1], [2, 3])


def test_returned_alerts_come_first() -> None:
    """They keep their order."""
    inbox = an_inbox(numbers(4, 5))
    inbox.put_first(numbers(1, 3))
    assert ids(list(inbox.all_that_wait())) == [1, 2, 3, 4, 5]
    assert not inbox
    assert inbox.weight == 0


def test_the_weight_counts_everything_that_waits() -> None:
    """Signals count before they are decoded."""
    inbox = an_inbox(numbers(1, 2))
    alone = inbox.weight
    assert alone == sum(len(each.model_dump_json().encode()) for each in numbers(1, 2))
    inbox.put(RawValue(Payload(data=b"x" * 1000)))
    assert (inbox.weight, bool(inbox)) == (alone + 1000, True)


def case(severity: Severity = Severity.MEDIUM, alerts: int = 9) -> Case:
    """Provides a case with many alerts."""
    return a_case(severity, SEVERE).model_copy(update={"alerts": alerts})


async def test_there_is_no_debounce_while_slack_is_idle() -> None:
    """Without a write under way there is no debounce."""
    batch = await an_inbox(numbers(1, 3, score=0.5)).next_batch(lambda: case(), lambda: True)
    assert ids([each.alert for each in batch]) == [1, 2, 3]
    assert [(each.worst, each.rules) for each in batch] == [(Severity.MEDIUM, ())] * 3


@pytest.mark.parametrize("score", [0.99, 0.1], ids=["worse", "protected from"])
async def test_a_more_severe_alert_is_not_debounced(score: float) -> None:
    """A more severe alert ends the debounce, also for those beside it."""
    alerts = [*numbers(1, 2, score=0.5), an_alert(3, score=score)]
    batch = await an_inbox(alerts).next_batch(lambda: case(), lambda: False)
    assert ids([each.alert for each in batch]) == [1, 2, 3]


async def test_the_first_alerts_are_not_debounced() -> None:
    """Each of them is shown."""
    batch = await an_inbox(numbers(2, 3, score=0.5)).next_batch(
        lambda: case(alerts=1), lambda: False
    )
    assert ids([each.alert for each in batch]) == [2, 3]


async def test_an_empty_batch_is_not_debounced() -> None:
    """All waiting alerts were duplicates."""
    known = an_alert(1)
    assert await an_inbox([known], known).next_batch(lambda: case(), lambda: False) == []


def test_protections_follow_the_worst_severity_of_the_batch() -> None:
    """A mild alert beside a critical one is part of a critical case."""
    weighed = [assess(SEVERE.playbook, an_alert(n, score=s), holds) for n, s in ((1, 0.1), (2, 1))]
    found = assessed(case(), weighed)
    assert [each.weighed.severity for each in found] == [Severity.MEDIUM, Severity.CRITICAL]
    assert [(each.worst, each.rules) for each in found] == [
        (Severity.CRITICAL, (0, 1)),
        (Severity.CRITICAL, (0,)),
    ]


def test_a_case_keeps_its_own_worse_severity() -> None:
    """Its next alert is part of a critical case."""
    weighed = [assess(SEVERE.playbook, an_alert(1, score=0.5), holds)]
    (only,) = assessed(case(Severity.CRITICAL), weighed)
    assert (only.worst, only.rules) == (Severity.CRITICAL, (0,))


def test_a_batch_is_assessed_again_after_a_worse_alert() -> None:
    """Protections of the milder case are out of date."""
    mild = assess(SEVERE.playbook, an_alert(1, score=0.5), holds)
    before = assessed(case(), [mild])
    worse = assess(SEVERE.playbook, an_alert(2, score=1), holds)
    assert [each.rules for each in before] == [()]
    assert [each.rules for each in assessed(case(), [mild, worse], before)] == [(0,), (0,)]


async def test_an_empty_batch_makes_no_claim() -> None:
    """The case recognized all of them."""
    assert await claim(a_case(policy=POLICY), [], a_case().opened_at) == ([], [], ())


def test_alerts_of_many_values_make_a_small_batch() -> None:
    """Each value is converted for conditions: a few kilobytes can be much work."""
    inbox = an_inbox(numbers(1, 25, attributes={"l": [{}] * 998}))
    assert [len(inbox.take()) for _ in range(3)] == [10, 10, 5]


def test_duplicates_are_work_of_a_batch_too() -> None:
    """A thousand that are sent again are not read in one workflow task."""
    large = numbers(1, 12, evidence=[{"kind": "text", "text": "x" * 49_000}])
    inbox = an_inbox(large, *large)
    assert (inbox.take(), bool(inbox)) == ([], True)
    assert (inbox.take(), bool(inbox)) == ([], False)
