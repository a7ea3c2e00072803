"""A form that fits nothing, or everything, would put a wrong subject under somebody's words."""

import re

from workflows.domain.playbook.lint.finding import PLATFORM, Bundle, Finding, Findings

_WRITE = "write for example `u_[0-9]+`"


def forms_of_ids_can_be_read(bundle: Bundle) -> Findings:
    """`ids` can be read as a regular expression, and does not fit any word at all.

    A form that fits nothing, or everything, would put a wrong subject under somebody's words.
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
