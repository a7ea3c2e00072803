"""Checks of platform.yaml and the evidence quota: forms of ids, personal data, related look-ups."""

from datetime import timedelta

from workflows.domain.policy.checks.finding import (
    LIMITS,
    PLATFORM,
    Bundle,
    Finding,
    Findings,
    unheld,
)
from workflows.domain.policy.checks.people import NEEDED
from workflows.domain.values import linear_pattern

LONGEST = timedelta(hours=24)


def exposures_fit_into_a_day(bundle: Bundle) -> Findings:
    """`exposure` counts over 24 hours at most: the quota is for a shift."""
    exposure = bundle.limits.exposure if bundle.limits else None
    if exposure is not None and exposure.within > LONGEST:
        what = "`exposure` counts over more than a day"
        yield Finding(LIMITS, ("exposure", "within"), what, "write 24h or less, a shift")


_ANY = ("", "hello")


def forms_of_ids_can_be_read(bundle: Bundle) -> Findings:
    """`ids` is a regular expression that does not fit any word: typed text would fit as well."""
    for kind, spec in bundle.subjects.items():
        if spec.ids is None:
            continue
        place = ("lookups", kind, "ids")
        try:
            fits = linear_pattern(spec.ids).isinstance_python
            wrong = "fits any word" if any(map(fits, _ANY)) else None
        except ValueError:
            wrong = "is no regular expression (look-around and back-references are not allowed)"
        if wrong is not None:
            what = f"the form of the ids of `{kind}` {wrong}"
            yield Finding(PLATFORM, place, what, "write for example `u_[0-9]+`")


def personal_data_is_never_summed(bundle: Bundle) -> Findings:
    """No field has both `personal` and `impact`: data that is masked is not shown as a sum."""
    for kind, spec in bundle.subjects.items():
        for number, field in enumerate(spec.fields):
            if field.personal and field.impact:
                place = ("lookups", kind, "fields", number, "impact")
                what = f"`{field.name}` is personal data and would be summed"
                yield Finding(PLATFORM, place, what, "leave `impact` out")


def personal_data_is_revealed_to_somebody(bundle: Bundle) -> Findings:
    """`reveal` names existing roles, at least one: somebody must answer legal requests."""
    if bundle.lookups is None or bundle.roles is None:
        return
    for number, role in enumerate(bundle.lookups.reveal):
        # Missing `NEEDED` roles are found by another rule.
        if role not in NEEDED:
            does = "may see personal data"
            yield from unheld(bundle, role, PLATFORM, ("reveal", number), does)
    if not bundle.lookups.reveal:
        what = "nobody may see personal data"
        yield Finding(PLATFORM, ("reveal",), what, "write for example `reveal: [lead]`")


def related_look_ups_name_subjects(bundle: Bundle) -> Findings:
    """`items` can be read and uses the response; `type` has a look-up of its own."""
    known = ", ".join(bundle.subjects)
    for name, spec in bundle.related.items():
        place = ("related", name)
        wrong = bundle.problem(spec.items, ("response",))
        if wrong is None and "response" not in spec.items:
            wrong = f"`{name}` finds the same without looking at the response"
        if wrong is not None:
            yield Finding(PLATFORM, (*place, "items"), wrong, "write for example `response.users`")
        wrong = None if spec.next is None else bundle.problem(spec.next, ("response",))
        if wrong is not None:
            yield Finding(PLATFORM, (*place, "next"), wrong, "write for example `response.next`")
        if spec.type not in bundle.subjects:
            what = f"`{name}` finds `{spec.type}`, which has no look-up"
            write = f"write one of {known}, or add the look-up"
            yield Finding(PLATFORM, (*place, "type"), what, write)
