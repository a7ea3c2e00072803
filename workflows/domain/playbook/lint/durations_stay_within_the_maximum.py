"""A preset that lasts longer than the action allows would be refused at the press."""

from datetime import timedelta

from workflows.domain.playbook.durations import format_duration
from workflows.domain.playbook.lint.finding import (
    ACTIONS,
    Bundle,
    Finding,
    Findings,
    Place,
    protections,
)


def durations_stay_within_the_maximum(bundle: Bundle) -> Findings:
    """`for:` fits an action that ends, and stays within its `max`.

    A preset that lasts longer than the action allows would be refused at the press.
    """
    if bundle.catalog is None:
        return
    for name, spec in bundle.catalog.actions.items():
        if spec.timed is not None and spec.timed.default > spec.timed.max:
            write = f"write at most {format_duration(spec.timed.max)}"
            place = ("actions", name, "timed", "default")
            yield Finding(ACTIONS, place, f"`{name}` lasts longer than its `max`", write)
    for file, playbook in bundle.playbooks.items():
        for place_, preset in enumerate(playbook.presets):
            for number, each in enumerate(preset.actions):
                where = ("presets", place_, "actions", number)
                yield from _check_one(bundle, file, where, each.action, each.for_)
        for where_, written in protections(playbook):
            protecting = bundle.catalog.find(written.action)
            # A protection is lifted by Koban, also where its action does not end by itself.
            if protecting is not None and protecting.timed is not None:
                yield from _check_one(bundle, file, where_, written.action, written.for_)


def _check_one(
    bundle: Bundle, file: str, where: Place, action: str, lasts: timedelta | None
) -> Findings:
    assert bundle.catalog is not None
    spec = bundle.catalog.find(action)
    if spec is None or lasts is None:
        return
    if spec.timed is None:
        what = f"`{action}` does not end by itself, so `for` means nothing"
        yield Finding(file, where, what, "leave `for` out")
    elif lasts > spec.timed.max:
        what = f"`{action}` lasts {format_duration(lasts)}, longer than its maximum"
        yield Finding(file, where, what, f"write at most {format_duration(spec.timed.max)}")
