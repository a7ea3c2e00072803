"""How a team works its cases: claims that run out, waiting, order at the platform, limits."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from workflows.domain.people import Role
from workflows.domain.policy.actions import ActionCatalog, ApprovalRule
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.values import Duration, Text, Value, Written


class Claims(Written):
    """A claim ends after `idle` without a sign of its person, with a warning `warn` before."""

    idle: Duration
    warn: Duration

    @model_validator(mode="after")
    def _warns_in_time(self) -> "Claims":
        if self.warn >= self.idle:
            raise ValueError("`warn` must be shorter than `idle`; it counts back from the end")
        return self


class Holds(Written):
    """A case is set aside `most` times; once more takes a lead."""

    most: Annotated[int, Field(ge=1, le=50)] = 3


class Order(StrEnum):
    """Whether the actions of one decision run together or one after another."""

    TOGETHER = "together"
    IN_TURN = "in_turn"


class OnFailure(StrEnum):
    """What the failure of one action means for the others of its decision."""

    CONTINUE = "continue"
    STOP = "stop"
    UNDO = "undo"


class Conduct(Written):
    """How several actions of one decision are carried out. `undo` takes back in reverse order."""

    order: Order = Order.TOGETHER
    on_failure: OnFailure = OnFailure.CONTINUE

    @model_validator(mode="after")
    def _stops_only_in_turn(self) -> "Conduct":
        if self.on_failure is not OnFailure.CONTINUE and self.order is Order.TOGETHER:
            raise ValueError("`on_failure: stop` and `undo` need `order: in_turn`")
        return self


class Velocity(Written):
    """So many actions of one person within a time; more need a second person."""

    actions: Annotated[int, Field(ge=1, le=10_000)]
    within: Duration


class Exposure(Written):
    """So many pieces of hidden evidence one person may be shown within a time: a shift."""

    reveals: Annotated[int, Field(ge=1, le=10_000)]
    within: Duration


class Limits(Written):
    """Above these a decision needs `approval`, whatever its actions (limits.yaml).

    `bulk` is how many subjects one decision may act on alone. Above `exposure` nobody is asked:
    whoever has seen enough has a colleague look.
    """

    velocity: Velocity | None = None
    exposure: Exposure | None = None
    bulk: Annotated[int, Field(ge=1, le=1000)] = 5
    approval: ApprovalRule


ReasonId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class ReasonTemplate(Written):
    """One of a playbook's `reasons`: `reason` fills the rationale, which colleagues read.

    `notice` are the facts as the person acted upon is told them; without it they are told nothing.
    """

    id: ReasonId
    title: Text
    reason: Text
    notice: Text | None = None


class Automation(Written):
    """How a notice says whether automation was used: the sentence for `{automation}`.

    `protected` where Koban had acted before anybody looked, `detected` where a detector gave a
    score, `person` where neither is known. What is not written is said in Koban's own words.
    """

    protected: Text | None = None
    detected: Text | None = None
    person: Text | None = None


class NoticeText(Value):
    """How somebody is told of a decision: the call, and the text around the facts."""

    call: NoticeCall
    frame: Text
    automation: Automation = Field(default_factory=Automation)


class Via(StrEnum):
    """How a call reaches people: a mention in the thread, a direct message, or both."""

    THREAD = "thread"
    DIRECT = "direct"
    BOTH = "both"


class Repeat(Written):
    """A step that is told again `every` so often, `times` at most after the first."""

    every: Duration
    times: Annotated[int, Field(ge=1, le=20)]


class Protect(Written):
    """A reversible action that Koban takes by itself and lifts after `for`, unless confirmed."""

    action: str
    for_: Annotated[Duration, Field(alias="for")]


class ProtectRule(Protect):
    """A protection that begins with an alert: `when` is an expression over it and its severity."""

    when: str = "true"


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
    dry_run: bool = False
    bulk: bool = False

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
    telling: NoticeText | None = None
