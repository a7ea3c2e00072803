"""Registry of the checks of a policy folder; each is named as the sentence that it enforces."""

from collections.abc import Iterator
from inspect import getmembers, isfunction

from workflows.domain.policy.checks import (
    actions,
    bands,
    detectors,
    notices,
    people,
    platform,
    playbooks,
)
from workflows.domain.policy.checks.finding import Bundle, Finding

# Every public function that a module of checks defines is a rule.
RULES = tuple(
    rule
    for module in (actions, playbooks, people, notices, platform, detectors, bands)
    for name, rule in getmembers(module, isfunction)
    if rule.__module__ == module.__name__ and not name.startswith("_")
)


def findings(bundle: Bundle) -> Iterator[Finding]:
    """The findings of all rules."""
    for rule in RULES:
        yield from rule(bundle)
