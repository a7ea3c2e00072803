"""Choices of a modal: the actions that fit a case, their durations, rules and reasons."""

from collections.abc import Collection
from datetime import timedelta

from pydantic import Field

from bot.policies import Policies
from bot.services.cases import CaseLine
from workflows.domain.alerts import Subject
from workflows.domain.case.model import Case
from workflows.domain.case.planning import keepable, target
from workflows.domain.case.view import CardView, PresetView, view_of
from workflows.domain.policy.actions import ActionCatalog, ActionSpec
from workflows.domain.policy.playbook import Playbook, ReasonTemplate, Rule
from workflows.domain.values import Text, Value

MOST_OPTIONS = 100
"""docs.slack.dev, multi-select menu."""

USUAL = (
    timedelta(hours=1),
    timedelta(hours=24),
    timedelta(days=3),
    timedelta(days=7),
    timedelta(days=30),
)


class Choices(Value):
    """The choices of a modal; `title`, `subject` and `case` are None if the case did not answer.

    `others` are the subject's other open cases, for a merge. `preset` is the one to confirm.
    `keepable` are the protections that a violation keeps, by id, with the titles of their actions.
    `detectors` are those to snooze, with their titles, by anybody or by a `lead`.
    """

    title: Text | None = None
    subject: Subject | None = None
    actions: dict[str, ActionSpec] = Field(default_factory=dict)
    durations: tuple[timedelta, ...] = ()
    rule: str | None = None
    others: tuple[CaseLine, ...] = ()
    rules: tuple[Rule, ...] = ()
    templates: tuple[ReasonTemplate, ...] = ()
    playbook: Playbook | None = None
    case: Case | None = None
    keepable: dict[str, Text] = Field(default_factory=dict)
    preset: PresetView | None = None
    detectors: dict[str, Text | None] = Field(default_factory=dict)
    lead: bool = False

    @property
    def notifies(self) -> bool:
        """Whether the modal follows its fields: with reason templates, or notices."""
        return bool(self.templates or (self.case is not None and self.case.policy.notice_text))

    @property
    def view(self) -> CardView | None:
        """The current card of the case."""
        return view_of(self.case) if self.case is not None else None

    def template(self, reason: str | None) -> ReasonTemplate | None:
        """The reason template with this id, or None."""
        return next((each for each in self.templates if each.id == reason), None)

    @property
    def limits(self) -> dict[str, int]:
        """The longest duration of each timed action, in seconds."""
        return {
            name: int(spec.timed.max.total_seconds())
            for name, spec in self.actions.items()
            if spec.timed is not None
        }


def choices_of(case: Case) -> Choices:
    """The choices that fit `case`, by the policy that it was opened with."""
    policy = case.policy
    fitting = {
        name: spec
        for name, spec in policy.catalog.actions.items()
        if target(case, spec.subject) is not None
    }
    update = {"subject": case.subject, "case": case, "keepable": _keepable(case)}
    return _choices(fitting, policy.playbook).model_copy(update=update)


def _keepable(case: Case) -> dict[str, Text]:
    names = {each.id: each.action.partition("/")[0] for each in keepable(case)}
    return {id_: case.policy.catalog.actions[name].title for id_, name in names.items()}


def choices_for(case: Case, types: Collection[str]) -> Choices:
    """The choices for many subjects of these types, by the policy that `case` was opened with."""
    policy = case.policy
    fitting = {name: spec for name, spec in policy.catalog.actions.items() if spec.subject in types}
    return _choices(fitting, policy.playbook).model_copy(update={"subject": case.subject})


def choices_at(workflow_id: str, policies: Policies) -> Choices:
    """All actions of the current policy, for a case that does not answer."""
    catalog: ActionCatalog = policies.catalog()
    playbook = policies.playbook(workflow_id.split("/")[1])
    return _choices(catalog.actions, playbook)


def _choices(actions: dict[str, ActionSpec], playbook: Playbook | None) -> Choices:
    offered = (item for item in actions.items() if playbook is None or playbook.offers(item[0]))
    # Dangerous actions come last, away from a hasty tap.
    sorted_ = sorted(offered, key=lambda item: item[1].danger)[:MOST_OPTIONS]
    kept = dict(sorted_)
    return Choices(
        title=playbook.title if playbook else None,
        actions=kept,
        durations=_durations(kept, playbook),
        rule=playbook.policy.id if playbook and playbook.policy else None,
        rules=playbook.rules if playbook else (),
        templates=playbook.reasons if playbook else (),
        playbook=playbook,
    )


def _durations(actions: dict[str, ActionSpec], playbook: Playbook | None) -> tuple[timedelta, ...]:
    timed = [spec.timed for spec in actions.values() if spec.timed is not None]
    if not timed:
        return ()
    longest = max(each.max for each in timed)
    presets = [
        action.for_
        for preset in (playbook.presets if playbook else ())
        for action in preset.actions
    ]
    found = {*USUAL, *(each.default for each in timed), *(each for each in presets if each)}
    return tuple(sorted(each for each in found if each <= longest))[:MOST_OPTIONS]
