"""Alerts on their way between a group and its case that was reopened under its own name.

New alerts look for their group's place, which such a case has left. Nothing is lost or counted
twice on the way: the case, and then the ledger, know an alert that came before.
"""

from collections.abc import Iterator, Sequence

from workflows.casework.book import policy_now
from workflows.casework.delivering import deliver
from workflows.domain.alert import Alert
from workflows.domain.case_state import Case
from workflows.ports import Anew, Delivery
from workflows.starts import CaseStart

_AT_ONCE = 500_000
"""Bytes of alerts in one delivery; Temporal refuses a payload of 2 MB."""


async def hand_over(case: str, alerts: Sequence[Alert]) -> None:
    """To the reopened case, for as long as it takes."""
    for part in _parts(alerts):
        await deliver(Delivery(case=case, alerts=part))


async def left_here(start: CaseStart, case: Case, alerts: Sequence[Alert]) -> Sequence[Alert]:
    """What the next case takes that begins in the place of this closed one.

    None where this one was reopened under its own name: the next begins at its group's place.
    """
    if start.policy is not None:
        return alerts
    if alerts:
        await _give_back(case, alerts)
    return ()


async def _give_back(case: Case, alerts: Sequence[Alert]) -> None:
    """They open the next case, by today's policy."""
    anew = Anew(route=case.route, policy=await policy_now(case.policy))
    for part in _parts(alerts):
        await deliver(Delivery(case=case.id, alerts=part, anew=anew))


def _parts(alerts: Sequence[Alert]) -> Iterator[tuple[Alert, ...]]:
    part: list[Alert] = []
    size = 0
    for alert in alerts:
        weight = len(alert.model_dump_json().encode())
        if part and size + weight > _AT_ONCE:
            yield tuple(part)
            part, size = [], 0
        part.append(alert)
        size += weight
    if part:
        yield tuple(part)
