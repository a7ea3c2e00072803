"""Checks of platform.yaml and the evidence quota: forms of ids, personal data, related look-ups."""

import re
from datetime import timedelta

from workflows.domain.policy.checks.finding import LIMITS, PLATFORM, Bundle, Finding, Findings
from workflows.domain.policy.checks.people import NEEDED
from workflows.domain.policy.platform import RelatedSpec

LONGEST = timedelta(hours=24)


def exposures_fit_into_a_day(bundle: Bundle) -> Findings:
    """`exposure` counts over 24 hours at most.

    The quota is for a shift; yesterday's evidence must not count.
    """
    exposure = bundle.limits.exposure if bundle.limits else None
    if exposure is not None and exposure.within > LONGEST:
        what = "`exposure` counts over more than a day"
        yield Finding(LIMITS, ("exposure", "within"), what, "write 24h or less, a shift")


_WRITE = "write for example `u_[0-9]+`"


def forms_of_ids_can_be_read(bundle: Bundle) -> Findings:
    """`ids` can be read as a regular expression, and does not fit any word at all.

    Typed text would otherwise be taken for a wrong subject.
    """
    for kind, spec in (bundle.lookups.lookups if bundle.lookups else {}).items():
        if spec.ids is None:
            continue
        place = ("lookups", kind, "ids")
        try:
            form = re.compile(spec.ids)
        except re.error:
            what = f"the form of the ids of `{kind}` is no regular expression"
            yield Finding(PLATFORM, place, what, _WRITE)
            continue
        if form.fullmatch("") or form.fullmatch("hello"):
            what = f"the form of the ids of `{kind}` fits any word"
            yield Finding(PLATFORM, place, what, _WRITE)


def personal_data_is_never_summed(bundle: Bundle) -> Findings:
    """No field has both `personal` and `impact`.

    Data that is masked for one person must not be shown as a sum.
    """
    for kind, spec in (bundle.lookups.lookups if bundle.lookups else {}).items():
        for number, field in enumerate(spec.fields):
            if field.personal and field.impact:
                place = ("lookups", kind, "fields", number, "impact")
                what = f"`{field.name}` is personal data and would be summed"
                yield Finding(PLATFORM, place, what, "leave `impact` out")


def personal_data_is_revealed_to_somebody(bundle: Bundle) -> Findings:
    """`reveal` names roles that roles.yaml has; at least one where there is personal data.

    Somebody must be able to answer legal requests.
    """
    if bundle.lookups is None or bundle.roles is None:
        return
    for number, role in enumerate(bundle.lookups.reveal):
        # Missing `NEEDED` roles are found by another rule.
        if role not in bundle.roles.roles and role not in NEEDED:
            what = f"nobody holds the role {role.value} that may see personal data"
            yield Finding(PLATFORM, ("reveal", number), what, "add it to roles.yaml")
    if not bundle.lookups.reveal:
        what = "nobody may see personal data"
        yield Finding(PLATFORM, ("reveal",), what, "write for example `reveal: [lead]`")


_WRITE_RELATED = "write for example `response.users`"


def related_look_ups_name_subjects(bundle: Bundle) -> Findings:
    """`items` can be read and uses the response; `type` has a look-up of its own."""
    if bundle.lookups is None:
        return
    known = ", ".join(bundle.lookups.lookups)
    for name, spec in bundle.lookups.related.items():
        yield from _items(bundle, name, spec)
        yield from _next(bundle, name, spec)
        if spec.type not in bundle.lookups.lookups:
            what = f"`{name}` finds `{spec.type}`, which has no look-up"
            place = ("related", name, "type")
            yield Finding(PLATFORM, place, what, f"write one of {known}, or add the look-up")


def _items(bundle: Bundle, name: str, spec: RelatedSpec) -> Findings:
    place = ("related", name, "items")
    wrong = bundle.problem(spec.items, ("response",))
    if wrong is not None:
        yield Finding(PLATFORM, place, wrong, _WRITE_RELATED)
    elif "response" not in spec.items:
        what = f"`{name}` finds the same without looking at the response"
        yield Finding(PLATFORM, place, what, _WRITE_RELATED)


def _next(bundle: Bundle, name: str, spec: RelatedSpec) -> Findings:
    wrong = None if spec.next is None else bundle.problem(spec.next, ("response",))
    if wrong is not None:
        yield Finding(
            PLATFORM, ("related", name, "next"), wrong, "write for example `response.next`"
        )


RULES = (
    exposures_fit_into_a_day,
    forms_of_ids_can_be_read,
    personal_data_is_never_summed,
    personal_data_is_revealed_to_somebody,
    related_look_ups_name_subjects,
)
