"""Automation gate: asks whether Koban may act by itself, just before it would."""

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
    """The pause that keeps a call due at `now` from protecting; None where none would.

    While the ledger is away, the last one that the case knew of.
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
    """The command that protects by `rules`; none where the case is past them."""
    fresh = fresh_rules(case, rules)
    return (ProtectNow(rules=fresh, halt=halt),) if fresh else ()
