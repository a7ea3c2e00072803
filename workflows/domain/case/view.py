"""View of a case for cards and threads.

It is in the payload of every Slack write, so it has titles instead of the policy.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from pydantic import Field

from workflows.domain.alerts import MANUAL_DETECTORS, AlertBrief, Subject
from workflows.domain.automation import AutomationPause
from workflows.domain.brakes import DetectorSnooze
from workflows.domain.case import events as ev
from workflows.domain.case.appeal_outcome import AppealAnswer
from workflows.domain.case.approval import Approval
from workflows.domain.case.bulk import BulkState
from workflows.domain.case.decision import Decision, Verdict
from workflows.domain.case.enforcement import ActionState, ActionStatus, NoticeState
from workflows.domain.case.escalation import Clock
from workflows.domain.case.event_base import DecisionEvent
from workflows.domain.case.model import (
    UNDECIDED,
    Case,
    EventSummary,
    Hold,
    Intent,
    Phase,
    SubjectHistory,
    is_over,
)
from workflows.domain.case.notices import lacks_addressees
from workflows.domain.case.planning import plan
from workflows.domain.case.refusals import Refusal
from workflows.domain.people import Role
from workflows.domain.policy.limits import Exempt, Full
from workflows.domain.policy.playbook import Notify, Playbook, Severity
from workflows.domain.values import Text, Value, derive


class PresetView(Value):
    """A preset's button: it `asks` for an approval; `targets` are its subjects, each once."""

    id: str
    title: Text
    danger: bool
    asks: bool
    targets: tuple[Subject, ...] = ()


class NextStep(Value):
    """The next escalation step."""

    at: datetime
    notify: Notify
    role: Role | None = None
    person: str | None = None


class ProtectionView(Value):
    """A protection; `until` is None while its end is unknown or waits for an approval."""

    id: str
    title: Text
    state: ActionState
    intent: Intent
    until: datetime | None


class CardView(Value):
    """A case as people see it; `repeats` is the maximum of repetitions by the index of the step.

    `detectors` are those of its alerts, without people.
    """

    id: str
    workflow_id: str
    version: int
    channel: str
    playbook: str
    title: Text
    subject: Subject
    severity: Severity
    phase: Phase
    opened_at: datetime
    clock: Clock
    next_step: NextStep | None
    owner: str | None
    alerts: int
    first: AlertBrief
    latest: AlertBrief
    last_alert_at: datetime
    decision: Decision | None
    decision_title: Text | None
    actions: tuple[ActionState, ...]
    action_titles: dict[str, Text]
    approval: Approval | None
    rejection: str | None
    called_at: datetime | None
    turn: EventSummary | None
    verdict: Verdict | None
    closed_at: datetime | None
    presets: tuple[PresetView, ...]
    undoable: bool
    stuck: bool = False
    undoing: bool
    failed: bool
    rule_url: str | None
    notice: NoticeState | None = None
    lacks_addressees: bool = False
    acting: bool = False
    hold: Hold | None = None
    claim_ends: datetime | None = None
    warned: bool = False
    acknowledged_by: str | None = None
    watchers: tuple[str, ...] = ()
    protections: tuple[ProtectionView, ...] = ()
    ended_protections: tuple[ProtectionView, ...] = ()
    merged_into: str | None = None
    absorbed: tuple[str, ...] = ()
    history: SubjectHistory = SubjectHistory()
    imminent: bool = False
    dry_run: bool = False
    repeats: dict[int, int] = Field(default_factory=dict)
    bulk: BulkState | None = None
    bulk_decisions: bool = False
    appeal: AppealAnswer | None = None
    detectors: tuple[str, ...] = ()
    snoozes: tuple[DetectorSnooze, ...] = ()
    automation_pause: AutomationPause | None = None
    automation_limit: Full | None = None
    exempt: Exempt | None = None


def view_of(case: Case) -> CardView:
    """The view of `case`."""
    playbook, decision = case.policy.playbook, case.decision
    preset = playbook.preset(decision.preset) if decision and decision.preset else None
    due = case.steps[0] if case.steps else None
    return derive(
        CardView,
        case,
        channel=playbook.channel,
        playbook=playbook.playbook,
        title=playbook.title,
        next_step=derive(NextStep, due.step, at=due.at) if due else None,
        protections=tuple(each for each in _protections(case) if not is_over(each.state)),
        ended_protections=tuple(each for each in _protections(case) if _has_ended(case, each)),
        imminent=bool(case.policy.reviews),
        detectors=tuple(sorted(case.detectors - MANUAL_DETECTORS)),
        dry_run=playbook.dry_run,
        repeats=_repeats(case),
        bulk=case.bulk_decisions.get(decision.id) if decision else None,
        bulk_decisions=playbook.bulk,
        decision_title=preset.title if preset else None,
        actions=case.current_actions,
        action_titles=_titles(case),
        presets=tuple(_presets(case)) if case.phase in UNDECIDED else (),
        undoable=case.phase in (Phase.CLOSED, *UNDECIDED) and bool(case.undoable),
        stuck=bool(case.stuck),
        failed=bool(case.failed),
        rule_url=_rule_url(playbook, decision),
        notice=case.notices.get(decision.id) if decision else None,
        lacks_addressees=decision is not None and lacks_addressees(case, decision),
    )


def _rule_url(playbook: Playbook, decision: Decision | None) -> str | None:
    """The link of the decision's rule, else of the playbook's."""
    named = playbook.rule(decision.policy) if decision and decision.policy else playbook.policy
    return named.url if named is not None else None


def _repeats(case: Case) -> dict[int, int]:
    ladder = enumerate(case.policy.playbook.ladder(case.severity))
    return {index: step.repeat.times for index, step in ladder if step.repeat is not None}


def _protections(case: Case) -> Iterator[ProtectionView]:
    """The protections, oldest first."""
    for each in case.protections:
        state = case.protected(each.id)
        spec = case.policy.catalog.find(state.planned.action) if state is not None else None
        if state is not None and spec is not None:
            until = None if each.intent is Intent.HOLD else state.until
            yield derive(ProtectionView, each, title=spec.title, state=state, until=until)


def _has_ended(case: Case, protection: ProtectionView) -> bool:
    """Whether it was lifted, or is kept by a decision without such an action of its own."""
    state = protection.state
    if state.ended_at is None:
        return False
    own = {each.planned.key for each in case.current_actions}
    return state.status is not ActionStatus.KEPT or state.planned.key not in own


def _titles(case: Case) -> dict[str, Text]:
    names = {action.planned.action for action in case.actions}
    names |= {sanction.action for sanction in case.history.sanctions}
    if case.decision is not None:
        names |= {planned.action for planned in case.decision.actions}
    if case.automation_pause is not None and case.automation_pause.action is not None:
        names.add(case.automation_pause.action)
    specs = {name: case.policy.catalog.find(name) for name in sorted(names)}
    return {name: spec.title for name, spec in specs.items() if spec is not None}


def _presets(case: Case) -> Iterator[PresetView]:
    """The presets that can be carried out on this subject."""
    for preset in case.policy.playbook.presets:
        planned = plan(case, preset.actions)
        if isinstance(planned, Refusal):
            continue
        specs = [case.policy.catalog.actions[each.action] for each in preset.actions]
        yield PresetView(
            id=preset.id,
            title=preset.title,
            danger=any(spec.danger for spec in specs),
            asks=any(case.policy.approvals(each.action) for each in preset.actions),
            targets=tuple({each.subject.key: each.subject for each in planned}.values()),
        )


def changes_card(before: Case, happened: Iterable[ev.Recorded]) -> bool:
    """Whether the card looks different: any activity of the owner takes back a warning."""
    return before.warned or any(each.event.redraws_card for each in happened)


def is_waited_for(case: Case, event: ev.Event) -> bool:
    """Whether a person waits for the card: they acted, or decided what the event results from."""
    if event.awaited is not None:
        return event.awaited
    decision = event.decision if isinstance(event, DecisionEvent) else None
    return event.by is not None or any(decision == each.id for each in case.decisions)
