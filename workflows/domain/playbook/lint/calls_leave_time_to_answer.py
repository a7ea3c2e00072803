"""A call that comes every few seconds is noise, and Slack would hold it back."""

from datetime import timedelta

from workflows.domain.playbook.durations import format_duration
from workflows.domain.playbook.lint.finding import Bundle, Finding, Findings

FASTEST = timedelta(seconds=30)


def calls_leave_time_to_answer(bundle: Bundle) -> Findings:
    """`repeat` leaves half a minute at least between two calls.

    A call that comes every few seconds is noise, and Slack would hold it back.
    """
    for file, playbook in bundle.playbooks.items():
        for number, step in enumerate(playbook.escalation):
            if step.repeat is not None and step.repeat.every < FASTEST:
                what = f"people would be called every {format_duration(step.repeat.every)}"
                write = f"write {format_duration(FASTEST)} or more"
                yield Finding(file, ("escalation", number, "repeat", "every"), what, write)
