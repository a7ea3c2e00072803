"""What stands in a modal when it is submitted, and what is wrong with it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from workflows.domain.decision import Verdict
from workflows.domain.model import Value
from workflows.domain.playbook.durations import parse_duration

Faults = dict[str, tuple[str, str | None]]
"""By block: the sentence's key, and the action whose limit it names."""


class Form(Value):
    """The modal `decide`, filled in."""

    verdict: Verdict | None
    actions: tuple[str, ...]
    duration: timedelta | None
    policy: str | None
    reason: str


def read_form(view: Mapping[str, Any]) -> Form:
    """The modal's state; what is missing or unknown is None or empty."""
    chosen = _of(view, "actions").get("selected_options") or []
    return Form(
        verdict=_verdict((_of(view, "verdict").get("selected_option") or {}).get("value")),
        actions=tuple(str(option.get("value")) for option in chosen),
        duration=_duration((_of(view, "duration").get("selected_option") or {}).get("value")),
        policy=str(_of(view, "policy").get("value") or "").strip() or None,
        reason=read_reason(view),
    )


def read_reason(view: Mapping[str, Any]) -> str:
    """The block `reason`, without the space around it."""
    return str(_of(view, "reason").get("value") or "").strip()


def faults_of(form: Form, limits: Mapping[str, int]) -> Faults:
    """What has to be put right, by block; `limits` in seconds by action."""
    faults: Faults = {}
    if form.verdict is None:
        faults["verdict"] = ("bot.fault.verdict_needed", None)
    if not form.reason:
        faults["reason"] = ("bot.fault.reason_needed", None)
    if form.verdict is Verdict.VIOLATION and not form.actions:
        faults["actions"] = ("bot.fault.actions_needed", None)
    if form.verdict not in (None, Verdict.VIOLATION) and form.actions:
        faults["actions"] = ("bot.fault.actions_without_violation", None)
    strictest = _exceeded(form, limits)
    if strictest is not None:
        faults["duration"] = ("bot.fault.too_long", strictest)
    return faults


def _exceeded(form: Form, limits: Mapping[str, int]) -> str | None:
    """The chosen action that allows the least time, where the chosen duration is over it."""
    timed = [name for name in form.actions if name in limits]
    if form.duration is None or not timed:
        return None
    strictest = min(timed, key=lambda name: limits[name])
    return strictest if form.duration.total_seconds() > limits[strictest] else None


def _of(view: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    values = (view.get("state") or {}).get("values") or {}
    return (values.get(name) or {}).get(name) or {}


def _verdict(value: object) -> Verdict | None:
    return next((verdict for verdict in Verdict if verdict == value), None)


def _duration(value: object) -> timedelta | None:
    try:
        return parse_duration(str(value)) if value else None
    except ValueError:
        return None
