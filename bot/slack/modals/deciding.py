"""The modal `decide`, read: verdict, actions, duration, rule and reason belong together."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.slack.modals.form import Fault, Faults, duration_in, option_in, options_in, words_in
from workflows.domain.commands import Decide
from workflows.domain.decision import Verdict
from workflows.domain.model import Value
from workflows.domain.playbook.model import PresetAction

TEMPLATE = "template"
"""The block, and the action, of the reasons that policy offers."""
NONE = "-"
"""A choice among them can't be undone in Slack: this one stands for no choice."""


class Form(Value):
    """The modal `decide`, filled in; what is missing or unknown is None or empty."""

    verdict: Verdict | None
    actions: tuple[str, ...]
    duration: timedelta | None
    policy: str | None
    reason: str
    template: str | None = None


def read_decide(
    view: Mapping[str, Any], limits: Mapping[str, int], seen: Mapping[str, Any]
) -> Decide | Faults:
    """The decision, or what has to be put right; `limits` in seconds by action."""
    form = _form(view)
    faults = _faults(form, limits)
    if faults or form.verdict is None:
        return faults
    return Decide(
        **seen,
        verdict=form.verdict,
        actions=tuple(PresetAction(action=name, for_=form.duration) for name in form.actions),
        policy=form.policy if form.verdict is Verdict.VIOLATION else None,
        reason=form.reason,
        template=form.template,
    )


def _form(view: Mapping[str, Any]) -> Form:
    verdict = option_in(view, "verdict")
    return Form(
        verdict=next((each for each in Verdict if each == verdict), None),
        actions=options_in(view, "actions"),
        duration=duration_in(view, "duration"),
        policy=option_in(view, "policy") or words_in(view, "policy") or None,
        reason=words_in(view, "reason"),
        template=template_in(view),
    )


def template_in(view: Mapping[str, Any]) -> str | None:
    """The chosen reason of policy; None also where somebody chose to have none."""
    chosen = option_in(view, TEMPLATE)
    return None if chosen == NONE else chosen


def _faults(form: Form, limits: Mapping[str, int]) -> Faults:
    faults: Faults = {}
    if form.verdict is None:
        faults["verdict"] = Fault(key="bot.fault.verdict_needed")
    if not form.reason:
        faults["reason"] = Fault(key="bot.fault.reason_needed")
    if form.verdict is Verdict.VIOLATION and not form.actions:
        faults["actions"] = Fault(key="bot.fault.actions_needed")
    if form.verdict not in (None, Verdict.VIOLATION) and form.actions:
        faults["actions"] = Fault(key="bot.fault.actions_without_violation")
    limit = _strictest(form, limits)
    if limit is not None and form.duration is not None and form.duration > limit:
        faults["duration"] = Fault(key="bot.fault.too_long", limit=limit)
    return faults


def _strictest(form: Form, limits: Mapping[str, int]) -> timedelta | None:
    """The least time that one of the chosen actions allows."""
    timed = [limits[name] for name in form.actions if name in limits]
    return timedelta(seconds=min(timed)) if timed else None
