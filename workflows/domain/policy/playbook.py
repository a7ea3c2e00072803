"""Playbooks of the policy folder, and their compressed form in payloads."""

import zlib
from base64 import b85decode, b85encode
from collections import OrderedDict
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from sys import intern
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from workflows.domain.alerts import MANUAL_DETECTORS, Subject
from workflows.domain.alerts import Identifier as SubjectId
from workflows.domain.brakes import Breaker, Silence
from workflows.domain.people import ChannelName, Role
from workflows.domain.policy.actions import ActionCatalog, ApprovalRule
from workflows.domain.policy.appeals import NoticeText
from workflows.domain.policy.bands import (
    AutoRule,
    BandRule,
    Mode,
    Sample,
    WrittenMode,
)
from workflows.domain.policy.limits import Exempt, Limits
from workflows.domain.values import Duration, Slug, Text, Value, Written


class Claims(Written):
    """A claim ends after `idle` without activity of the owner, with a warning `warn` before."""

    idle: Duration
    warn: Duration

    @model_validator(mode="after")
    def _warns_in_time(self) -> "Claims":
        if self.warn >= self.idle:
            raise ValueError("`warn` must be shorter than `idle`; it counts back from the end")
        return self


class Holds(Written):
    """A case is put on hold `most` times; more holds need a lead."""

    most: Annotated[int, Field(ge=1, le=50)] = 3


class Order(StrEnum):
    """The order of the actions of one decision."""

    TOGETHER = "together"
    IN_TURN = "in_turn"


class OnFailure(StrEnum):
    """The effect of a failed action on the others of its decision."""

    CONTINUE = "continue"
    STOP = "stop"
    UNDO = "undo"


class Conduct(Written):
    """The execution of several actions of a decision. `undo` runs in reverse order."""

    order: Order = Order.TOGETHER
    on_failure: OnFailure = OnFailure.CONTINUE

    @model_validator(mode="after")
    def _stops_only_in_turn(self) -> "Conduct":
        if self.on_failure is not OnFailure.CONTINUE and self.order is Order.TOGETHER:
            raise ValueError("`on_failure: stop` and `undo` need `order: in_turn`")
        return self


class ReasonTemplate(Written):
    """A prefilled `reason`; `notice` has the facts for the sanctioned person.

    Without it the notice has a sentence that names no facts; with `no_notice`, the reason for that,
    there is none.
    """

    id: Slug
    title: Text
    reason: Text
    notice: Text | None = None
    no_notice: Text | None = None

    @model_validator(mode="after")
    def _has_one_of_both(self) -> "ReasonTemplate":
        if self.notice is not None and self.no_notice is not None:
            raise ValueError("`notice` and `no_notice` exclude each other")
        if self.notice is not None and self.notice.en.strip().lower() == "none":
            raise ValueError("`notice` is the text for the person, not `none`")
        return self


class Via(StrEnum):
    """The medium of an escalation: a mention in the thread, a direct message, or both."""

    THREAD = "thread"
    DIRECT = "direct"
    BOTH = "both"


class Repeat(Written):
    """Repetitions of a step: `every` so often, `times` at most after the first call."""

    every: Duration
    times: Annotated[int, Field(ge=1, le=20)]


class Protect(Written):
    """A reversible action that Koban starts and lifts after `for`, unless confirmed.

    Reports of people start it only if `manual` names their detector.
    """

    action: str
    for_: Annotated[Duration, Field(alias="for")]
    manual: tuple[Literal["people", "reports"], ...] | None = None

    def is_started_by(self, detector: str) -> bool:
        """Whether alerts of `detector` may start it."""
        return detector not in MANUAL_DETECTORS or detector in (self.manual or ())


class ProtectRule(Protect):
    """A protection for alerts that match `when`, an expression over alert and severity."""

    when: str = "true"


class Severity(StrEnum):
    """The severity of a case."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """1 (critical) to 4 (low), also the Temporal priority of its activities."""
        return _RANKS[self]


# Read with every alert.
_RANKS = {severity: rank for rank, severity in enumerate(Severity, 1)}


class Unless(StrEnum):
    """The condition that cancels an escalation step."""

    CLAIMED = "claimed"
    DECIDED = "decided"
    ACKNOWLEDGED = "acknowledged"


class Notify(StrEnum):
    """The addressee of an escalation step: the shift, its leads, a role, or one person."""

    SHIFT = "shift"
    LEAD = "lead"
    ROLE = "role"
    PERSON = "person"


class Clocks(Written):
    """The deadlines of a severity, counted from the opening of the case."""

    claim: Duration
    decide: Duration


class Rule(Written):
    """A rule of the platform; notices show its `title`."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    url: str | None = None
    title: Text | None = None


class PresetAction(Written):
    """An action of a preset: `mute_user` or `{mute_user: {for: 24h}}` in YAML."""

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


class Preset(Written):
    """A prepared decision. `because` is the id of one of the playbook's `reasons`.

    With `no_notice`, the reason for that, the person gets no notice.
    """

    id: Slug
    title: Text
    actions: Annotated[tuple[PresetAction, ...], Field(min_length=1, max_length=10)]
    reason: Text | None = None
    because: Slug | None = None
    conduct: Conduct | None = None
    no_notice: Text | None = None


class Step(Written):
    """A step `after` the opening of the case; with `severity` only for cases of those."""

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
        """Whether the step applies to cases of `severity`."""
        return not self.severity or severity in self.severity


class Playbook(Written):
    """A playbook. `severity` has conditions, the worst first; the first match counts.

    - `keep_on_violation`: protections without an end of their own stay after a violation
    - `act_first`: reversible actions run at once and are reviewed within that rule's time
    - `dry_run`: no change is made at the platform
    - `actions`: those that can be chosen in a decision (None: all), besides the presets
    - `bulk`: cases can be decided for many subjects at once
    - `clauses`: rules to choose instead of `policy`; `reasons`: prepared reasons
    - `no_notice`: the reason why persons get no notice of decisions, except by a `notice` of the
      chosen reason
    - `mode`: a playbook in `shadow` only records what it would do, one that is `off` its alerts
    - `bands`: what happens to alerts of a detector; `auto`: decisions by Koban; `sample`: shares of
      both that people see as ordinary cards; `trusted`: ids of subjects without automatic actions
    - `breaker`: limits beyond which only people act; `silence`: cleared content opens no case
    """

    playbook: Slug
    title: Text
    mode: WrittenMode = Mode.LIVE
    match: str = "false"
    catch_all: bool = False
    order: int = 100
    policy: Rule | None = None
    clauses: Annotated[tuple[Rule, ...], Field(max_length=20)] = ()
    reasons: Annotated[tuple[ReasonTemplate, ...], Field(max_length=20)] = ()
    channel: ChannelName
    group_by: Annotated[tuple[str, ...], Field(min_length=1, max_length=5)] = ("subject",)
    severity: Annotated[dict[Severity, str], Field(min_length=1)]
    clocks: Annotated[dict[Severity, Clocks], Field(min_length=1)]
    presets: Annotated[tuple[Preset, ...], Field(max_length=10)] = ()
    escalation: Annotated[tuple[Step, ...], Field(max_length=20)] = ()
    claims: Claims | None = None
    waiting: Duration = Field(default="24h", validate_default=True)
    holds: Holds = Holds()
    actions: Annotated[tuple[str, ...], Field(max_length=50)] | None = None
    protect: Annotated[tuple[ProtectRule, ...], Field(max_length=10)] = ()
    keep_on_violation: bool = True
    act_first: ApprovalRule | None = None
    conduct: Conduct = Conduct()
    dry_run: bool = False
    bulk: bool = False
    no_notice: Text | None = None
    bands: Annotated[tuple[BandRule, ...], Field(max_length=50)] = ()
    auto: Annotated[tuple[AutoRule, ...], Field(max_length=10)] = ()
    sample: Sample = Sample()
    trusted: Annotated[tuple[SubjectId, ...], Field(max_length=1000)] = ()
    breaker: Breaker | None = None
    silence: Silence | None = None

    @field_validator("match")
    @classmethod
    def _match_is_an_expression(cls, match: str) -> str:
        if not match.strip():
            raise ValueError("an empty match matches nothing; write an expression")
        return match

    def preset(self, preset: str) -> Preset | None:
        """The preset called `preset`, or None."""
        return next((each for each in self.presets if each.id == preset), None)

    def offers(self, action: str) -> bool:
        """Whether a person can choose this action."""
        return self.actions is None or action in self.actions

    @property
    def protections(self) -> tuple[Protect, ...]:
        """The protections by alert, then those of escalation steps."""
        steps = (step.protect for step in self.escalation if step.protect is not None)
        return (*self.protect, *steps)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules to choose from, the default first."""
        return (*((self.policy,) if self.policy else ()), *self.clauses)

    def rule(self, rule: str) -> Rule | None:
        """The rule called `rule`, or None."""
        return next((each for each in self.rules if each.id == rule), None)

    def template(self, reason: str | None) -> ReasonTemplate | None:
        """The reason called `reason`, or None."""
        return next((each for each in self.reasons if each.id == reason), None)

    def unnotified(
        self, template: ReasonTemplate | None, preset: Preset | None = None
    ) -> Text | None:
        """The reason why a decision by these sends no notice; None if it sends one."""
        if preset is not None and preset.no_notice is not None:
            return preset.no_notice
        if template is not None and template.notice is not None:
            return None
        return (template and template.no_notice) or self.no_notice

    def ladder(self, severity: Severity) -> tuple[Step, ...]:
        """The escalation steps for `severity`, by default one at the end of each clock."""
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


RulesByAction = dict[str, tuple[ApprovalRule, ...]]
"""Approval rules by the name of their action."""


class FurtherRules(Value):
    """Approval rules of stricter versions, which apply besides those of the policy itself."""

    actions: RulesByAction = Field(default_factory=dict)
    undos: RulesByAction = Field(default_factory=dict)
    limits: tuple[ApprovalRule, ...] = ()
    reviews: tuple[ApprovalRule, ...] = ()

    def plus(self, more: "FurtherRules") -> "FurtherRules":
        """These rules and `more`."""
        return FurtherRules(
            actions=_joined(self.actions, more.actions),
            undos=_joined(self.undos, more.undos),
            limits=(*self.limits, *more.limits),
            reviews=(*self.reviews, *more.reviews),
        )


def _joined(rules: RulesByAction, more: RulesByAction) -> RulesByAction:
    names = (*rules, *(name for name in more if name not in rules))
    return {name: (*rules.get(name, ()), *more.get(name, ())) for name in names}


class Policy(Value):
    """The policy of a case, fixed at its opening; `notice_text` if the platform takes notices.

    Stricter versions since then add `further` rules, and `unprotected` actions, which Koban does
    not start any more, or not by reports of people (`unreported`). `trusted` are the ids of
    trusted.yaml.
    """

    kind: Literal["policy"] = "policy"
    version: str
    playbook: Playbook
    catalog: ActionCatalog
    limits: Limits | None = None
    notice_text: NoticeText | None = None
    further: FurtherRules = FurtherRules()
    unprotected: frozenset[str] = frozenset()
    unreported: frozenset[str] = frozenset()
    trusted: frozenset[str] = frozenset()

    def approvals(self, action: str) -> tuple[ApprovalRule, ...]:
        """The approval rules of an action."""
        spec = self.catalog.find(action)
        return (*_given(spec.approval if spec else None), *self.further.actions.get(action, ()))

    def undo_approvals(self, action: str) -> tuple[ApprovalRule, ...]:
        """The approval rules for undoing an action."""
        spec = self.catalog.find(action)
        return (*_given(spec.undo_approval if spec else None), *self.further.undos.get(action, ()))

    def starters(self, written: Protect, detectors: Iterable[str]) -> tuple[str, ...]:
        """Those of `detectors` whose alerts may start a protection, by their names."""
        if written.action in self.unprotected:
            return ()
        manual = written.action not in self.unreported
        return tuple(
            each
            for each in sorted(set(detectors))
            if written.is_started_by(each) and (manual or each not in MANUAL_DETECTORS)
        )

    def exempts(self, *subjects: Subject) -> Exempt | None:
        """The entry of limits.yaml about one of the subjects."""
        return self.limits.exempts(subjects) if self.limits is not None else None

    def trusts(self, *subjects: Subject) -> bool:
        """Whether one of the subjects is trusted: nothing automatic happens to it."""
        trusted = self.trusted.union(self.playbook.trusted)
        return any(subject.id in trusted for subject in subjects)

    @property
    def limit_approvals(self) -> tuple[ApprovalRule, ...]:
        """The approval rules of decisions above a limit."""
        return (*_given(self.limits.approval if self.limits else None), *self.further.limits)

    @property
    def reviews(self) -> tuple[ApprovalRule, ...]:
        """The rules by which harmless actions run first and are reviewed afterwards."""
        return (*_given(self.playbook.act_first), *self.further.reviews)


def _given(rule: ApprovalRule | None) -> tuple[ApprovalRule, ...]:
    return () if rule is None else (rule,)


REMEMBERED = 256
"""Size of the cache of unpacked policies."""


class PackedPolicy(Value):
    """A policy compressed to about a third of its JSON; `version` identifies the content."""

    version: str
    playbook: str
    data: str

    @field_validator("data")
    @classmethod
    def _is_kept_once(cls, data: str) -> str:
        return intern(data)

    @property
    def policy(self) -> Policy:
        """The policy, one object for all cases of a process. Raises `ValueError`."""
        return _unpacked(self.data)


def pack(policy: Policy) -> PackedPolicy:
    """Compresses `policy`. The same object is compressed once."""
    known = _packed.get(id(policy))
    if known is not None and known[0] is policy:
        return known[1]
    data = zlib.compress(policy.model_dump_json(by_alias=True).encode(), 9)
    packed = PackedPolicy(
        version=policy.version,
        playbook=policy.playbook.playbook,
        data=b85encode(data).decode("ascii"),
    )
    _packed[id(policy)] = (policy, packed)
    if len(_packed) > REMEMBERED:
        _packed.popitem(last=False)
    return packed


_packed: OrderedDict[int, tuple[Policy, PackedPolicy]] = OrderedDict()
"""By identity: tests have different policies of one version."""


@lru_cache(maxsize=REMEMBERED)
def _unpacked(data: str) -> Policy:
    try:
        text = zlib.decompress(b85decode(data))
    except zlib.error as error:
        raise ValueError("no compressed policy") from error
    return Policy.model_validate_json(text)
