"""A cap per shift that counts over days would send somebody home for what they saw yesterday."""

from datetime import timedelta

from workflows.domain.playbook.lint.finding import LIMITS, Bundle, Finding, Findings

LONGEST = timedelta(hours=24)


def exposures_fit_into_a_day(bundle: Bundle) -> Findings:
    """`exposure` counts over 24 hours at most.

    A cap per shift that counts over days would send somebody home for what they saw
    yesterday.
    """
    exposure = bundle.limits.exposure if bundle.limits else None
    if exposure is not None and exposure.within > LONGEST:
        what = "`exposure` counts over more than a day"
        yield Finding(LIMITS, ("exposure", "within"), what, "write 24h or less, a shift")
