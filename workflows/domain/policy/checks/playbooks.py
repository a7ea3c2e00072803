"""Checks of playbooks: grouping, clocks, expressions, presets, names and reasons."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from workflows.domain.alerts import PEOPLE, REPORTS, Alert, Subject
from workflows.domain.policy.checks.finding import ACTIONS, Bundle, Finding, Findings, Place
from workflows.domain.policy.matching import assess, kinds_of
from workflows.domain.policy.playbook import Playbook, Protect, ProtectRule
from workflows.domain.values import format_duration


def alerts_are_grouped_by_what_they_have(bundle: Bundle) -> Findings:
    """`group_by` names something that an alert has; else every alert had a case of its own."""
    for file, playbook in bundle.playbooks.items():
        for number, term in enumerate(playbook.group_by):
            own = term in ("subject", "detector", "kind")
            if not own and not term.startswith(("related.", "attributes.")):
                write = "write subject, detector, kind, related.TYPE or attributes.NAME"
                what = f"alerts can't be grouped by `{term}`"
                yield Finding(file, ("group_by", number), what, write)


FASTEST = timedelta(seconds=30)


def calls_leave_time_to_answer(bundle: Bundle) -> Findings:
    """`repeat` leaves half a minute at least: more calls are noise, and Slack limits their rate."""
    for file, playbook in bundle.playbooks.items():
        for number, step in enumerate(playbook.escalation):
            if step.repeat is not None and step.repeat.every < FASTEST:
                what = f"people would be called every {format_duration(step.repeat.every)}"
                write = f"write {format_duration(FASTEST)} or more"
                yield Finding(file, ("escalation", number, "repeat", "every"), what, write)


def clocks_leave_time_to_decide(bundle: Bundle) -> Findings:
    """`claim` is shorter than `decide`, so that a late claim leaves time to decide."""
    for file, playbook in bundle.playbooks.items():
        for severity, clocks in playbook.clocks.items():
            if clocks.claim >= clocks.decide:
                what = f"`claim` of {severity.value} leaves no time to decide"
                write = f"write less than {format_duration(clocks.decide)}"
                yield Finding(file, ("clocks", severity.value, "claim"), what, write)


_ONE_EQUALS = re.compile(r"(?<![=!<>])=(?!=)")
_IN_WORDS = re.compile(r"\b(and|or|not)\b")


def every_condition_can_be_read(bundle: Bundle) -> Findings:
    """Every expression can be read and uses known variables; else it would silently not match."""
    for file, playbook in bundle.playbooks.items():
        for place, expression, names in _expressions(playbook):
            wrong = bundle.problem(expression, names)
            if wrong is not None:
                yield Finding(file, place, wrong, _write(expression))
    for name, spec in bundle.actions.items():
        if spec.verify is None:
            continue
        expression = spec.verify.expect
        wrong = bundle.problem(expression, ("response",))
        place = ("actions", name, "verify", "expect")
        if wrong is not None:
            yield Finding(ACTIONS, place, wrong, _write(expression))
        elif "response" not in expression:
            what = f"`{name}` is verified without looking at the response"
            yield Finding(ACTIONS, place, what, "write for example `response.muted == true`")


def _expressions(playbook: Playbook) -> Iterator[tuple[Place, str, tuple[str, ...]]]:
    """The place, the expression, and its variables."""
    yield ("match",), playbook.match, ("alert",)
    for severity, expression in playbook.severity.items():
        yield ("severity", severity.value), expression, ("alert",)
    for number, rule in enumerate(playbook.protect):
        yield ("protect", number, "when"), rule.when, ("alert", "severity")
    for number, band in enumerate(playbook.bands):
        for name, written in (("act", band.act), ("review", band.review)):
            if written is not None:
                yield ("bands", number, name), written, ("alert",)
    for number, auto in enumerate(playbook.auto):
        yield ("auto", number, "when"), auto.when, ("alert", "severity")


def _write(expression: str) -> str:
    if _ONE_EQUALS.search(expression):
        return "write `==` to compare"
    if _IN_WORDS.search(expression):
        return "write `&&` for and, `||` for or, `!` for not"
    return "mend the expression as docs/policy.md shows"


def every_severity_has_clocks(bundle: Bundle) -> Findings:
    """Every severity of a playbook has its clocks; without them nothing would be escalated."""
    for file, playbook in bundle.playbooks.items():
        for severity in playbook.severity:
            if severity not in playbook.clocks:
                write = f"add `{severity.value}: {{claim: 10m, decide: 30m}}`"
                what = f"{severity.value} has no clocks"
                yield Finding(file, ("clocks",), what, write)


def names_are_unique_and_match_their_file(bundle: Bundle) -> Findings:
    """`playbook:` and `detector:` are the file's name, and ids of presets are unique."""
    for file, playbook in bundle.playbooks.items():
        if file != f"playbooks/{playbook.playbook}.yaml":
            what = f"the playbook is called `{playbook.playbook}` but its file is not"
            yield Finding(file, ("playbook",), what, "write the file's name")
        ids = [each.id for each in playbook.presets]
        yield from _twice(file, "presets", ids, "the preset ", "give it another id")
    for file, detector in bundle.detectors.items():
        if file != f"detectors/{detector.detector}.yaml":
            what = f"the detector is called `{detector.detector}` but its file is not"
            yield Finding(file, ("detector",), what, "write the file's name")


def reasons_and_rules_are_known(bundle: Bundle) -> Findings:
    """Ids of reasons and rules are unique, and presets name existing reasons."""
    for file, playbook in bundle.playbooks.items():
        yield from _twice(file, "reasons", [each.id for each in playbook.reasons])
        yield from _clauses(file, playbook)
        yield from _because(file, playbook)


def _clauses(file: str, playbook: Playbook) -> Findings:
    if playbook.clauses and playbook.policy is None:
        what = "there are `clauses` and no usual rule"
        yield Finding(file, ("clauses",), what, "write the usual one as `policy`")
    yield from _twice(file, "clauses", [each.id for each in playbook.clauses])
    for number, clause in enumerate(playbook.clauses):
        if playbook.policy is not None and clause.id == playbook.policy.id:
            what = f"the rule `{clause.id}` is `policy` already"
            yield Finding(file, ("clauses", number, "id"), what, "remove it here")


def _because(file: str, playbook: Playbook) -> Findings:
    known = ", ".join(each.id for each in playbook.reasons)
    for number, preset in enumerate(playbook.presets):
        place = ("presets", number, "because")
        if preset.because is None:
            continue
        if playbook.template(preset.because) is None:
            write = f"write one of {known}" if known else "add it to `reasons`"
            yield Finding(file, place, f"there is no reason `{preset.because}`", write)
        if preset.reason is not None:
            yield Finding(file, place, "the preset has a `reason` of its own", "keep one of them")


def _twice(
    file: str, key: str, ids: list[str], the: str = "", write: str = "keep one of them"
) -> Findings:
    for number, each in enumerate(ids):
        if each in ids[:number]:
            yield Finding(file, (key, number, "id"), f"{the}`{each}` is there twice", write)


_ANY_TIME = datetime(2024, 1, 1, tzinfo=UTC)


def reports_start_protections_on_purpose(bundle: Bundle) -> Findings:
    """A protection that a report of a person would meet has `manual`; without it none starts."""
    for file, playbook in bundle.playbooks.items():
        for place, written in _met_by_reports(bundle, playbook):
            if written.manual is None:
                what = f"reports of people do not start `{written.action}` any more"
                write = "write `manual: [people]`, `manual: [people, reports]` or `manual: []`"
                yield Finding(file, place, what, write, warning=True)


def _met_by_reports(bundle: Bundle, playbook: Playbook) -> Iterator[tuple[Place, Protect]]:
    reports = [assess(playbook, each, bundle.holds) for each in _reports(bundle, playbook)]
    severities = {each.severity for each in reports}
    for number, rule in enumerate(playbook.protect):
        own = playbook.model_copy(update={"protect": (_for_reports(rule),)})
        if any(each.protections(own, each.severity, bundle.holds) for each in reports):
            yield ("protect", number), rule
    for number, step in enumerate(playbook.escalation):
        if step.protect is not None and any(map(step.concerns, severities)):
            yield ("escalation", number, "protect"), step.protect


def _for_reports(rule: ProtectRule) -> ProtectRule:
    return rule.model_copy(update={"manual": (PEOPLE, REPORTS)})


def _reports(bundle: Bundle, playbook: Playbook) -> Iterator[Alert]:
    """A report of each kind of the playbook on each type of subject."""
    types = sorted({spec.subject for spec in bundle.actions.values()})
    for kind in kinds_of(playbook):
        for type_ in types:
            subject = Subject(type=type_, id="1")
            yield Alert(id="1", detector=PEOPLE, kind=kind, subject=subject, occurred_at=_ANY_TIME)


def there_is_exactly_one_catch_all(bundle: Bundle) -> Findings:
    """One playbook, and only one, has `catch_all: true`, for alerts of an unknown kind."""
    takers = sorted(file for file, book in bundle.playbooks.items() if book.catch_all)
    if not takers and bundle.whole:
        what = "no playbook takes alerts of an unknown kind"
        yield Finding("playbooks/other.yaml", (), what, "add a playbook with `catch_all: true`")
    for file in takers[1:]:
        what = f"`catch_all` is already in {takers[0]}"
        yield Finding(file, ("catch_all",), what, "remove one of the two")
