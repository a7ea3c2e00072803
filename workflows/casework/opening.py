"""The alerts of a case: the first opens it, under an id that the ledger grants, and others join."""

from collections.abc import Sequence

from temporalio import workflow

from workflows import ports
from workflows.casework.patience import at_last
from workflows.conditions import holds
from workflows.domain import events as ev
from workflows.domain.alert import Alert, brief
from workflows.domain.case_state import Case
from workflows.domain.commands import JoinAlert
from workflows.domain.history import opened
from workflows.domain.identity import case_id
from workflows.domain.playbook.matching import severity_of
from workflows.domain.playbook.model import Policy
from workflows.ports import Entry

_CANDIDATES = 100


def joins(case: Case, alerts: Sequence[Alert]) -> list[JoinAlert]:
    """What makes `alerts` part of a case that is open."""
    playbook = case.policy.playbook
    return [
        JoinAlert(alert=brief(alert), severity=severity_of(playbook, alert, holds))
        for alert in alerts
    ]


async def opening(
    route: str, key: str, policy: Policy, alert: Alert, after: str = ""
) -> Sequence[ev.Recorded] | str:
    """What stands in the ledger of the new case; nothing where the alert was known.

    Where a case of the route was reopened elsewhere and is open, nothing is opened, and its id is
    the answer: the alert is for that case, unless it is the one that gave the alert back (`after`).
    `key` is unique to the case. Raises `RuntimeError` where every candidate for its id is taken,
    which needs a broken ledger.
    """
    event = ev.CaseOpened(
        at=workflow.now(),
        case="",
        playbook=policy.playbook.playbook,
        subject=alert.subject,
        severity=severity_of(policy.playbook, alert, holds),
        alert=brief(alert),
        known=await at_last(ports.known_of, alert.subject, ""),
    )
    for attempt in range(_CANDIDATES):
        named = event.model_copy(update={"case": case_id(key, attempt)})
        first = ev.Recorded(seq=1, event=named)
        case = opened(route, policy, named)
        entry = Entry(case=case, owner_key=key, events=(first,), alerts=(alert,), after=after)
        written = await at_last(ports.record, entry)
        if written.known_alerts:
            return ()
        if written.joins:
            return written.joins
        if not written.id_taken:
            return written.stands
    raise RuntimeError("no id could be found for a new case")
