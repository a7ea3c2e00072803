"""Automation gate: a pause of automation is looked up just before an automatic action."""

from datetime import datetime

from temporalio.exceptions import FailureError

from workflows.activity_options import execute
from workflows.domain.automation import AutomationPause
from workflows.domain.case.commands import ProtectNow
from workflows.domain.case.model import Case
from workflows.domain.case.rules.escalation import protects_by
from workflows.domain.case.rules.protections import fresh_rules
from workflows.ports import cases


async def pause_at(case: Case, now: datetime) -> AutomationPause | None:
    """Returns the pause that stops an escalation due at `now` from protecting, if any.

    While the ledger is unreachable, that is the last one the case has seen.
    """
    if not protects_by(case, now):
        return None
    try:
        playbook = case.policy.playbook.playbook
        return await execute(cases.automation_of, playbook)
    except FailureError:
        return case.halt


def protection(
    case: Case, rules: tuple[int, ...], halt: AutomationPause | None
) -> tuple[ProtectNow, ...]:
    """Returns the command that protects by `rules`, unless all have been applied."""
    fresh = fresh_rules(case, rules)
    return (ProtectNow(rules=fresh, halt=halt),) if fresh else ()
