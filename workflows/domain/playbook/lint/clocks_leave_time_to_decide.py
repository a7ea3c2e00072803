"""Who claims in the last moment still needs time to decide."""

from workflows.domain.playbook.durations import format_duration
from workflows.domain.playbook.lint.finding import Bundle, Finding, Findings


def clocks_leave_time_to_decide(bundle: Bundle) -> Findings:
    """`claim` is shorter than `decide`; both count from the opening.

    Who claims in the last moment still needs time to decide.
    """
    for file, playbook in bundle.playbooks.items():
        for severity, clocks in playbook.clocks.items():
            if clocks.claim >= clocks.decide:
                what = f"`claim` of {severity.value} leaves no time to decide"
                write = f"write less than {format_duration(clocks.decide)}"
                yield Finding(file, ("clocks", severity.value, "claim"), what, write)
