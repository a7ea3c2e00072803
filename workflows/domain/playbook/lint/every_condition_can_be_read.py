"""An expression with a mistake would never hold, and nobody would notice."""

from collections.abc import Iterator

from workflows.domain.playbook.lint.finding import ACTIONS, Bundle, Finding, Findings, Place
from workflows.domain.playbook.model import Playbook


def check(bundle: Bundle) -> Findings:
    """Every expression of playbooks and actions can be read."""
    for file, playbook in bundle.playbooks.items():
        for place, expression in _expressions(playbook):
            wrong = bundle.problem(expression)
            if wrong is not None:
                yield Finding(file, place, wrong, "mend the expression")
    for name, spec in (bundle.catalog.actions if bundle.catalog else {}).items():
        if spec.verify is None:
            continue
        wrong = bundle.problem(spec.verify.expect)
        place = ("actions", name, "verify", "expect")
        if wrong is not None:
            yield Finding(ACTIONS, place, wrong, "mend the expression")
        elif "response" not in spec.verify.expect:
            what = f"`{name}` is verified without looking at the response"
            yield Finding(ACTIONS, place, what, "write for example `response.muted == true`")


def _expressions(playbook: Playbook) -> Iterator[tuple[Place, str]]:
    yield ("match",), playbook.match
    for severity, expression in playbook.severity.items():
        yield ("severity", severity.value), expression
