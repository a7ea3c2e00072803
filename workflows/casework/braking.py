"""Whether Koban may act by itself now: asked only where it would, just before it does."""

from datetime import datetime

from temporalio.exceptions import FailureError

from workflows import ports
from workflows.casework.patience import quickly
from workflows.conditions import holds
from workflows.domain.alert import Alert
from workflows.domain.automation import Halt
from workflows.domain.case_state import Case
from workflows.domain.commands import ProtectNow, Tick
from workflows.domain.playbook.matching import protections_of
from workflows.domain.rules.calling import protects_by
from workflows.domain.rules.protecting import fresh_rules


async def protection_now(case: Case, alert: Alert) -> tuple[ProtectNow, ...]:
    """The rules that protect from an alert, with what keeps them from acting; none without any."""
    rules = protections_of(case.policy.playbook, alert, case.severity, holds)
    if not rules:
        return ()
    fresh = fresh_rules(case, rules)
    return (ProtectNow(rules=fresh, halt=await _halt(case) if fresh else None),)


async def tick_of(case: Case, now: datetime) -> Tick:
    """Time went on; where a call that is due now would protect, with what keeps it from that."""
    return Tick(halt=await _halt(case) if protects_by(case, now) else None)


async def _halt(case: Case) -> Halt | None:
    """What the ledger says; while it is away, what this case last knew."""
    try:
        return await quickly(ports.automation_of, case.policy.playbook.playbook)
    except FailureError:
        return case.halt
