"""A look-up that finds nobody, or things that nobody can read, would only be noticed in a hurry."""

from workflows.domain.playbook.lint.finding import PLATFORM, Bundle, Finding, Findings
from workflows.domain.playbook.related import RelatedSpec

_WRITE = "write for example `response.users`"


def related_look_ups_name_subjects(bundle: Bundle) -> Findings:
    """`items` can be read and speaks of the response; `type` has a look-up of its own.

    A look-up that finds nobody, or things that nobody can read, would only be noticed in a
    hurry.
    """
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
        yield Finding(PLATFORM, place, wrong, _WRITE)
    elif "response" not in spec.items:
        what = f"`{name}` finds the same without looking at the response"
        yield Finding(PLATFORM, place, what, _WRITE)


def _next(bundle: Bundle, name: str, spec: RelatedSpec) -> Findings:
    wrong = None if spec.next is None else bundle.problem(spec.next, ("response",))
    if wrong is not None:
        yield Finding(
            PLATFORM, ("related", name, "next"), wrong, "write for example `response.next`"
        )
