"""Registry of the checks of a policy folder; each is named as the sentence that it enforces."""

from collections.abc import Iterator

from workflows.domain.policy.checks import actions, notices, people, platform, playbooks, texts
from workflows.domain.policy.checks.finding import Bundle, Finding

RULES = (
    *actions.RULES,
    *playbooks.RULES,
    *people.RULES,
    *notices.RULES,
    *platform.RULES,
    *texts.RULES,
)


def findings(bundle: Bundle) -> Iterator[Finding]:
    """The findings of all rules."""
    for rule in RULES:
        yield from rule(bundle)
