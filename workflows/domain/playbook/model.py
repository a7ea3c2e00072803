"""How a kind of case is worked (playbooks/*.yaml)."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from workflows.domain.model import Value, Written
from workflows.domain.people import Role
from workflows.domain.playbook.actions import ActionCatalog, ApprovalRule
from workflows.domain.playbook.conduct import Claims, Conduct, Holds, Limits
from workflows.domain.playbook.durations import Duration
from workflows.domain.playbook.reasons import ReasonId, ReasonTemplate, Telling
from workflows.domain.playbook.steps import Protect, ProtectRule, Repeat, Via
from workflows.domain.text import Text


class Severity(StrEnum):
    """How bad it is; `rank` 1 is the worst."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """1 (critical) … 4 (low): also the priority of what is done for the case."""
        return list(Severity).index(self) + 1


class Unless(StrEnum):
    """What makes an escalation step needless."""

    CLAIMED = "claimed"
    DECIDED = "decided"
    ACKNOWLEDGED = "acknowledged"


class Notify(StrEnum):
    """Whom an escalation step calls: the shift, its leads, a role, or one person."""

    SHIFT = "shift"
    LEAD = "lead"
    ROLE = "role"
    PERSON = "person"


class Clocks(Written):
    """How long a case of one severity may wait, counted from its opening."""

    claim: Duration
    decide: Duration


class Rule(Written):
    """The rule of the platform that a violation breaks; `title` is how a notice names it."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    url: str | None = None
    title: Text | None = None


class PresetAction(Written):
    """An action of a preset; written `mute_user` or `{mute_user: {for: 24h}}`."""

    action: str
    for_: Annotated[Duration | None, Field(alias="for")] = None

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"action": given}
        if isinstance(given, dict) and len(given) == 1 and "action" not in given:
            name, details = next(iter(given.items()))
            if not isinstance(details, dict | None):
                raise ValueError(f"{name} takes {{for: 24h}} or nothing")
            return {"action": name, **(details or {})}
        return given


PresetId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Preset(Written):
    """A decision that takes one tap. `because` is one of the playbook's `reasons`."""

    id: PresetId
    title: Text
    actions: Annotated[tuple[PresetAction, ...], Field(min_length=1, max_length=10)]
    reason: Text | None = None
    because: ReasonId | None = None
    conduct: Conduct | None = None


class Step(Written):
    """One step of the ladder: `after` counts from the opening of the case.

    Where `severity` names some, the step is for cases of those alone.
    """

    after: Duration
    unless: Unless
    notify: Notify
    role: Role | None = None
    person: Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,20}$")] | None = None
    via: Via = Via.THREAD
    repeat: Repeat | None = None
    protect: Protect | None = None
    severity: tuple[Severity, ...] = ()

    @model_validator(mode="after")
    def _says_whom(self) -> "Step":
        for kind, named in ((Notify.ROLE, self.role), (Notify.PERSON, self.person)):
            if (self.notify is kind) != (named is not None):
                raise ValueError(f"`notify: {kind}` and `{kind}: …` go together")
        return self

    def concerns(self, severity: Severity) -> bool:
        """Whether the step is for cases of `severity`."""
        return not self.severity or severity in self.severity


class Playbook(Written):
    """One playbook. `severity` holds conditions, worst first; the first that holds is taken.

    `act_first` is for imminent harm: what can be taken back is done at once, and a second person
    reviews it within that rule's time. With `rehearse` nothing is changed at the platform, with
    `ring` a case can be decided for many subjects at once. `clauses` are rules that can be chosen
    instead of `policy`, `reasons` can be chosen instead of typed.
    """

    playbook: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    title: Text
    match: str = "false"
    catch_all: bool = False
    order: int = 100
    policy: Rule | None = None
    clauses: Annotated[tuple[Rule, ...], Field(max_length=20)] = ()
    reasons: Annotated[tuple[ReasonTemplate, ...], Field(max_length=20)] = ()
    channel: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,80}$")]
    group_by: Annotated[tuple[str, ...], Field(min_length=1, max_length=5)] = ("subject",)
    severity: Annotated[dict[Severity, str], Field(min_length=1)]
    clocks: Annotated[dict[Severity, Clocks], Field(min_length=1)]
    presets: Annotated[tuple[Preset, ...], Field(max_length=10)] = ()
    escalation: Annotated[tuple[Step, ...], Field(max_length=20)] = ()
    claims: Claims | None = None
    waiting: Duration = Field(default="24h", validate_default=True)
    holds: Holds = Holds()
    protect: Annotated[tuple[ProtectRule, ...], Field(max_length=10)] = ()
    act_first: ApprovalRule | None = None
    conduct: Conduct = Conduct()
    rehearse: bool = False
    ring: bool = False

    @field_validator("match")
    @classmethod
    def _match_is_an_expression(cls, match: str) -> str:
        if not match.strip():
            raise ValueError("an empty match matches nothing; write an expression")
        return match

    def preset(self, preset: str) -> Preset | None:
        """The preset called `preset`, or None."""
        return next((each for each in self.presets if each.id == preset), None)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that a violation may break, the usual one first."""
        return (*((self.policy,) if self.policy else ()), *self.clauses)

    def rule(self, rule: str) -> Rule | None:
        """The rule called `rule`, or None."""
        return next((each for each in self.rules if each.id == rule), None)

    def template(self, reason: str | None) -> ReasonTemplate | None:
        """The reason called `reason`, or None."""
        return next((each for each in self.reasons if each.id == reason), None)

    def ladder(self, severity: Severity) -> tuple[Step, ...]:
        """The steps for a case of `severity`: those written, else one at the end of each clock."""
        if self.escalation:
            return self.escalation
        clocks = self.clocks_of(severity)
        return (
            Step(after=clocks.claim, unless=Unless.CLAIMED, notify=Notify.SHIFT),
            Step(after=clocks.decide, unless=Unless.DECIDED, notify=Notify.LEAD),
        )

    def clocks_of(self, severity: Severity) -> Clocks:
        """The clocks of `severity`, or of the nearest worse one that has any."""
        for each in reversed(list(Severity)[: severity.rank]):
            if each in self.clocks:
                return self.clocks[each]
        return next(
            iter(self.clocks.values()), Clocks(claim=timedelta(hours=1), decide=timedelta(hours=8))
        )


class Policy(Value):
    """What a case keeps for its whole life: its playbook and the actions, as they were.

    `telling` is how people are told of decisions, where the playbook has anything to tell them.
    """

    kind: Literal["policy"] = "policy"
    version: str
    playbook: Playbook
    catalog: ActionCatalog
    limits: Limits | None = None
    telling: Telling | None = None
