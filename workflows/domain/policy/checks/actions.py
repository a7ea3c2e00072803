"""Checks of actions.yaml and its use: durations, approvals, undo and placeholders."""

from difflib import get_close_matches

from workflows.domain.policy.actions import ActionSpec, Timed
from workflows.domain.policy.checks.finding import (
    ACTIONS,
    Bundle,
    Finding,
    Findings,
    Place,
    chosen_actions,
    mixed,
    protections,
    strings,
    unknown,
)
from workflows.domain.values import format_duration


def durations_stay_within_the_maximum(bundle: Bundle) -> Findings:
    """`for:` fits an action that ends, and stays within its `max`; longer ones are refused."""
    for name, spec in bundle.actions.items():
        if spec.timed is not None and spec.timed.default > spec.timed.max:
            place = ("actions", name, "timed", "default")
            what = f"`{name}` lasts longer than its `max`"
            yield Finding(ACTIONS, place, what, _at_most(spec.timed))
    for file, place_, chosen in chosen_actions(bundle):
        unending = chosen.action in bundle.actions and not bundle.actions[chosen.action].timed
        # Koban lifts a protection, even if its action has no `timed`.
        if unending and chosen.for_ is not None:
            what = f"`{chosen.action}` does not end by itself, so `for` means nothing"
            yield Finding(file, place_, what, "leave `for` out")
    for file, place_, each in (*chosen_actions(bundle), *protections(bundle)):
        timed = bundle.actions[each.action].timed if each.action in bundle.actions else None
        if timed is not None and each.for_ is not None and each.for_ > timed.max:
            lasts = format_duration(each.for_)
            what = f"`{each.action}` lasts {lasts}, longer than its maximum"
            yield Finding(file, place_, what, _at_most(timed))


def _at_most(timed: Timed) -> str:
    return f"write at most {format_duration(timed.max)}"


def every_dangerous_action_needs_an_approval(bundle: Bundle) -> Findings:
    """What is marked `danger`, or can't be undone, has an `approval` by a second person."""
    for name, spec in bundle.actions.items():
        if spec.approval is not None:
            continue
        write = "add `approval: {by: lead, within: 30m}`"
        if spec.danger:
            what = f"`{name}` is marked `danger` but needs no second person"
            yield Finding(ACTIONS, ("actions", name), what, write)
        elif spec.undo is None and spec.timed is None:
            what = f"`{name}` can't be undone and needs no second person"
            yield Finding(ACTIONS, ("actions", name), what, f"{write}, or an `undo`")


def every_preset_names_known_actions(bundle: Bundle) -> Findings:
    """Every action of every preset, and every one to choose from, is in actions.yaml."""
    for file, place, each in chosen_actions(bundle):
        yield from _missing(bundle, file, place, each.action)
    for file, playbook in bundle.playbooks.items():
        for number, name in enumerate(playbook.actions or ()):
            yield from _missing(bundle, file, ("actions", number), name)


def every_protection_can_be_taken_back(bundle: Bundle) -> Findings:
    """Every protection, which precedes any look at the case, is reversible without an approval."""
    for file, place, written in protections(bundle):
        where, spec = (*place, "action"), bundle.actions.get(written.action)
        yield from _missing(bundle, file, where, written.action)
        if spec is not None and (why := _unfit(written.action, spec)):
            yield Finding(file, where, why, "name a reversible action that needs nobody")


def _missing(bundle: Bundle, file: str, place: Place, name: str) -> Findings:
    if bundle.catalog is not None and name not in bundle.actions:
        near = get_close_matches(name, bundle.actions, n=1)
        write = f"write `{near[0]}`" if near else "add it to actions.yaml"
        yield Finding(file, place, f"the action `{name}` is not in actions.yaml", write)


def _unfit(name: str, spec: ActionSpec) -> str | None:
    if spec.undo is None:
        return f"`{name}` has no `undo`, so Koban could not lift it"
    if spec.danger:
        return f"`{name}` is marked `danger`, and no person has decided yet"
    if spec.approval is not None:
        return f"`{name}` needs a second person, and no person has decided yet"
    return None


KNOWN = ("subject.id", "subject.type", "case.id", "decision.id", "until", "actor")


def paths_use_known_placeholders(bundle: Bundle) -> Findings:
    """Requests use placeholders that exist; in a path each one is a segment of its own."""
    for name, spec in bundle.actions.items():
        for part in ("request", "undo", "verify"):
            call = getattr(spec, part)
            if call is None:
                continue
            place = ("actions", name, part)
            yield from unknown(ACTIONS, (*place, "path"), call.path, KNOWN)
            yield from mixed(ACTIONS, (*place, "path"), call.path)
            for text in strings(getattr(call, "json_", None)):
                yield from unknown(ACTIONS, (*place, "json"), text, KNOWN)


def timed_actions_can_be_undone(bundle: Bundle) -> Findings:
    """Every action with `timed` has an `undo`, by which it is lifted."""
    for name, spec in bundle.actions.items():
        if spec.timed is not None and spec.undo is None:
            what = f"`{name}` ends by itself but has no `undo` to end it with"
            yield Finding(ACTIONS, ("actions", name), what, "add `undo`, or remove `timed`")


def undo_approvals_are_for_what_can_be_undone(bundle: Bundle) -> Findings:
    """Every action with `undo_approval` has an `undo` to approve."""
    for name, spec in bundle.actions.items():
        if spec.undo_approval is not None and spec.undo is None:
            what = f"`{name}` can't be undone, so nobody can approve that"
            place = ("actions", name, "undo_approval")
            yield Finding(ACTIONS, place, what, "add `undo`, or remove `undo_approval`")
