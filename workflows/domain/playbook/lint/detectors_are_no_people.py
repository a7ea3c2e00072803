"""Alerts that people make in Slack name their person: no detector may speak for them."""

from workflows.domain.by_hand import BY_HAND
from workflows.domain.playbook.lint.finding import Bundle, Finding, Findings


def detectors_are_no_people(bundle: Bundle) -> Findings:
    """No detector has the name of one of Koban's own.

    Alerts that people make in Slack name their person: no detector may speak for them.
    """
    for file, detector in bundle.detectors.items():
        if detector.detector in BY_HAND:
            what = f"`{detector.detector}` is the name under which people make alerts in Slack"
            yield Finding(file, ("detector",), what, "give the detector another name")
