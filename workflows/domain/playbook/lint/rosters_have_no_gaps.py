"""Where a team promises to be there at any time, an hour without anybody is a mistake."""

from datetime import UTC, datetime, timedelta

from workflows.domain.playbook.lint.finding import ROSTER, Bundle, Finding, Findings
from workflows.domain.roster.model import Roster, date_of
from workflows.domain.roster.turns import Gap, gaps

_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
"""Any week will do: the usual one is the same every week. UTC, since no clock is changed there."""
_DAY = timedelta(days=1)


def rosters_have_no_gaps(bundle: Bundle) -> Findings:
    """With `always`, the usual week has no gap, and no override makes one.

    Where a team promises to be there at any time, an hour without anybody is a mistake.
    """
    roster = bundle.roster
    if roster is None or not roster.always:
        return
    usual = roster.model_copy(update={"overrides": ()})
    found = gaps(usual, UTC, _MONDAY, _MONDAY + 7 * _DAY)
    for gap in found:
        yield Finding(ROSTER, ("shifts",), _told(gap, "%A"), "let a shift cover it")
    if not found:
        yield from _made_by_overrides(roster)


def _made_by_overrides(roster: Roster) -> Findings:
    for number, override in enumerate(roster.overrides):
        if not override.off:
            continue
        day = datetime.combine(date_of(override.date), datetime.min.time(), UTC)
        for gap in gaps(roster, UTC, day, day + 2 * _DAY):
            what = _told(gap, "%Y-%m-%d")
            yield Finding(ROSTER, ("overrides", number), what, "name `people` for this turn")


def _told(gap: Gap, day: str) -> str:
    times = f"{day} %H:%M"
    return f"nobody is on shift from {gap.starts.strftime(times)} to {gap.ends.strftime(times)}"
