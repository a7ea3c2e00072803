"""Alerts: every accepted alert is in exactly one case, and in its table."""

from collections import defaultdict
from collections.abc import Iterator

from tests.chaos.evidence import Evidence, Violation
from workflows.domain.case.events import AlertJoined, CaseOpened

NUMBER = 1


def check(seen: Evidence) -> Iterator[Violation]:
    """The row in `alerts` and the alert's only event have the same case."""
    found: dict[str, list[str]] = defaultdict(list)
    for case, story in seen.stories.items():
        for event in story.events:
            if isinstance(event, CaseOpened | AlertJoined):
                found[event.alert.key].append(case)
    rows = {f"{row['detector']}/{row['alert_id']}": row["case_id"] for row in seen.alerts}
    for alert, subject in sorted(seen.held.items()):
        if alert not in rows:
            yield Violation(NUMBER, f"alert {alert} on {subject} was accepted and is in no case")
    for alert, cases in sorted(found.items()):
        if len(cases) > 1:
            yield Violation(NUMBER, f"alert {alert} is counted in the cases {cases}")
        elif rows.get(alert) != cases[0]:
            yield Violation(
                NUMBER,
                f"alert {alert}: case {cases[0]} tells of it, its row names {rows.get(alert)}",
            )
    for alert in sorted(rows.keys() - found.keys()):
        yield Violation(NUMBER, f"alert {alert} has a row for {rows[alert]}, which never tells it")
