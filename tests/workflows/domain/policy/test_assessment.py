"""Assessment of an alert by a playbook."""

from collections.abc import Mapping
from typing import Any

from tests.workflows.domain.builders import a_policy, an_alert
from workflows.conditions import holds
from workflows.domain.policy.matching import assess, facts_of, find_playbook
from workflows.domain.policy.playbook import Severity

PLAYBOOK = a_policy(
    protect=[
        {"action": "mute_user", "for": "15m", "when": "severity == 'critical'"},
        {"action": "pause_stream", "for": "5m", "when": "alert.attributes.viewers > 1000"},
        {"action": "mute_user", "for": "5m"},
    ]
).playbook


def test_an_alert_has_a_severity_of_its_own() -> None:
    """The first condition that holds names it, worst first."""
    assert assess(PLAYBOOK, an_alert(score=0.97), holds).severity is Severity.CRITICAL
    assert assess(PLAYBOOK, an_alert(score=0.96), holds).severity is Severity.MEDIUM


def test_protections_depend_on_the_severity_of_the_case() -> None:
    """A mild alert of a critical case is protected from like any other."""
    weighed = assess(PLAYBOOK, an_alert(score=0.5), holds)
    assert weighed.protections(PLAYBOOK, Severity.MEDIUM, holds) == (1, 2)
    assert weighed.protections(PLAYBOOK, Severity.CRITICAL, holds) == (0, 1, 2)


def test_protections_depend_on_the_alert() -> None:
    """A condition over a missing attribute does not hold."""
    quiet = assess(PLAYBOOK, an_alert(attributes={}), holds)
    assert quiet.protections(PLAYBOOK, Severity.MEDIUM, holds) == (2,)


def test_the_facts_stay_those_of_the_alert() -> None:
    """Asking for one severity leaves nothing behind for the next question."""
    weighed = assess(PLAYBOOK, an_alert(), holds)
    weighed.protections(PLAYBOOK, Severity.CRITICAL, holds)
    assert set(weighed.facts) == {"alert"}
    assert weighed.facts["alert"]["id"] == "chat-000001"


def test_facts_are_converted_once() -> None:
    """Every condition over the same facts gets the same converted ones."""
    calls: list[int] = []
    facts = facts_of(an_alert())

    def convert(variables: Mapping[str, Any]) -> str:
        calls.append(len(variables))
        return "converted"

    assert [facts.prepared(convert) for _ in range(3)] == ["converted"] * 3
    assert calls == [1]


def test_matching_and_severity_share_their_facts() -> None:
    """Known facts are not made again."""
    facts, seen = facts_of(an_alert()), []

    def noted(expression: str, given: Mapping[str, Any]) -> bool:
        seen.append(given)
        return holds(expression, given)

    find_playbook([PLAYBOOK], an_alert(), noted, facts)
    assert assess(PLAYBOOK, an_alert(), noted, facts).facts is facts
    assert len(seen) > 1
    assert all(given is facts for given in seen)
