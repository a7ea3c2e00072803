"""Checks of people: roles, rosters, reports and the names of detectors."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from workflows.domain.alerts import MANUAL_DETECTORS
from workflows.domain.people import Role
from workflows.domain.policy.actions import ApprovalRule
from workflows.domain.policy.checks.finding import (
    ACTIONS,
    LIMITS,
    REPORTS,
    ROLES,
    ROSTER,
    Bundle,
    Finding,
    Findings,
    Place,
)
from workflows.domain.policy.reports import HandOver
from workflows.domain.policy.roles import RoleBook
from workflows.domain.policy.roster import Gap, Override, Roster, date_of, gaps
from workflows.domain.values import format_duration


def detectors_are_no_people(bundle: Bundle) -> Findings:
    """No detector has the name of one of Koban's own.

    These are reserved for alerts that people make in Slack.
    """
    for file, detector in bundle.detectors.items():
        if detector.detector in MANUAL_DETECTORS:
            what = f"`{detector.detector}` is the name under which people make alerts in Slack"
            yield Finding(file, ("detector",), what, "give the detector another name")


NEEDED = (Role.SPECIALIST, Role.LEAD)


def every_role_has_somebody(bundle: Bundle) -> Findings:
    """Specialist and lead exist, and every role for approvals and escalation has holders."""
    if bundle.roles is None:
        return
    write = "name a Slack `group`, or `users`"
    for role in NEEDED:
        if role not in bundle.roles.roles:
            add = f"add `{role.value}:` and {write}"
            yield Finding(ROLES, ("roles",), f"the role {role.value} is missing", add)
    for role, held in bundle.roles.roles.items():
        if held.group is None and not held.users:
            place = ("roles", role.value)
            yield Finding(ROLES, place, f"nobody holds the role {role.value}", write)
    for asked in _asked(bundle):
        yield from _can_be_given(asked, bundle.roles)
    yield from _called(bundle, bundle.roles)


@dataclass(frozen=True)
class _Asked:
    """An approval rule with its place; `does` and `needs` are parts of the findings."""

    file: str
    place: Place
    rule: ApprovalRule
    does: str
    needs: str


def _asked(bundle: Bundle) -> Iterator[_Asked]:
    for name, spec in (bundle.catalog.actions if bundle.catalog else {}).items():
        place = ("actions", name)
        for key, rule, what in (
            ("approval", spec.approval, f"`{name}`"),
            ("undo_approval", spec.undo_approval, f"undoing `{name}`"),
        ):
            if rule is not None:
                yield _Asked(ACTIONS, (*place, key), rule, f"approves {what}", what)
    for file, playbook in bundle.playbooks.items():
        if playbook.act_first is not None:
            does = "reviews what was done at once"
            yield _Asked(file, ("act_first",), playbook.act_first, does, "`act_first`")
    if bundle.limits is not None:
        does = "approves what is above the limits"
        yield _Asked(LIMITS, ("approval",), bundle.limits.approval, does, "`approval`")


def _can_be_given(asked: _Asked, roles: RoleBook) -> Findings:
    rule, by = asked.rule, (*asked.place, "by")
    if rule.by not in roles.roles:
        what = f"nobody holds the role {rule.by.value} that {asked.does}"
        yield Finding(asked.file, asked.place, what, "add it to roles.yaml")
        return
    held = roles.holders(rule.by)
    if rule.by is Role.AUDITOR:
        what = "auditors read everything and change nothing"
        yield Finding(asked.file, by, what, f"write `by: {Role.LEAD.value}`")
    elif held.users and held.group is None and len(set(held.users)) < rule.quorum:
        what = f"{asked.needs} needs {rule.quorum} approvals, and roles.yaml names fewer people"
        yield Finding(asked.file, by, what, "lower `quorum`, or name more people")


def _called(bundle: Bundle, roles: RoleBook) -> Findings:
    for file, playbook in bundle.playbooks.items():
        for number, step in enumerate(playbook.escalation):
            if step.role is not None and step.role not in roles.roles:
                what = f"nobody holds the role {step.role.value} that is called"
                place = ("escalation", number, "role")
                yield Finding(file, place, what, "add it to roles.yaml")


def overrides_change_a_turn(bundle: Bundle) -> Findings:
    """Every override names a shift, and a day on which that shift begins or gets people.

    Otherwise it is outdated, or has the wrong date.
    """
    if bundle.roster is None:
        return
    for number, override in enumerate(bundle.roster.overrides):
        place = ("overrides", number)
        if override.shift not in bundle.roster.shifts:
            what = f"there is no shift `{override.shift}`"
            yield Finding(ROSTER, (*place, "shift"), what, "write the name of one of `shifts`")
        elif not _has_a_turn(bundle.roster, override):
            what = f"`{override.shift}` does not begin on {override.date}"
            yield Finding(ROSTER, (*place, "date"), what, "write another date, or name `people`")


def _has_a_turn(roster: Roster, override: Override) -> bool:
    return bool(override.people) or roster.shifts[override.shift].covers(date_of(override.date))


def reports_are_about_known_shifts(bundle: Bundle) -> Findings:
    """Hand-over reports are about shifts of the roster, and come after the shift has begun."""
    if bundle.reports is None or bundle.reports.handover is None:
        return
    handover, roster = bundle.reports.handover, bundle.roster
    if roster is None:
        if bundle.whole:
            what = "shifts hand over, and there is no roster.yaml"
            yield Finding(REPORTS, ("handover",), what, "add roster.yaml, or remove `handover`")
        return
    yield from _known(handover, roster)
    shortest = min(shift.lasts for shift in roster.shifts.values())
    if handover.before >= shortest:
        what = f"a shift lasts {format_duration(shortest)}, and would hand over before it begins"
        yield Finding(REPORTS, ("handover", "before"), what, "write a shorter time")


def _known(handover: HandOver, roster: Roster) -> Findings:
    for number, name in enumerate(handover.shifts):
        if name not in roster.shifts:
            place = ("handover", "shifts", number)
            write = "write the name of a shift of roster.yaml"
            yield Finding(REPORTS, place, f"there is no shift `{name}`", write)


_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
"""An arbitrary week, in UTC because it has no summer time."""
_DAY = timedelta(days=1)


def rosters_have_no_gaps(bundle: Bundle) -> Findings:
    """With `always`, the usual week has no gap, and no override makes one.

    With `always` the team promises to be available at any time.
    """
    roster = bundle.roster
    if roster is None or not roster.always:
        return
    usual = roster.model_copy(update={"overrides": ()})
    found = gaps(usual, UTC, _MONDAY, _MONDAY + 7 * _DAY)
    for gap in found:
        yield Finding(ROSTER, ("shifts",), _words(gap, "%A"), "let a shift cover it")
    if not found:
        yield from _made_by_overrides(roster)


def _made_by_overrides(roster: Roster) -> Findings:
    for number, override in enumerate(roster.overrides):
        if not override.off:
            continue
        day = datetime.combine(date_of(override.date), datetime.min.time(), UTC)
        for gap in gaps(roster, UTC, day, day + 2 * _DAY):
            what = _words(gap, "%Y-%m-%d")
            yield Finding(ROSTER, ("overrides", number), what, "name `people` for this turn")


def _words(gap: Gap, day: str) -> str:
    times = f"{day} %H:%M"
    return f"nobody is on shift from {gap.starts.strftime(times)} to {gap.ends.strftime(times)}"


def shifts_are_worked_by_somebody(bundle: Bundle) -> Findings:
    """The role of every shift is in roles.yaml.

    Otherwise the shift has no people.
    """
    if bundle.roster is None or bundle.roles is None:
        return
    for name, shift in bundle.roster.shifts.items():
        if shift.role is not None and shift.role not in bundle.roles.roles:
            what = f"nobody holds the role {shift.role.value} that works this shift"
            yield Finding(ROSTER, ("shifts", name, "role"), what, "add it to roles.yaml")


RULES = (
    detectors_are_no_people,
    every_role_has_somebody,
    overrides_change_a_turn,
    reports_are_about_known_shifts,
    rosters_have_no_gaps,
    shifts_are_worked_by_somebody,
)
