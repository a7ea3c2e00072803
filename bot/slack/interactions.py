"""A pressed button, read: what Slack sends of it, and the command that it means."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from activities.slack.handles import Handle, decode
from workflows.domain.case import commands as cmd
from workflows.domain.people import Actor
from workflows.domain.values import Value

_PRESET = re.compile(r"case\.preset\.([a-z][a-z0-9_]{0,39})")
_SURE = re.compile(r"case\.sure\.([a-z][a-z0-9_]{0,39})")

_PLAIN: dict[str, Callable[..., cmd.PersonCommand]] = {
    "case.claim": cmd.Claim,
    "case.release": cmd.Release,
    "case.clear": cmd.MarkNoViolation,
    "case.escalate": cmd.Escalate,
    "case.confirm": cmd.Confirm,
    "case.lift_protection": cmd.LiftProtection,
    "case.undo": cmd.Undo,
    "case.acknowledge": cmd.Acknowledge,
    "case.resume": cmd.Resume,
    "case.watch": cmd.Watch,
    "case.unwatch": cmd.Unwatch,
    "action.undo": cmd.Undo,
    "action.retry": cmd.Retry,
    "action.give_up": cmd.GiveUp,
    "notice.retry": cmd.RetryNotice,
    "approval.approve": cmd.Approve,
    "approval.withdraw": cmd.Withdraw,
    "bulk.stop": cmd.StopBulk,
}
MORE = "case.more"
MODALS = {
    "case.decide": "decide",
    "case.handover": "handover",
    "case.snooze": "snooze",
    "case.wait": "wait",
    "case.note": "note",
    "case.merge": "merge",
    "case.reopen": "reopen",
    "case.all": "all",
    "approval.reject": "reject",
    "approval.ask": "ask",
    "approval.answer": "answer",
}
"""Buttons that open a modal, by its callback_id."""


class Unreadable(ValueError):
    """What came does not name a case: the card is from another time, or it was tampered with."""


class Source(Value):
    """Where an interaction comes from and where its person is answered."""

    person: str
    place: cmd.Place | None = None
    response_url: str | None = None
    trigger_id: str = ""


class Press(Value):
    """One press. `name` is the action_id, for a menu entry the action_id that it stands for.

    `view` is the modal that it was made in, `carried` that modal's metadata.
    """

    name: str
    url: bool
    value: str
    workflow_id: str
    action_ts: str
    source: Source
    view: str = ""
    carried: str = ""


def read_press(body: Mapping[str, Any]) -> Press:
    """The first action of a `block_actions` payload.

    Raises:
        Unreadable: where there is none.
    """
    actions = body.get("actions") or [{}]
    action: Mapping[str, Any] = actions[0]
    name, value = str(action.get("action_id", "")), str(action.get("value", ""))
    if not name:
        raise Unreadable("no action")
    if name == MORE:
        name, value = _entry(action)
    return Press(
        name=name,
        url="url" in action,
        value=value,
        workflow_id=str(action.get("block_id", "")),
        action_ts=str(action.get("action_ts", "")),
        source=read_source(body),
        **_modal(body),
    )


def _modal(body: Mapping[str, Any]) -> dict[str, str]:
    """The modal of a press; App Home is a view too, and none."""
    view = body.get("view") or {}
    if view.get("type") != "modal":
        return {}
    return {"view": str(view.get("id") or ""), "carried": str(view.get("private_metadata") or "")}


def modal_of(name: str) -> str | None:
    """The modal that a button opens, by its callback_id; None where it opens none."""
    return "sure" if _SURE.fullmatch(name) else MODALS.get(name)


def preset_of(name: str) -> str | None:
    """The preset that a modal is to make sure of."""
    asked = _SURE.fullmatch(name)
    return asked[1] if asked is not None else None


def _entry(action: Mapping[str, Any]) -> tuple[str, str]:
    """A menu entry's value is `{entry}:{case_id}:{version}`."""
    chosen = str((action.get("selected_option") or {}).get("value", ""))
    entry, _, value = chosen.partition(":")
    return f"case.{entry}", value


def read_source(body: Mapping[str, Any]) -> Source:
    """Who, and where: of any interaction or slash command."""
    container, message = body.get("container") or {}, body.get("message") or {}
    channel = (body.get("channel") or {}).get("id") or container.get("channel_id")
    thread = container.get("thread_ts") or message.get("thread_ts")
    own = container.get("message_ts") or message.get("ts")
    reply = thread if thread != own else None
    return Source(
        person=str((body.get("user") or {}).get("id") or ""),
        place=cmd.Place(channel=channel, thread=reply) if channel else None,
        response_url=body.get("response_url"),
        trigger_id=str(body.get("trigger_id") or ""),
    )


def read_handle(press: Press) -> Handle:
    """The case behind a press.

    Raises:
        Unreadable: where value or block_id are not what a card carries.
    """
    handle = decode(press.value, press.workflow_id)
    if handle is None:
        raise Unreadable("not a handle of a case")
    return handle


def command_for(name: str, person: str, version: int) -> cmd.PersonCommand | None:
    """The command of a button that needs nothing more than a press; None for any other."""
    by = Actor(id=person)
    preset = _PRESET.fullmatch(name)
    if preset is not None:
        return cmd.ChoosePreset(by=by, version=version, preset=preset[1])
    make = _PLAIN.get(name)
    return make(by=by, version=version) if make else None


def press_id(press: Press) -> str:
    """The same for a second delivery of one press, another for every other press."""
    source = press.source
    if source.trigger_id:
        return f"press/{source.trigger_id}"
    return f"press/{source.person}/{press.action_ts}/{press.value}"


def submission_id(view: Mapping[str, Any]) -> str:
    """The same while a person submits the same thing from the same modal, however often.

    What stands in the modal counts, not what it means: "in an hour" is another time every time.
    """
    values = (view.get("state") or {}).get("values") or {}
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
    return f"view/{view.get('id', '')}/{digest}"
