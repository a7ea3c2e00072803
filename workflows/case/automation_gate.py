"""Automation gate: asks whether Koban may act by itself, just before it would."""

from datetime import datetime, timedelta

from temporalio.exceptions import FailureError

from workflows.domain.automation import AutomationPause
from workflows.domain.case.commands import ProtectNow
from workflows.domain.case.model import Case
from workflows.domain.case.rules.escalation import protects_by
from workflows.domain.case.rules.protections import fresh_rules
from workflows.ports import cases
from workflows.shared.ledger_calls import ask

PROTECT_WITHIN = timedelta(seconds=3)
"""How long a protection waits for the answer: the ledger being away must not hold it up."""


async def pause_at(case: Case, now: datetime) -> AutomationPause | None:
    """The pause that keeps a call due at `now` from protecting; None where none would.

    While the ledger is away, the last one that the case knew of.
    """
    if not protects_by(case, now):
        return None
    try:
        playbook = case.policy.playbook.playbook
        return await ask(cases.automation_of, playbook, within=PROTECT_WITHIN)
    except FailureError:
        return case.automation_pause


def protection(
    case: Case, rules: tuple[int, ...], pause: AutomationPause | None
) -> tuple[ProtectNow, ...]:
    """The command that protects by `rules`; none where the case is past them."""
    fresh = fresh_rules(case, rules)
    return (ProtectNow(rules=fresh, pause=pause),) if fresh else ()
