"""A reminder that would come before the appeal itself reminds nobody."""

from workflows.domain.playbook.durations import format_duration
from workflows.domain.playbook.lint.finding import APPEALS, Bundle, Finding, Findings


def appeals_are_answered_in_time(bundle: Bundle) -> Findings:
    """Reminders come after the appeal and before its answer is due, each at its own time.

    A reminder that would come before the appeal itself reminds nobody.
    """
    if bundle.appeals is None:
        return
    rules, seen = bundle.appeals, set()
    for number, before in enumerate(rules.reminders):
        place = ("reminders", number)
        if before >= rules.answer_within:
            most = format_duration(rules.answer_within)
            what = f"the reminder {format_duration(before)} before comes before the appeal"
            yield Finding(APPEALS, place, what, f"write less than {most} (`answer_within`)")
        elif before in seen:
            what = f"the reminder {format_duration(before)} stands twice"
            yield Finding(APPEALS, place, what, "keep one of them")
        seen.add(before)
