"""Checks of actions.yaml: durations, approvals, undo and placeholders."""

import re
from collections.abc import Iterator
from datetime import timedelta
from difflib import get_close_matches

from pydantic import JsonValue

from workflows.domain.policy.actions import ActionCatalog, ActionSpec
from workflows.domain.policy.checks.finding import (
    ACTIONS,
    Bundle,
    Finding,
    Findings,
    Place,
    protections,
)
from workflows.domain.values import format_duration


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
            # Koban lifts a protection, even if its action has no `timed`.
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


def every_dangerous_action_needs_an_approval(bundle: Bundle) -> Findings:
    """What is marked `danger`, or can't be undone, has an `approval`.

    Irreversible actions need a second person.
    """
    if bundle.catalog is None:
        return
    for name, spec in bundle.catalog.actions.items():
        if spec.approval is not None:
            continue
        write = "add `approval: {by: lead, within: 30m}`"
        if spec.danger:
            what = f"`{name}` is marked `danger` but needs no second person"
            yield Finding(ACTIONS, ("actions", name), what, write)
        elif spec.undo is None and spec.timed is None:
            what = f"`{name}` can't be undone and needs no second person"
            yield Finding(ACTIONS, ("actions", name), what, f"{write}, or an `undo`")


def every_protection_can_be_taken_back(bundle: Bundle) -> Findings:
    """Every protection names an action that can be undone and that nobody has to approve.

    A protection runs before a person looks at the case.
    """
    if bundle.catalog is None:
        return
    for file, playbook in bundle.playbooks.items():
        for place, written in protections(playbook):
            name, spec = written.action, bundle.catalog.find(written.action)
            where = (*place, "action")
            if spec is None:
                what = f"the action `{name}` is not in actions.yaml"
                yield Finding(file, where, what, _near(name, bundle.catalog))
            elif why := _unfit(name, spec):
                yield Finding(file, where, why, "name a reversible action that needs nobody")


def _unfit(name: str, spec: ActionSpec) -> str | None:
    if spec.undo is None:
        return f"`{name}` has no `undo`, so Koban could not lift it"
    if spec.danger:
        return f"`{name}` is marked `danger`, and nobody has looked yet"
    if spec.approval is not None:
        return f"`{name}` needs a second person, and nobody has looked yet"
    return None


def _near(name: str, catalog: ActionCatalog) -> str:
    near = get_close_matches(name, catalog.actions, n=1)
    return f"write `{near[0]}`" if near else "add it to actions.yaml"


KNOWN = ("subject.id", "subject.type", "case.id", "decision.id", "until", "actor")
_WRITTEN = re.compile(r"\{([^{}]*)\}")


def paths_use_known_placeholders(bundle: Bundle) -> Findings:
    """Requests use placeholders that exist; in a path each one is a segment of its own.

    An unknown placeholder would be sent to the platform literally.
    """
    for name, spec in (bundle.catalog.actions if bundle.catalog else {}).items():
        for place, text, is_path in _texts(spec):
            where = ("actions", name, *place)
            yield from _unknown(where, text)
            if is_path:
                yield from _mixed(where, text)


def _unknown(where: Place, text: str) -> Findings:
    for found in _WRITTEN.findall(text):
        if found not in KNOWN:
            write = "write one of " + ", ".join(f"{{{each}}}" for each in KNOWN)
            yield Finding(ACTIONS, where, f"`{{{found}}}` is not a placeholder", write)


def _mixed(where: Place, path: str) -> Findings:
    for segment in path.split("/"):
        if _WRITTEN.search(segment) and not _WRITTEN.fullmatch(segment):
            what = f"`{segment}` mixes a placeholder with text"
            yield Finding(ACTIONS, where, what, "give the placeholder a segment of its own")


def _texts(spec: ActionSpec) -> Iterator[tuple[Place, str, bool]]:
    for part, call in (("request", spec.request), ("undo", spec.undo)):
        if call is not None:
            yield (part, "path"), call.path, True
            for text in _strings(call.json_):
                yield (part, "json"), text, False
    if spec.verify is not None:
        yield ("verify", "path"), spec.verify.path, True


def _strings(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def timed_actions_can_be_undone(bundle: Bundle) -> Findings:
    """Every action with `timed` has an `undo`.

    An action that ends has to be lifted, and lifting is its undo.
    """
    if bundle.catalog is None:
        return
    for name, spec in bundle.catalog.actions.items():
        if spec.timed is not None and spec.undo is None:
            what = f"`{name}` ends by itself but has no `undo` to end it with"
            yield Finding(ACTIONS, ("actions", name), what, "add `undo`, or remove `timed`")


def undo_approvals_are_for_what_can_be_undone(bundle: Bundle) -> Findings:
    """Every action with `undo_approval` has an `undo`.

    Without an undo there is nothing to approve.
    """
    for name, spec in (bundle.catalog.actions if bundle.catalog else {}).items():
        if spec.undo_approval is not None and spec.undo is None:
            what = f"`{name}` can't be undone, so nobody can approve that"
            place = ("actions", name, "undo_approval")
            yield Finding(ACTIONS, place, what, "add `undo`, or remove `undo_approval`")


RULES = (
    durations_stay_within_the_maximum,
    every_dangerous_action_needs_an_approval,
    every_protection_can_be_taken_back,
    paths_use_known_placeholders,
    timed_actions_can_be_undone,
    undo_approvals_are_for_what_can_be_undone,
)
