"""Which playbook works an alert, which alerts belong together, and how bad it is."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.domain.alert import Alert
from workflows.domain.playbook.model import Playbook, Severity

Holds = Callable[[str, Mapping[str, Any]], bool]
"""Evaluates a condition over facts; never raises."""


def find_playbook(playbooks: Iterable[Playbook], alert: Alert, holds: Holds) -> Playbook:
    """The first playbook that matches; the catch-all takes what nobody else does.

    Raises:
        LookupError: where nothing matches and there is no catch-all.
    """
    facts = {"alert": alert.facts()}
    ordered = sorted(playbooks, key=lambda each: (each.catch_all, each.order, each.playbook))
    for playbook in ordered:
        if playbook.catch_all or holds(playbook.match, facts):
            return playbook
    raise LookupError(f"no playbook takes alerts of kind {alert.kind}")


def severity_of(playbook: Playbook, alert: Alert, holds: Holds) -> Severity:
    """The first severity whose condition holds, worst first; the mildest named if none does."""
    return assess(playbook, alert, holds).severity


def assess(playbook: Playbook, alert: Alert, holds: Holds) -> "Assessment":
    """The alert's own severity, with its facts for further conditions."""
    facts = {"alert": alert.facts()}
    ordered = sorted(playbook.severity, key=lambda each: each.rank)
    found = next((s for s in ordered if holds(playbook.severity[s], facts)), ordered[-1])
    return Assessment(alert=alert, severity=found, facts=facts)


@dataclass(frozen=True)
class Assessment:
    """One alert weighed by a playbook; `facts` is what conditions read."""

    alert: Alert
    severity: Severity
    facts: Mapping[str, Any]

    def protections(self, playbook: Playbook, severity: Severity, holds: Holds) -> tuple[int, ...]:
        """The lines of `protect` that hold in a case of `severity`, by their index."""
        facts = {**self.facts, "severity": severity.value}
        return tuple(i for i, rule in enumerate(playbook.protect) if holds(rule.when, facts))


def group_of(playbook: Playbook, alert: Alert) -> tuple[str, ...]:
    """What alerts must share to join one case.

    A term that the alert lacks falls back to its subject, so that strangers never share a case.
    """
    return tuple(_term(term, alert) for term in playbook.group_by)


def _term(term: str, alert: Alert) -> str:
    head, _, rest = term.partition(".")
    if head in ("detector", "kind"):
        return str(getattr(alert, head))
    found: object = None
    if head == "related":
        found = next((each.key for each in alert.related if each.type == rest), None)
    elif head == "attributes":
        found = alert.attributes.get(rest)
    return f"subject={alert.subject.key}" if found is None else f"{term}={found}"
