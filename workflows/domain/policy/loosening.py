"""Changes of the policy that loosen automation: it does more, or needs fewer people.

Of conditions only conjunctions of thresholds are compared; every other changed one loosens.
"""

import re
from collections.abc import Callable, Hashable, Iterator
from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel

from workflows.domain.brakes import Breaker, Silence
from workflows.domain.people import Holders, Role, RoleBook
from workflows.domain.policy.actions import (
    ActionCatalog,
    ActionSpec,
    ApprovalRule,
    Call,
    OnExpiry,
    Timed,
    Verify,
)
from workflows.domain.policy.bands import AutoRule, BandRule, Mode, Sample, Trusted
from workflows.domain.policy.detectors import (
    Accepts,
    Detector,
    Expect,
    QueryLimits,
    SqlQuery,
)
from workflows.domain.policy.differences import ChangeKind, Difference, PolicySet, Versions
from workflows.domain.policy.limits import (
    AutomationLimits,
    Exempt,
    Exposure,
    FolderLimits,
    Limits,
    Loosening,
    PeopleLimits,
    Rate,
    Velocity,
)
from workflows.domain.policy.platform import (
    ImageHosts,
    LookupCatalog,
    LookupField,
    LookupSpec,
    NoticeCall,
    RelatedSpec,
)
from workflows.domain.policy.playbook import (
    Claims,
    Clocks,
    Conduct,
    Holds,
    Playbook,
    Preset,
    PresetAction,
    Protect,
    ProtectRule,
    ReasonTemplate,
    Repeat,
    Rule,
    Severity,
    Step,
)
from workflows.domain.policy.reports import Retention
from workflows.domain.policy.strictness import automatic

# -- what loosens automation --------------------------------------------------------------

Loosens = Callable[[Difference, Versions], bool]


def loosens(found: Difference, both: Versions) -> bool:
    """Whether a difference loosens automation; one without a rule does, to be safe."""
    top = (PolicySet, found.path[0])
    rule = _RULES.get(top) if top in _ONE_RULE else _RULES.get(found.field)
    if rule is None:
        return found.field[0] not in _HARMLESS
    if found.kind is ChangeKind.ORDERED:
        return found.field in _IN_ORDER
    return rule(found, both)


def _never(found: Difference, both: Versions) -> bool:
    return False


def _always(found: Difference, both: Versions) -> bool:
    return True


def _if_added(found: Difference, both: Versions) -> bool:
    return found.kind is not ChangeKind.REMOVED


def _if_removed(found: Difference, both: Versions) -> bool:
    return found.kind is not ChangeKind.ADDED


def _more(found: Difference, both: Versions) -> bool:
    """More; without a value there is no limit."""
    before, after = found.before, found.after
    return after is None or (before is not None and after > before)


def _fewer(found: Difference, both: Versions) -> bool:
    """Less; without a value there is no limit."""
    before, after = found.before, found.after
    return after is None or (before is not None and after < before)


def _turned(to: Hashable) -> Loosens:
    """Only the change to this value loosens."""
    return lambda found, both: found.after == to


def _is_automated(book: Playbook) -> bool:
    return bool(automatic(book))


def _of_alerts(found: Difference, both: Versions) -> bool:
    """Other alerts come to a playbook: it loosens if any playbook acts by itself."""
    return any(_is_automated(each) for each in both.new.playbooks.values())


def _of_cases(found: Difference, both: Versions) -> bool:
    """Other alerts are in one case: it loosens if this playbook acts by itself."""
    return _is_automated(found.owner(Playbook)[1])


def _of_playbook(found: Difference, both: Versions) -> bool:
    """An added playbook that acts by itself; alerts of a removed one come to others."""
    if found.after is None:
        return _of_alerts(found, both)
    return _is_automated(found.after)


def _of_mode(found: Difference, both: Versions) -> bool:
    """It acts; on trial, its alerts come to others."""
    if found.after is Mode.SHADOW:
        return _of_alerts(found, both)
    return bool(found.after is Mode.LIVE)


def _of_severity(found: Difference, both: Versions) -> bool:
    """Automation may depend on the severity, so that other alerts reach it."""
    named = _automated_severities(found.owner(Playbook)[1])
    if found.kind is not ChangeKind.CHANGED:
        return bool(named)
    own = Severity(found.path[-1])
    match compare(found.before, found.after):
        case Compared.NARROWER:  # what it loses has a lower severity
            return any(each.rank > own.rank for each in named)
        case Compared.WIDER:
            return own in named
        case Compared.SAME:
            return False
    return bool(named)


def _automated_severities(book: Playbook) -> frozenset[Severity]:
    """The severities with protections or decisions by Koban of their own."""
    found = {each for step in book.escalation if step.protect for each in step.severity}
    for when in (*(rule.when for rule in book.protect), *(rule.when for rule in book.auto)):
        named = severities(when)
        if named is None:
            return frozenset(Severity)
        found |= {each for each in Severity if each.value in named}
    return frozenset(found)


def _of_preset(found: Difference, both: Versions) -> bool:
    """A preset that Koban applies by itself, before or after."""
    names = {each.id for each in (found.before, found.after) if isinstance(each, Preset)}
    names |= {each.id for each in found.owner(Preset) if each is not None}
    books = (each for each in found.owner(Playbook) if each is not None)
    return bool(names & {rule.preset for book in books for rule in book.auto})


def _of_condition(found: Difference, both: Versions) -> bool:
    """A condition that holds for more; without one it holds for nothing."""
    if found.before is None or found.after is None:
        return found.after is not None
    return compare(found.before, found.after) not in (Compared.NARROWER, Compared.SAME)


def _of_review(found: Difference, both: Versions) -> bool:
    """Fewer alerts for people; later bands of the detector may act on them."""
    if found.before is None or found.after is None:
        return found.after is None
    return compare(found.before, found.after) not in (Compared.WIDER, Compared.SAME)


def _of_band(found: Difference, both: Versions) -> bool:
    """A band that acts; without any band of its detector, every alert does."""
    band = found.before if found.after is None else found.after
    books = found.owner(Playbook)
    had, has = (any(each.detector == band.detector for each in book.bands) for book in books)
    if found.after is None:
        return not has or band.review is not None
    return band.act is not None if had else "true" not in (band.act, band.review)


def _of_decision(found: Difference, both: Versions) -> bool:
    """A decision by Koban; without it, the later ones decide on its alerts."""
    return found.after is not None or found.before is not found.owner(Playbook)[0].auto[-1]


def _of_decided(found: Difference, both: Versions) -> bool:
    """The condition of a decision by Koban; the later ones decide on what it leaves."""
    is_last = found.owner(Playbook)[1].auto[-1] is found.owner(AutoRule)[1]
    narrower = compare(found.before, found.after) is Compared.NARROWER
    return _of_condition(found, both) or (narrower and not is_last)


def _of_step(found: Difference, both: Versions) -> bool:
    """An added step that protects."""
    return isinstance(found.after, Step) and found.after.protect is not None


def _of_protecting_step(rule: Loosens) -> Loosens:
    """The rule, for steps that protect."""
    return lambda found, both: found.owner(Step)[1].protect is not None and rule(found, both)


def _of_severities(found: Difference, both: Versions) -> bool:
    """A step with more severities; without any it is for all."""
    every = frozenset(Severity)
    return not frozenset(found.after or every) <= frozenset(found.before or every)


def _of_manual(found: Difference, both: Versions) -> bool:
    return not frozenset(found.after or ()) <= frozenset(found.before or ())


def _of_action(found: Difference, both: Versions) -> bool:
    """An action that was added without an approval."""
    return found.after is not None and found.after.approval is None


def _of_role(found: Difference, both: Versions) -> bool:
    """Further people who approve."""
    if found.kind is ChangeKind.REMOVED:
        return False
    return found.path[2] in {each.value for each in _approving(both)}


def _approving(both: Versions) -> frozenset[Role]:
    """The roles whose people approve, leads included."""
    sets = (both.old, both.new)
    specs = [spec for each in sets for spec in each.catalog.actions.values()]
    rules = [rule for spec in specs for rule in (spec.approval, spec.undo_approval)]
    rules += [each.limits.approval for each in sets if each.limits is not None]
    rules += [book.act_first for book in both.books]
    confirming = [each.limits.loosening for each in sets if each.limits is not None]
    return frozenset(
        {
            Role.LEAD,
            *(rule.by for rule in rules if rule is not None),
            *(rule.approval for rule in confirming if rule is not None),
        }
    )


def _of_detector(found: Difference, both: Versions) -> bool:
    """An added query or sender; without its file, a sender has the common secret and no limits."""
    there: Detector = found.before if found.after is None else found.after
    if found.after is None:
        return there.secret is not None or there.accepts is not None
    return there.secret is not None or there.sql is not None


def _of_accepted(found: Difference, both: Versions) -> bool:
    """Further kinds or subjects; without a list, all of them."""
    if found.before is None or found.after is None:
        return found.after is None
    return not frozenset(found.after) <= frozenset(found.before)


def _of_rate(found: Difference, both: Versions) -> bool:
    """More alerts at once or in the long run; without a rate, any number."""
    before, after = (each and each.amount for each in found.owner(Accepts))
    if before is None or after is None:
        return after is None
    (most, within), (now, seconds) = before, after
    return bool(now * max(1, within / seconds) > most)


def _of_retention(found: Difference, both: Versions) -> bool:
    """Personal data is erased sooner: nobody can take that back."""
    if len(found.path) > 1:
        return found.after is not None and (found.before is None or found.after < found.before)
    before, after = (each or Retention() for each in (found.before, found.after))
    times = (name for name in Retention.model_fields if name != "at")
    longest = timedelta(days=1_000_000)
    return any((getattr(after, n) or longest) < (getattr(before, n) or longest) for n in times)


_ONE_RULE = frozenset(
    (PolicySet, name) for name in ("appeals", "roster", "reports", "sources", "queries")
)
"""Files in which every difference has the rule of the file."""
_IN_ORDER = frozenset({(Playbook, "auto")})
"""Lists of which the first entry that applies counts."""
_HARMLESS: frozenset[type] = frozenset(
    {
        *(Clocks, Claims, Conduct, Holds, Repeat, ReasonTemplate, Rule),
        *(LookupSpec, LookupField, RelatedSpec, ImageHosts),
    }
)
"""Models without any field about automation."""


def _rules(model: type[BaseModel], rule: Loosens, *names: str) -> dict[tuple[type, str], Loosens]:
    """One rule for some fields of a model; for all of its fields without names."""
    return {(model, name): rule for name in names or model.model_fields}


_RULES: dict[tuple[type, str], Loosens] = {
    **_rules(PolicySet, _of_playbook, "playbooks"),
    **_rules(PolicySet, _of_detector, "detectors"),
    **_rules(PolicySet, _always, "queries", "sources"),
    **_rules(PolicySet, _if_removed, "limits", "trusted"),
    **_rules(Trusted, _if_removed),
    **_rules(PolicySet, _of_retention, "retention"),
    **_rules(PolicySet, _never, "appeals", "roster", "reports"),
    # Playbooks
    **_rules(Playbook, _of_alerts, "match", "catch_all", "order"),
    **_rules(Playbook, _of_cases, "group_by"),
    **_rules(Playbook, _of_severity, "severity"),
    **_rules(Playbook, _of_step, "escalation"),
    **_rules(Playbook, _if_added, "protect"),
    **_rules(Playbook, _turned(to=True), "keep_on_violation", "bulk"),
    **_rules(Playbook, _turned(to=False), "dry_run"),
    **_rules(Playbook, _always, "act_first"),
    **_rules(Playbook, _never, "playbook", "title", "policy", "clauses", "reasons", "channel"),
    **_rules(Playbook, _of_preset, "presets"),
    **_rules(Playbook, _of_mode, "mode"),
    **_rules(Playbook, _of_band, "bands"),
    **_rules(Playbook, _of_decision, "auto"),
    **_rules(Playbook, _if_removed, "trusted", "breaker", "silence"),
    **_rules(Playbook, _never, "clocks", "claims", "waiting", "holds", "actions"),
    **_rules(Playbook, _never, "conduct", "no_notice"),
    **_rules(Preset, _of_preset),
    **_rules(PresetAction, _of_preset),
    **_rules(BandRule, _of_condition, "act"),
    **_rules(BandRule, _of_review, "review"),
    **_rules(AutoRule, _of_decided, "when"),
    **_rules(Sample, _fewer),
    **_rules(Breaker, _more, "floor", "usual", "subjects", "undone"),
    **_rules(Breaker, _fewer, "precision"),
    **_rules(Silence, _fewer, "at_most"),
    **_rules(Protect, _more, "for_"),
    **_rules(Protect, _of_manual, "manual"),
    **_rules(Protect, _always, "action"),
    **_rules(ProtectRule, _of_condition, "when"),
    **_rules(Step, _if_added, "protect"),
    **_rules(Step, _of_protecting_step(_fewer), "after"),
    **_rules(Step, _of_protecting_step(_always), "unless"),
    **_rules(Step, _of_protecting_step(_of_severities), "severity"),
    **_rules(Step, _never, "notify", "role", "person", "via", "repeat"),
    # Actions
    **_rules(ActionCatalog, _of_action, "actions"),
    **_rules(ActionSpec, _never, "title"),
    **_rules(ActionSpec, _turned(to=False), "danger"),
    **_rules(ActionSpec, _if_removed, "approval", "undo_approval"),
    **_rules(ActionSpec, _always, "subject", "timed", "request", "undo", "verify"),
    **_rules(ActionSpec, _more, "deadline"),
    **_rules(Timed, _more),
    **_rules(Call, _always),
    **_rules(Verify, _always),
    **_rules(ApprovalRule, _always, "by"),
    **_rules(ApprovalRule, _fewer, "quorum"),
    **_rules(ApprovalRule, _more, "within", "valid"),
    **_rules(ApprovalRule, _turned(to=OnExpiry.ESCALATE), "on_expiry"),
    **_rules(ApprovalRule, _never, "remind"),
    # Limits
    **_rules(Limits, _if_removed, "velocity", "exposure", "exempt"),
    **_rules(Limits, _more, "bulk"),
    **_rules(Limits, _always, "approval"),
    **_rules(FolderLimits, _if_removed, "loosening"),
    **_rules(PeopleLimits, _if_removed),
    **_rules(AutomationLimits, _if_removed),
    **_rules(Rate, _more, "most"),
    **_rules(Velocity, _more, "actions"),
    **_rules(Exposure, _more, "reveals"),
    **{(each, "within"): _fewer for each in (Rate, Velocity, Exposure)},
    **_rules(Exempt, _never),
    **_rules(Loosening, _always),
    # People
    **_rules(RoleBook, _of_role, "roles"),
    **_rules(Holders, _of_role, "group", "users"),
    **_rules(Holders, _never, "channel"),
    # Platform
    **_rules(LookupCatalog, _if_added, "notice"),
    **_rules(LookupCatalog, _never, "lookups", "related", "reveal", "evidence"),
    **_rules(NoticeCall, _always, "subject"),
    # Detectors
    **_rules(Detector, _never, "detector", "title", "owner", "expect"),
    **_rules(Detector, _always, "secret", "sql", "alert"),
    **_rules(Detector, _if_removed, "accepts"),
    **_rules(Accepts, _of_accepted, "kinds", "subjects"),
    **_rules(Accepts, _of_rate, "rate"),
    **_rules(Expect, _never),
    **_rules(SqlQuery, _never, "every", "cron", "limits"),
    **_rules(QueryLimits, _more, "rows", "bytes"),
    **_rules(QueryLimits, _never, "seconds"),
    **_rules(Retention, _of_retention),
    **_rules(Retention, _never, "at"),
}
"""The rule of each field. A new field needs one only if its changes don't always loosen."""


# -- conditions --------------------------------------------------------------------------

_NUMBER = r"-?\d+(?:\.\d+)?"
_PATH = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_ABOVE = re.compile(rf"({_PATH})\s*(>=|>|<=|<)\s*({_NUMBER})", re.ASCII)
_BELOW = re.compile(rf"({_NUMBER})\s*(>=|>|<=|<)\s*({_PATH})", re.ASCII)
_MIRRORED = {">=": "<=", ">": "<", "<=": ">=", "<": ">"}
_SEVERITY = re.compile(r"severity\s*==\s*(?:'(\w+)'|\"(\w+)\")", re.ASCII)


class Compared(StrEnum):
    """The relation of a condition to an earlier one."""

    SAME = "same"
    NARROWER = "narrower"
    WIDER = "wider"
    UNKNOWN = "unknown"


def compare(before: str, after: str) -> Compared:
    """Whether `after` holds only where `before` does, or everywhere where `before` does."""
    old, new = conjuncts(before), conjuncts(after)
    narrower, wider = _within(new, old), _within(old, new)
    if narrower and wider:
        return Compared.SAME
    if narrower:
        return Compared.NARROWER
    return Compared.WIDER if wider else Compared.UNKNOWN


def severities(condition: str) -> frozenset[str] | None:
    """The severities that a condition names; None where it uses them in another way."""
    named: set[str] = set()
    for part in conjuncts(condition):
        found = _SEVERITY.fullmatch(part)
        if found is not None:
            named.add(found[1] or found[2])
        elif re.search(r"\bseverity\b", part):
            return None
    return frozenset(named)


def conjuncts(condition: str) -> tuple[str, ...]:
    """The parts that `&&` joins; the whole condition where something else joins them."""
    text = condition.strip()
    parts = None if _HARD.search(text) else _parts(text)
    if parts is None:
        return (text,)
    return tuple(part for part in (each.strip() for each in parts) if part != "true")


def _parts(text: str) -> list[str] | None:
    found, begin, depth = [], 0, 0
    for place, sign in _signs(text):
        if sign in ("||", "?") and depth == 0:
            return None
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "&&" and depth == 0:
            found.append(text[begin:place])
            begin = place + 2
    return [*found, text[begin:]]


# Comments, tripled quotes, and raw texts, whose backslashes are no escapes.
_HARD = re.compile(r"//|'''|\"\"\"|[rRbB]['\"]")
_SIGN = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|&&|\|\||[?()\[\]{}'\"]")


def _signs(text: str) -> Iterator[tuple[int, str]]:
    """The operators and brackets outside of quoted texts, with their places."""
    for found in _SIGN.finditer(text):
        sign = found[0]
        if len(sign) == 1 and sign in "'\"":
            yield found.start(), "?"  # an open quote: no valid condition
        elif sign[0] not in "'\"":
            yield found.start(), sign


def _within(inner: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    """Whether `inner` holds only where `outer` does: each part of `outer` follows from one."""
    return "false" in inner or all(any(_implies(one, part) for one in inner) for part in outer)


def _implies(one: str, other: str) -> bool:
    if one == other:
        return True
    left, right = _threshold(one), _threshold(other)
    if left is None or right is None or left[0] != right[0]:
        return False
    (_, sign, number), (_, least, bound) = left, right
    if sign[0] != least[0]:
        return False
    if number == bound:
        return sign == least or least.endswith("=")
    return number > bound if sign[0] == ">" else number < bound


def _threshold(part: str) -> tuple[str, str, float] | None:
    """Path, sign and number of `score >= 0.9`; None for another form."""
    if (found := _ABOVE.fullmatch(part)) is not None:
        return found[1], found[2], float(found[3])
    if (found := _BELOW.fullmatch(part)) is not None:
        return found[3], _MIRRORED[found[2]], float(found[1])
    return None
