"""Builders of cases with bulk decisions, and of their reports."""

from tests.workflows.domain.builders import PLAYBOOK, POLICY, SATO, a_case
from workflows.domain.alerts import Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case.bulk import Bulk, Impact, Sum, Tally
from workflows.domain.case.decision import PlannedAction
from workflows.domain.case.enforcement import ActionReport, ActionStatus, EnforcementReport
from workflows.domain.case.model import Case
from workflows.domain.people import Actor
from workflows.domain.policy.playbook import Playbook, Policy, PresetAction
from workflows.domain.values import Text

RINGED: Playbook = PLAYBOOK.model_copy(update={"bulk": True})
FOLLOWERS = Sum(title=Text(ja="フォロワー", en="Followers"), total=1240)


def a_bulk(count: int = 60, id_: str = "R0123456789AB") -> Bulk:
    """So many users."""
    return Bulk(id=id_, type="user", count=count, impact=Impact(sums=(FOLLOWERS,), sanctioned=4))


def a_bulk_case(**policy: object) -> Case:
    """An open case that allows bulk decisions."""
    changed = POLICY.model_copy(update={"playbook": RINGED, **policy})
    return a_case().model_copy(update={"policy": Policy.model_validate(changed.model_dump())})


def decide_bulk(
    by: Actor = SATO, count: int | None = 60, *actions: str, **more: object
) -> cmd.DecideBulk:
    """A bulk decision for `count` users; None: the subjects were not read."""
    given = {
        "by": by,
        "sources": ("device",),
        "actions": tuple(PresetAction(action=name) for name in actions or ("mute_user",)),
        "reason": "同じ端末から登録された業者",
        "bulk": None if count is None else a_bulk(count),
    }
    return cmd.DecideBulk.model_validate({**given, **more})


def bulk_news(
    case: Case, tally: Tally | None, status: ActionStatus | None = None, id_: str = "r1"
) -> cmd.Report:
    """A report of the last bulk decision with its tally, and with a status if it ended."""
    decision = case.decision
    assert decision is not None
    assert decision.bulk is not None
    subject = Subject(type="bulk", id=decision.bulk.id)
    actions = tuple(
        ActionReport(
            action=PlannedAction(action=planned.action, subject=subject).key, status=status
        )
        for planned in decision.actions
        if status is not None
    )
    report = EnforcementReport(
        id=id_, case=case.id, decision=decision.id, actions=actions, tally=tally
    )
    return cmd.Report(report=report)
