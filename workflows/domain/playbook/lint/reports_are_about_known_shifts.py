"""A report of a shift that does not exist would never come, and nobody would miss it."""

from workflows.domain.playbook.durations import format_duration
from workflows.domain.playbook.lint.finding import REPORTS, Bundle, Finding, Findings
from workflows.domain.roster.model import Roster
from workflows.domain.roster.reports import HandOver


def reports_are_about_known_shifts(bundle: Bundle) -> Findings:
    """Shifts hand over where there is a roster, after they have begun.

    A report of a shift that does not exist would never come, and nobody would miss it.
    """
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
