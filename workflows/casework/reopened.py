"""Alerts on their way between a group and its case that was reopened under its own name.

New alerts look for their group's place, which such a case has left. Nothing is lost or counted
twice on the way: the case, and then the ledger, know an alert that came before.
"""

from collections.abc import Sequence

from workflows.casework.delivering import deliver
from workflows.casework.intake import Intake
from workflows.casework.opening import policy_now
from workflows.domain.alert import Alert
from workflows.domain.case_state import Case
from workflows.domain.playbook.packed import PackedPolicy
from workflows.handing_in import parcels
from workflows.ports import Anew, Delivery
from workflows.starts import CaseStart


async def hand_over(case: str, alerts: Sequence[Alert]) -> None:
    """To the reopened case, for as long as it takes."""
    for part in parcels(alerts):
        await deliver(Delivery(case=case, alerts=part))


async def left_here(
    policy: PackedPolicy | None, start: CaseStart, case: Case, intake: Intake
) -> Sequence[Alert]:
    """The waiting alerts that the next case takes, which begins in the place of this closed one.

    None where this one was reopened under its own id: the next begins at its group's place.
    """
    alerts = intake.take()
    if start.policy is not None:
        return alerts
    if alerts and policy is not None:
        await _give_back(case, alerts, policy)
    return ()


async def _give_back(case: Case, alerts: Sequence[Alert], policy: PackedPolicy) -> None:
    """They open the next case, by today's policy."""
    anew = Anew(route=case.route, policy=await policy_now(policy))
    for part in parcels(alerts):
        await deliver(Delivery(case=case.id, alerts=part, anew=anew))
