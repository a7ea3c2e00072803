"""Limits of powers per person, detector and playbook, quota of hidden evidence, exempt subjects."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator

from workflows.domain.alerts import Identifier, Name, Subject
from workflows.domain.people import WORKING_ROLES, Role, UserId
from workflows.domain.policy.actions import ApprovalRule
from workflows.domain.values import Duration, Text, Value, Written


class Power(StrEnum):
    """What is counted: commands of people, and automatic actions."""

    ACTIONS = "actions"
    DECISIONS = "decisions"
    CLEARS = "clears"
    UNDOS = "undos"
    LIFTS = "lifts"
    APPROVALS = "approvals"
    OVERTURNS = "overturns"
    EVIDENCE = "evidence"
    REVEALS = "reveals"
    REPORTS = "reports"
    DETECTOR = "detector"
    PLAYBOOK = "playbook"


class Rate(Written):
    """At most `most` uses in any time of length `within`."""

    most: Annotated[int, Field(ge=1, le=10_000)]
    within: Duration


class PeopleLimits(Written):
    """Rates of one person; what exceeds them is refused.

    A decision, approval or undo counts each of its subjects. `reveals` are of personal data.
    """

    decisions: Rate | None = None
    clears: Rate | None = None
    undos: Rate | None = None
    lifts: Rate | None = None
    approvals: Rate | None = None
    overturns: Rate | None = None
    reveals: Rate | None = None
    reports: Rate | None = None


class AutomationLimits(Written):
    """Rates of protections that one detector, or one playbook, starts."""

    detector: Rate | None = None
    playbook: Rate | None = None


class Exempt(Written):
    """A subject on which Koban does nothing by itself, with the reason for the card."""

    type: Name
    id: Identifier
    reason: Text

    @property
    def subject(self) -> Subject:
        """The subject itself."""
        return Subject(type=self.type, id=self.id)


EXEMPT_APPROVAL = ApprovalRule(by=Role.LEAD, within=timedelta(minutes=30))
"""Decisions about exempt subjects need a lead, whatever the action is."""


class Velocity(Written):
    """A budget of actions per person; more need an approval."""

    actions: Annotated[int, Field(ge=1, le=10_000)]
    within: Duration


class Exposure(Written):
    """A quota of hidden evidence per person, usually for a shift."""

    reveals: Annotated[int, Field(ge=1, le=10_000)]
    within: Duration


class Loosening(Written):
    """A change of the folder that loosens automation waits for a person of the role `approval`.

    `authors` are the Slack users of git authors by e-mail: nobody approves their own change.
    """

    approval: Role = Role.LEAD
    authors: Annotated[dict[str, UserId], Field(max_length=500)] = Field(default_factory=dict)

    @field_validator("approval")
    @classmethod
    def _approves_cases(cls, approval: Role) -> Role:
        if approval not in WORKING_ROLES:
            raise ValueError(f"the role {approval.value} does not approve; write lead")
        return approval

    def user_of(self, email: str) -> str | None:
        """The Slack user of a git author; None if the rule has none."""
        known = {written.casefold(): user for written, user in self.authors.items()}
        return known.get(email.casefold())


LARGEST_BULK = 1_000
"""Subjects of a bulk decision at most."""


class Limits(Written):
    """Limits of a case: above them a decision needs `approval`, or a command is refused."""

    velocity: Velocity | None = None
    exposure: Exposure | None = None
    bulk: Annotated[int, Field(ge=1, le=LARGEST_BULK)] = 5
    approval: ApprovalRule
    people: PeopleLimits = PeopleLimits()
    automation: AutomationLimits = AutomationLimits()
    exempt: Annotated[tuple[Exempt, ...], Field(max_length=500)] = ()

    def rate(self, power: Power) -> Rate | None:
        """The rate of a power; None without a limit."""
        for each in (self.people, self.automation):
            if power.value in type(each).model_fields:
                rate: Rate | None = getattr(each, power.value)
                return rate
        return None

    def exempts(self, subjects: Iterable[Subject]) -> Exempt | None:
        """The first entry of `exempt` about one of the subjects."""
        keys = {subject.key for subject in subjects}
        return next((each for each in self.exempt if each.subject.key in keys), None)


class FolderLimits(Limits):
    """Limits above which a decision needs `approval`, or a command is refused (limits.yaml).

    `bulk` is the number of subjects per decision. What exceeds `exposure` or a rate of `people` is
    refused; no approval allows more. Above `automation` protections do not start. With `loosening`
    a change of the folder that loosens automation waits for a second person.
    """

    loosening: Loosening | None = None

    @property
    def of_cases(self) -> Limits:
        """The limits of cases and appeals, whose histories hold no git authors."""
        return Limits(**{name: getattr(self, name) for name in Limits.model_fields})


# -- counting -----------------------------------------------------------------------------


class Use(Value):
    """`amount` uses of a power by `holder`, once under `key`.

    `holder` is a person, a detector or a playbook. Without `most` they are only counted.
    """

    key: str
    power: Power
    holder: str
    amount: int = 1
    within: timedelta
    most: int | None = None


class Spent(Value):
    """An earlier use, with its amount."""

    at: datetime
    amount: int


class Full(Value):
    """A limit that prevents a use: `used` of `most` within a time.

    `resets_at` is when it fits; None for an amount above `most`. `alert`: the leads were not
    alerted to it in that time.
    """

    power: Power
    holder: str
    most: int
    within: timedelta
    used: int
    resets_at: datetime | None = None
    alert: bool = False


def use_of(
    limits: Limits | None, power: Power, key: str, holder: str, amount: int = 1
) -> Use | None:
    """The use to book for a power; None without a limit, or with nothing to count."""
    rate = limits.rate(power) if limits is not None else None
    if rate is None or amount < 1:
        return None
    return Use(
        key=key, power=power, holder=holder, amount=amount, within=rate.within, most=rate.most
    )


def budget_use(limits: Limits | None, key: str, holder: str, amount: int) -> Use | None:
    """The use of a person's budget of actions (`velocity`), which is only counted."""
    if limits is None or limits.velocity is None or amount < 1:
        return None
    within = limits.velocity.within
    return Use(key=key, power=Power.ACTIONS, holder=holder, amount=amount, within=within)


def uses_of_bulk(
    limits: Limits | None, key: str, holder: str, count: int, actions: int
) -> tuple[Use, ...]:
    """The uses of a bulk decision for `count` subjects, each with this number of `actions`.

    Above `bulk` it takes nothing of the budget: it needs an approval anyway, and the person's next
    small decisions should not wait for that.
    """
    small = limits is not None and count <= limits.bulk
    uses = (
        use_of(limits, Power.DECISIONS, key, holder, count),
        budget_use(limits, key, holder, count * actions if small else 0),
    )
    return tuple(each for each in uses if each is not None)


def full(use: Use, earlier: Sequence[Spent], now: datetime) -> Full | None:
    """The limit that prevents `use` after the `earlier` uses of its holder; None if it fits."""
    if use.most is None:
        return None
    counted = sorted((e for e in earlier if e.at > now - use.within), key=lambda each: each.at)
    used = sum(each.amount for each in counted)
    if used + use.amount <= use.most:
        return None
    return Full(
        power=use.power,
        holder=use.holder,
        most=use.most,
        within=use.within,
        used=used,
        resets_at=_resets_at(use, counted, used),
    )


def _resets_at(use: Use, counted: Sequence[Spent], used: int) -> datetime | None:
    assert use.most is not None
    for each in counted:
        used -= each.amount
        if used + use.amount <= use.most:
            return each.at + use.within
    return None


# -- the stricter of two ------------------------------------------------------------------
# The smaller number over the longer time is at least as strict as both.


def stricter(own: Limits | None, today: Limits | None) -> Limits | None:
    """The limits that are at least as strict as both; the approval is that of `own`."""
    if own is None or today is None:
        return own or today
    return own.model_copy(
        update={
            "velocity": _velocity(own.velocity, today.velocity),
            "exposure": _exposure(own.exposure, today.exposure),
            "bulk": min(own.bulk, today.bulk),
            "people": _rates(own.people, today.people),
            "automation": _rates(own.automation, today.automation),
            "exempt": _exempt(own.exempt, today.exempt),
        }
    )


def _rates(
    own: PeopleLimits | AutomationLimits, today: PeopleLimits | AutomationLimits
) -> PeopleLimits | AutomationLimits:
    names = type(own).model_fields
    rates = {name: _rate(getattr(own, name), getattr(today, name)) for name in names}
    return own.model_copy(update=rates)


def _rate(own: Rate | None, today: Rate | None) -> Rate | None:
    if own is None or today is None:
        return own or today
    return Rate(most=min(own.most, today.most), within=max(own.within, today.within))


def _exempt(own: tuple[Exempt, ...], today: tuple[Exempt, ...]) -> tuple[Exempt, ...]:
    """All of both: a subject that was taken off the list stays exempt in older cases."""
    known = {each.subject.key for each in own}
    return (*own, *(each for each in today if each.subject.key not in known))


def _velocity(own: Velocity | None, today: Velocity | None) -> Velocity | None:
    if own is None or today is None:
        return own or today
    fewer, longer = min(own.actions, today.actions), max(own.within, today.within)
    return Velocity(actions=fewer, within=longer)


def _exposure(own: Exposure | None, today: Exposure | None) -> Exposure | None:
    if own is None or today is None:
        return own or today
    fewer, longer = min(own.reveals, today.reveals), max(own.within, today.within)
    return Exposure(reveals=fewer, within=longer)


class Exposed(Value):
    """The ledger's counts before a piece of evidence is shown to a person.

    `found`: the case has the piece. `again`: the person saw it within the time. `seen` counts the
    other pieces, `since` is the time of the first. `alert`: the leads are to be alerted.
    """

    found: bool = False
    image: bool = False
    again: bool = False
    seen: int = 0
    since: datetime | None = None
    alert: bool = False


class Reached(Value):
    """A reached quota: `reveals` pieces within `within`, the first at `since`."""

    reveals: int
    within: timedelta
    since: datetime

    @property
    def over_at(self) -> datetime:
        """The time from which on another piece can be shown."""
        return self.since + self.within


def is_full(most: int | None, seen: int, again: bool) -> bool:
    """Whether another piece exceeds the quota; a piece that was shown before does not count."""
    return most is not None and not again and seen >= most


def reached(rule: Exposure | None, exposed: Exposed, now: datetime) -> Reached | None:
    """The quota that prevents another piece, or None."""
    if rule is None or not is_full(rule.reveals, exposed.seen, exposed.again):
        return None
    return Reached(reveals=exposed.seen, within=rule.within, since=exposed.since or now)
