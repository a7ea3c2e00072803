"""An expression with a mistake would never hold, and nobody would notice."""

import re
from collections.abc import Iterator

from workflows.domain.playbook.lint.finding import ACTIONS, Bundle, Finding, Findings, Place
from workflows.domain.playbook.model import Playbook

_ONE_EQUALS = re.compile(r"(?<![=!<>])=(?!=)")
_IN_WORDS = re.compile(r"\b(and|or|not)\b")


def every_condition_can_be_read(bundle: Bundle) -> Findings:
    """Every expression of playbooks and actions can be read, and speaks of what is there.

    An expression with a mistake would never hold, and nobody would notice.
    """
    for file, playbook in bundle.playbooks.items():
        for place, expression, names in _expressions(playbook):
            wrong = bundle.problem(expression, names)
            if wrong is not None:
                yield Finding(file, place, wrong, _write(expression))
    for name, spec in (bundle.catalog.actions if bundle.catalog else {}).items():
        if spec.verify is None:
            continue
        expression = spec.verify.expect
        wrong = bundle.problem(expression, ("response",))
        place = ("actions", name, "verify", "expect")
        if wrong is not None:
            yield Finding(ACTIONS, place, wrong, _write(expression))
        elif "response" not in expression:
            what = f"`{name}` is verified without looking at the response"
            yield Finding(ACTIONS, place, what, "write for example `response.muted == true`")


def _expressions(playbook: Playbook) -> Iterator[tuple[Place, str, tuple[str, ...]]]:
    """Where it stands, the expression, and what it can speak of there."""
    yield ("match",), playbook.match, ("alert",)
    for severity, expression in playbook.severity.items():
        yield ("severity", severity.value), expression, ("alert",)
    for number, rule in enumerate(playbook.protect):
        yield ("protect", number, "when"), rule.when, ("alert", "severity")


def _write(expression: str) -> str:
    if _ONE_EQUALS.search(expression):
        return "write `==` to compare"
    if _IN_WORDS.search(expression):
        return "write `&&` for and, `||` for or, `!` for not"
    return "mend the expression as docs/policy.md shows"
