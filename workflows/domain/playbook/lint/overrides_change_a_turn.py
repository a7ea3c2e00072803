"""An override of a turn that does not exist is forgotten, or was meant for another day."""

from workflows.domain.playbook.lint.finding import ROSTER, Bundle, Finding, Findings
from workflows.domain.roster.model import Override, Roster, date_of


def overrides_change_a_turn(bundle: Bundle) -> Findings:
    """Every override names a shift, and a day on which that shift begins or gets people.

    An override of a turn that does not exist is forgotten, or was meant for another day.
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
