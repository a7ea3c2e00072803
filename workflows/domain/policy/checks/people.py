"""Checks of people and their data: roles, limits, rosters, reports, retention, detectors."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from workflows.domain.alerts import MANUAL_DETECTORS
from workflows.domain.people import Role, RoleBook
from workflows.domain.policy.actions import ApprovalRule
from workflows.domain.policy.checks.finding import (
    ACTIONS,
    LIMITS,
    REPORTS,
    RETENTION,
    ROLES,
    ROSTER,
    Bundle,
    Finding,
    Findings,
    Place,
    unheld,
)
from workflows.domain.policy.limits import LARGEST_BULK, Limits, Rate
from workflows.domain.policy.reports import LEAST_KEPT, Kept
from workflows.domain.policy.roster import Gap, Roster, date_of, gaps
from workflows.domain.values import format_duration


def detectors_are_no_people(bundle: Bundle) -> Findings:
    """No detector has the name of one of Koban's own, which people use in Slack."""
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
    for file, where, rule, does, needs in _approvals(bundle):
        if rule is not None:
            yield from unheld(bundle, rule.by, file, where, does)
            yield from _not_given(rule, bundle.roles, file, (*where, "by"), needs)
    for file, playbook in bundle.playbooks.items():
        for number, step in enumerate(playbook.escalation):
            yield from unheld(bundle, step.role, file, ("escalation", number, "role"), "is called")


def _approvals(bundle: Bundle) -> Iterator[tuple[str, Place, ApprovalRule | None, str, str]]:
    """The approval rules with file and place, the task of their role, and what needs them."""
    for name, spec in bundle.actions.items():
        place, undo = ("actions", name), f"undoing `{name}`"
        yield ACTIONS, (*place, "approval"), spec.approval, f"approves `{name}`", f"`{name}`"
        yield ACTIONS, (*place, "undo_approval"), spec.undo_approval, f"approves {undo}", undo
    for file, playbook in bundle.playbooks.items():
        does = "reviews what was done at once"
        yield file, ("act_first",), playbook.act_first, does, "`act_first`"
    rule = bundle.limits.approval if bundle.limits else None
    yield LIMITS, ("approval",), rule, "approves what is above the limits", "`approval`"


def _not_given(rule: ApprovalRule, roles: RoleBook, file: str, by: Place, needs: str) -> Findings:
    held = roles.holders(rule.by)
    if rule.by is Role.AUDITOR and rule.by in roles.roles:
        what = "auditors read everything and change nothing"
        yield Finding(file, by, what, f"write `by: {Role.LEAD.value}`")
    elif held.users and held.group is None and len(set(held.users)) < rule.quorum:
        what = f"{needs} needs {rule.quorum} approvals, and roles.yaml names fewer people"
        yield Finding(file, by, what, "lower `quorum`, or name more people")


_WEEK = timedelta(days=7)


def limits_count_over_a_week_at_most(bundle: Bundle) -> Findings:
    """`people` and `automation` count over seven days at most: the ledger keeps no longer."""
    for place, rate in _rates(bundle.limits):
        if rate.within > _WEEK:
            what = f"`{place[1]}` counts over more than a week"
            yield Finding(LIMITS, (*place, "within"), what, "write 7d or less")


def limits_leave_room_for_bulk_decisions(bundle: Bundle) -> Findings:
    """Where a playbook has `bulk: true`, a decision fits, and so do its approval and its undo."""
    limits = bundle.limits
    if limits is None or not any(each.bulk for each in bundle.playbooks.values()):
        return
    decisions = limits.people.decisions
    largest = min(decisions.most if decisions is not None else LARGEST_BULK, LARGEST_BULK)
    for (part, name), rate in _rates(limits):
        place = (part, name, "most")
        if name in ("decisions", "approvals", "undos") and rate.most <= limits.bulk:
            what = f"`{name}` allows no bulk decision, which counts each of its subjects"
            write = f"write more than {limits.bulk}, or remove `bulk: true` from the playbooks"
            yield Finding(LIMITS, place, what, write, warning=True)
        elif name in ("approvals", "undos") and rate.most < largest:
            what = f"a bulk decision may have {largest} subjects, and `{name}` allows only part"
            write = f"write {largest} or more, or lower `decisions`"
            yield Finding(LIMITS, place, what, write, warning=True)


def _rates(limits: Limits | None) -> Iterator[tuple[tuple[str, str], Rate]]:
    """The rates of limits.yaml with their places."""
    if limits is None:
        return
    for part, rates in (("people", limits.people), ("automation", limits.automation)):
        for name in type(rates).model_fields:
            rate: Rate | None = getattr(rates, name)
            if rate is not None:
                yield (part, name), rate


def exempt_subjects_exist_once(bundle: Bundle) -> Findings:
    """`exempt` names types that an action or look-up has, and no subject twice."""
    seen: set[str] = set()
    known = {spec.subject for spec in bundle.actions.values()} | set(bundle.subjects)
    for number, entry in enumerate(bundle.limits.exempt if bundle.limits else ()):
        place = ("exempt", number)
        if bundle.whole and entry.type not in known:
            what = f"no action or look-up has the type `{entry.type}`"
            write = "write one of " + ", ".join(sorted(known))
            yield Finding(LIMITS, (*place, "type"), what, write)
        if entry.subject.key in seen:
            yield Finding(LIMITS, place, f"`{entry.id}` is there twice", "keep one of them")
        seen.add(entry.subject.key)


def overrides_change_a_turn(bundle: Bundle) -> Findings:
    """Every override names a shift, and a day on which that shift begins or gets people."""
    if bundle.roster is None:
        return
    for number, override in enumerate(bundle.roster.overrides):
        place = ("overrides", number)
        if override.shift not in bundle.roster.shifts:
            what = f"there is no shift `{override.shift}`"
            yield Finding(ROSTER, (*place, "shift"), what, "write the name of one of `shifts`")
        elif not (override.people or bundle.shifts[override.shift].covers(date_of(override.date))):
            what = f"`{override.shift}` does not begin on {override.date}"
            yield Finding(ROSTER, (*place, "date"), what, "write another date, or name `people`")


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
    for number, name in enumerate(handover.shifts):
        if name not in roster.shifts:
            place = ("handover", "shifts", number)
            write = "write the name of a shift of roster.yaml"
            yield Finding(REPORTS, place, f"there is no shift `{name}`", write)
    shortest = min(shift.lasts for shift in roster.shifts.values())
    if handover.before >= shortest:
        what = f"a shift lasts {format_duration(shortest)}, and would hand over before it begins"
        yield Finding(REPORTS, ("handover", "before"), what, "write a shorter time")


def data_is_kept_for_a_day(bundle: Bundle) -> Findings:
    """Every time of retention.yaml is a day or more; uses are kept while a limit counts them."""
    times = bundle.retention
    for kind in Kept if times is not None else ():
        after = times.after(kind) if times is not None else None
        least, why = LEAST_KEPT, "a run is daily"
        if kind is Kept.LIMITS:
            least, why = _counted_for(bundle.limits) + _DAY, "limits.yaml counts for that long"
        if after is not None and after < least:
            what = f"`{kind.value}` would be erased after {format_duration(after)}"
            write = f"write {format_duration(least)} or more ({why})"
            yield Finding(RETENTION, (kind.value,), what, write)


def _counted_for(limits: Limits | None) -> timedelta:
    """The longest time over which a limit counts, which is a week or more."""
    quotas = () if limits is None else (limits.velocity, limits.exposure)
    return max([_WEEK, *(each.within for each in quotas if each is not None)])


_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
"""An arbitrary week, in UTC because it has no summer time."""
_DAY = timedelta(days=1)


def rosters_have_no_gaps(bundle: Bundle) -> Findings:
    """With `always`, the usual week has no gap, and no override makes one."""
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
    """The role of every shift is in roles.yaml; otherwise the shift has no people."""
    for name, shift in bundle.shifts.items():
        place = ("shifts", name, "role")
        yield from unheld(bundle, shift.role, ROSTER, place, "works this shift")
