"""Opening of a case: the ledger assigns the id, and filters alerts that another case has."""

from collections.abc import Sequence

from temporalio import workflow

from workflows.activity_options import execute
from workflows.case.inbox import Assessed, assessed
from workflows.conditions import holds
from workflows.domain.alerts import Alert, brief
from workflows.domain.case.commands import JoinAlert
from workflows.domain.case.events import CaseOpened
from workflows.domain.case.evolve import opened
from workflows.domain.case.model import Case
from workflows.domain.case.projection import case_row
from workflows.domain.policy.matching import assess
from workflows.domain.policy.packed import PackedPolicy
from workflows.domain.policy.playbook import Policy
from workflows.ports.cases import CasePort, OpenCase, OpenedCase


async def policy_now(packed: PackedPolicy) -> PackedPolicy:
    """Returns the current version of the playbook; the old one if it was removed."""
    return await execute(CasePort.policy_now, packed.playbook) or packed


def joins(batch: Sequence[Assessed]) -> list[JoinAlert]:
    """Returns the commands that add a batch to its case."""
    return [JoinAlert(alert=brief(a.alert), severity=a.weighed.severity) for a in batch]


async def opening(
    workflow_id: str, key: str, policy: Policy, alert: Alert, after: str = ""
) -> tuple[OpenedCase, Case | None, tuple[int, ...]]:
    """Opens a case; returns the ledger's answer, the case, and the protection rules that hold.

    `key` is unique to the case. None is opened if the ledger has the alert, or if a reopened case
    of the group takes it. `after` is a reopened case that returned the alert.
    """
    weighed = assess(policy.playbook, alert, holds)
    event = CaseOpened(
        at=workflow.now(),
        case="",
        playbook=policy.playbook.playbook,
        subject=alert.subject,
        severity=weighed.severity,
        alert=brief(alert),
    )
    (first,) = assessed(opened(workflow_id, policy, event), [weighed])
    wanted = OpenCase(
        key=key,
        event=event,
        row=case_row(opened(workflow_id, policy, event)),
        alert=alert,
        after=after,
        automation=bool(first.rules),
    )
    found = await execute(CasePort.open_case, wanted)
    case = opened(workflow_id, policy, found.event) if found.event is not None else None
    return found, case, first.rules
