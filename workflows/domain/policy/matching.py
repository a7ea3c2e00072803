"""Matching of alerts to playbooks, and of typed words to kinds and subjects."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import ValidationError

from workflows.domain.alerts import MANUAL_DETECTORS, Alert, Subject
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.bands import Band, Mode, Placement, band_of, drawn
from workflows.domain.policy.platform import LookupCatalog
from workflows.domain.policy.playbook import Playbook, Policy, Severity
from workflows.domain.values import Value, linear_pattern

_WORD = r"""(?:'([A-Za-z0-9_.-]{1,64})'|"([A-Za-z0-9_.-]{1,64})")"""
_IS = re.compile(rf"alert\.kind\s*==\s*{_WORD}")
_IS_BACKWARDS = re.compile(rf"{_WORD}\s*==\s*alert\.kind")
_AMONG = re.compile(r"alert\.kind\s+in\s*\[([^\[\]]*)\]")
_ONE = re.compile(_WORD)


def kinds_of(playbook: Playbook) -> tuple[str, ...]:
    """The alert kinds in `match`, in their order; for the catch-all its own name."""
    if playbook.catch_all:
        return (playbook.playbook,)
    found = [*_IS.findall(playbook.match), *_IS_BACKWARDS.findall(playbook.match)]
    for listed in _AMONG.findall(playbook.match):
        found += _ONE.findall(listed)
    return tuple(dict.fromkeys(one or other for one, other in found))


def kinds_by_name(playbooks: Iterable[Playbook]) -> dict[str, str]:
    """Alert kinds by casefolded word: a kind, or name or title of a playbook for its first kind."""
    kinds: dict[str, str] = {}
    names: dict[str, str] = {}
    for playbook in playbooks:
        own = kinds_of(playbook)
        kinds |= {kind.casefold(): kind for kind in own}
        if own:
            titles = (playbook.playbook, playbook.title.ja, playbook.title.en)
            names |= {"".join(title.split()).casefold(): own[0] for title in titles}
    return {**names, **kinds}


def subject_types(playbook: Playbook, catalog: ActionCatalog) -> tuple[str, ...]:
    """The subject types of its presets, in their order."""
    chosen = (action.action for preset in playbook.presets for action in preset.actions)
    specs = (catalog.find(action) for action in chosen)
    return tuple(dict.fromkeys(spec.subject for spec in specs if spec is not None))


def subject_meant(
    written: str, types: tuple[str, ...], catalog: ActionCatalog, lookups: LookupCatalog
) -> Subject | None:
    """Parses `user:u_1`, or `u_1` if its form or `types` allow one type; else None."""
    head, colon, rest = written.partition(":")
    known = {*lookups.lookups, *(spec.subject for spec in catalog.actions.values())}
    if colon and head.casefold() in known:
        return _subject(head.casefold(), rest)
    formed = type_by_form(written, lookups)
    if formed is not None:
        return _subject(formed, written)
    return _subject(types[0], written) if len(types) == 1 else None


def type_by_form(id_: str, lookups: LookupCatalog) -> str | None:
    """The type whose form of ids matches, if exactly one does."""
    fitting = [
        type_
        for type_, spec in lookups.lookups.items()
        if spec.ids is not None and linear_pattern(spec.ids).isinstance_python(id_)
    ]
    return fitting[0] if len(fitting) == 1 else None


def subjects_in(text: str, lookups: LookupCatalog) -> tuple[Subject, ...]:
    """The subjects in a text, as `user:u_1` or by the form of their ids, in their order."""
    found: list[Subject] = []
    for word in filter(None, (run.rstrip(":.-") for run in _WORDS.findall(text))):
        head, colon, rest = word.partition(":")
        named = _subject(head, rest) if colon and head in lookups.lookups else None
        formed = type_by_form(word, lookups) if named is None else None
        subject = named or (_subject(formed, word) if formed is not None else None)
        if subject is not None:
            found.append(subject)
    return tuple({subject.key: subject for subject in found}.values())


_WORDS = re.compile(r"[A-Za-z0-9_:.-]+")


def _subject(type_: str, id_: str) -> Subject | None:
    try:
        return Subject(type=type_, id=id_)
    except ValidationError:
        return None


Holds = Callable[[str, Mapping[str, Any]], bool]
"""Evaluates a condition over facts; never raises."""


P = TypeVar("P")


class Facts(Mapping[str, Any]):
    """Variables of conditions, converted for the evaluator once and not for each condition."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = variables
        self._prepared: Any = None

    def __getitem__(self, name: str) -> Any:
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def prepared(self, prepare: Callable[[Mapping[str, Any]], P]) -> P:
        """The result of `prepare` over the variables; calls it the first time only."""
        if self._prepared is None:
            self._prepared = prepare(self._variables)
        result: P = self._prepared
        return result


def facts_of(alert: Alert) -> Facts:
    """The variables of conditions over `alert`."""
    return Facts({"alert": alert.facts()})


def find_playbook(
    playbooks: Iterable[Playbook], alert: Alert, holds: Holds, facts: Facts | None = None
) -> Playbook:
    """The first playbook that matches, else the catch-all; `facts` are those of the alert.

    Playbooks in shadow mode take no alerts; see `find_shadows`.

    Raises:
        LookupError: if nothing matches and there is no catch-all.
    """
    facts = facts or facts_of(alert)
    for playbook in _ordered(playbooks):
        if playbook.mode is not Mode.SHADOW and _matches(playbook, facts, holds):
            return playbook
    raise LookupError(f"no playbook takes alerts of kind {alert.kind}")


def find_shadows(playbooks: Iterable[Playbook], facts: Facts, holds: Holds) -> tuple[Playbook, ...]:
    """The playbooks in shadow mode that match, in their order."""
    shadows = (each for each in _ordered(playbooks) if each.mode is Mode.SHADOW)
    return tuple(each for each in shadows if _matches(each, facts, holds))


def _ordered(playbooks: Iterable[Playbook]) -> list[Playbook]:
    return sorted(playbooks, key=lambda each: (each.catch_all, each.order, each.playbook))


def _matches(playbook: Playbook, facts: Facts, holds: Holds) -> bool:
    return playbook.catch_all or holds(playbook.match, facts)


def severity_of(
    playbook: Playbook, alert: Alert, holds: Holds, facts: Facts | None = None
) -> Severity:
    """The worst severity whose condition matches, else the mildest of the playbook."""
    facts = facts or facts_of(alert)
    ordered = sorted(playbook.severity, key=lambda each: each.rank)
    return next((s for s in ordered if holds(playbook.severity[s], facts)), ordered[-1])


def place(playbook: Playbook, alert: Alert, holds: Holds, facts: Facts | None = None) -> Placement:
    """The band of an alert in its playbook.

    Alerts of people have no bands. A part of the recorded alerts is drawn for review.
    """
    if alert.detector in MANUAL_DETECTORS:
        return Placement(band=Band.ACT)
    if playbook.mode is Mode.OFF:
        return Placement(band=Band.LOG)
    if not playbook.bands:
        return Placement(band=Band.ACT)
    band = band_of(playbook.bands, alert.detector, holds, facts or facts_of(alert))
    if band is Band.LOG and drawn("log", alert.key, playbook.sample.log):
        return Placement(band=Band.REVIEW, sampled=True)
    return Placement(band=band)


def assess(
    playbook: Playbook, alert: Alert, holds: Holds, facts: Facts | None = None
) -> "Assessment":
    """Assesses an alert, with its `facts` if they are known."""
    facts = facts or facts_of(alert)
    severity = severity_of(playbook, alert, holds, facts)
    placement = place(playbook, alert, holds, facts)
    return Assessment(alert=alert, severity=severity, facts=facts, placement=placement)


@dataclass(frozen=True)
class Assessment:
    """An alert with its severity and band; `facts` are the variables of conditions."""

    alert: Alert
    severity: Severity
    facts: Facts
    placement: Placement

    def protections(self, playbook: Playbook, severity: Severity, holds: Holds) -> tuple[int, ...]:
        """The indexes of the `protect` rules that match in a case of `severity`."""
        if not playbook.protect or self.placement.band is not Band.ACT:
            return ()
        facts = self._in(severity)
        return tuple(
            i
            for i, rule in enumerate(playbook.protect)
            if rule.is_started_by(self.alert.detector) and holds(rule.when, facts)
        )

    def decides(self, playbook: Playbook, severity: Severity, holds: Holds) -> int | None:
        """The index of the first `auto` rule that matches; never for an alert of a person."""
        if self.placement.band is not Band.ACT or self.alert.detector in MANUAL_DETECTORS:
            return None
        facts = self._in(severity) if playbook.auto else self.facts
        found = (i for i, rule in enumerate(playbook.auto) if holds(rule.when, facts))
        return next(found, None)

    def _in(self, severity: Severity) -> Facts:
        return Facts({**self.facts, "severity": severity.value})


class RecordKind(StrEnum):
    """The reason why an alert is recorded without a case."""

    LOGGED = "alert_logged"
    SILENCED = "alert_silenced"
    SNOOZED = "alert_snoozed"
    SHADOW = "shadow_decided"


class RecordFacts(Value):
    """Everything that a playbook does or would do with an alert.

    `actions` are the names of automatic protections, `preset` that of an automatic decision.
    """

    severity: Severity
    band: Band
    actions: tuple[str, ...] = ()
    preset: str | None = None


class AlertRecord(RecordFacts):
    """An alert that a playbook records without a case, and what it does or would do with it.

    `case` is the one that cleared what a silenced alert shows, or in which its detector was
    snoozed. `beside`: the alert is stored in a case, or with another record.
    """

    kind: RecordKind
    alert: Alert
    playbook: str
    policy_version: str
    beside: bool = False
    case: str | None = None


def record_of(
    kind: RecordKind, policy: Policy, alert: Alert, holds: Holds, facts: Facts | None = None
) -> AlertRecord:
    """The record of an alert in a playbook; one in shadow mode says what it would do."""
    playbook = policy.playbook
    assessed = assess(playbook, alert, holds, facts)
    rules = assessed.protections(playbook, assessed.severity, holds)
    auto = assessed.decides(playbook, assessed.severity, holds)
    return AlertRecord(
        kind=kind,
        alert=alert,
        playbook=playbook.playbook,
        policy_version=policy.version,
        **dict(facts_of_record(playbook, assessed, rules, auto)),
    )


def facts_of_record(
    playbook: Playbook, assessed: Assessment, rules: Iterable[int], auto: int | None
) -> RecordFacts:
    """The facts of a record; `rules` and `auto` are the indexes of the rules that hold."""
    return RecordFacts(
        severity=assessed.severity,
        band=assessed.placement.band,
        actions=tuple(playbook.protect[rule].action for rule in rules),
        preset=None if auto is None else playbook.auto[auto].preset,
    )


def group_of(playbook: Playbook, alert: Alert) -> tuple[str, ...]:
    """The key of a case's alerts; a term that an alert lacks falls back to the alert's subject."""
    return tuple(_term(term, alert) for term in playbook.group_by)


def _term(term: str, alert: Alert) -> str:
    head, _, rest = term.partition(".")
    if head in ("detector", "kind"):
        return str(getattr(alert, head))
    found: object = None
    if head == "related":
        found = next((each.key for each in alert.related if each.type == rest), None)
    elif head == "attributes":
        found = alert.attributes.get(rest)
    return f"subject={alert.subject.key}" if found is None else f"{term}={found}"
