"""Alerts on their way between a group and its case that was reopened under its own name.

New alerts look for their group's place, which such a case has left. Nothing is lost or counted twice
on the way: the case, and then the ledger, know an alert that came before.
"""

from collections.abc import Iterator, Sequence

from workflows.casework.book import policy_now
from workflows.casework.delivering import deliver
from workflows.domain.alert import Alert
from workflows.domain.case_state import Case
from workflows.ports import Anew, Delivery

_AT_ONCE = 500_000
"""Bytes of alerts in one delivery; Temporal refuses a payload of 2 MB."""


async def hand_over(case: str, alerts: Sequence[Alert]) -> None:
    """To the reopened case, for as long as it takes."""
    for part in _parts(alerts):
        await deliver(Delivery(case=case, alerts=part))


async def give_back(case: Case, alerts: Sequence[Alert]) -> None:
    """The case had closed again when they came: they open the next one, by today's policy."""
    if not alerts:
        return
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
