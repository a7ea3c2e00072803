"""Alerts on their way between a group and its case that was reopened under its own name.

New alerts look for their group's place, which such a case has left. Nothing is lost or counted
twice on the way: the case, and then the ledger, know an alert that came before.
"""

from collections.abc import Sequence

from temporalio import workflow

from workflows import ports
from workflows.casework.delivering import deliver
from workflows.casework.intake import Intake
from workflows.casework.ledger_calls import ask_until_answered
from workflows.casework.opening import policy_now
from workflows.domain.alerts import Alert
from workflows.domain.case.model import Case
from workflows.domain.case.snapshot import Memory
from workflows.domain.policy.packed import PackedPolicy
from workflows.handing_in import parcels
from workflows.ports import Anew, Delivery
from workflows.starts import CaseStart


async def kept(case: str) -> Memory | None:
    """What the ledger kept of a closed case; by today's policy where its own is gone."""
    found = await ask_until_answered(ports.load_case, case)
    if found is None or found.policy is not None:
        return found
    group = await _group_of(case)
    return None if group is None else found.model_copy(update={"policy": group.policy})


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
    await _open_anew(case.id, alerts, Anew(route=case.route, policy=await policy_now(policy)))


async def give_back_unknown(case: str, intake: Intake) -> None:
    """Alerts that came for a case of which the ledger kept too little to take them."""
    alerts = intake.take()
    anew = await _group_of(case)
    if anew is not None:
        await _open_anew(case, alerts, anew)
    elif alerts:
        named = [alert.key for alert in alerts]
        workflow.logger.error("alerts_without_a_case", extra={"case": case, "alerts": named})


async def _open_anew(case: str, alerts: Sequence[Alert], anew: Anew) -> None:
    for part in parcels(alerts):
        await deliver(Delivery(case=case, alerts=part, anew=anew))


async def _group_of(case: str) -> Anew | None:
    """Where the ledger says that a case ran, with its playbook as it is now."""
    place = await ask_until_answered(ports.place_of, case)
    policy = await ask_until_answered(ports.policy_now, place.playbook) if place else None
    return Anew(route=place.route, policy=policy) if place and policy else None
