"""Interaction payloads of Slack, parsed: presses, their source, and the command they carry."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from activities.slack.actions import MENU, find, preset_of, snooze_of
from activities.slack.handles import Handle, decode
from workflows.domain.case import commands as cmd
from workflows.domain.case.snapshot import CardRef
from workflows.domain.people import Actor
from workflows.domain.values import Value

_PAGE = re.compile(r"([a-z]+)\.page\.(?:before|next)")
_POSITION = re.compile(r"([0-9.]{1,16}):(.+)", re.DOTALL)


class Unreadable(ValueError):
    """A payload that names no case: its card is outdated, or somebody tampered with it."""


class Source(Value):
    """The person of an interaction, and where Koban answers them."""

    person: str
    place: cmd.Place | None = None
    response_url: str | None = None
    trigger_id: str = ""


class Origin(Value):
    """The workspace through which a payload came, its organization, and the pressed bot's id."""

    team: str | None = None
    enterprise: str | None = None
    bot: str | None = None


def read_origin(body: Mapping[str, Any]) -> Origin:
    """The origin of any payload.

    In a shared channel `team` and `user` are those of the person. The app's own workspace is then
    in `authorizations` (events), in `app_installed_team_id` (modals), or the message's bot is ours.
    """
    installed = (body.get("view") or {}).get("app_installed_team_id")
    if installed:
        return Origin(team=installed)
    if body.get("authorizations"):
        return _origin(body["authorizations"][0])
    if body.get("context_team_id"):
        return Origin(team=body["context_team_id"], enterprise=body.get("context_enterprise_id"))
    return _origin(body)


def _origin(part: Mapping[str, Any]) -> Origin:
    team, enterprise = part.get("team") or {}, part.get("enterprise") or {}
    person = part.get("user") if isinstance(part.get("user"), dict) else {}
    return Origin(
        team=part.get("team_id") or team.get("id") or (person or {}).get("team_id"),
        enterprise=part.get("enterprise_id") or enterprise.get("id") or team.get("enterprise_id"),
        bot=(part.get("message") or {}).get("bot_id"),
    )


class Press(Value):
    """One press.

    name: the action_id; for a menu entry `case.{entry}`.
    message: the pressed message, unless only its person sees it.
    pager, page: the list and the position that a button of `rendering.page_buttons` turns to.
    view, carried: id and `private_metadata` of the modal around the button.
    """

    name: str
    url: bool
    value: str
    workflow_id: str
    action_ts: str
    source: Source
    message: CardRef | None = None
    pager: str = ""
    page: str | None = None
    view: str = ""
    carried: str = ""


def read_press(body: Mapping[str, Any]) -> Press:
    """The first action of a `block_actions` payload. Raises `Unreadable` if there is none."""
    actions = body.get("actions") or [{}]
    action: Mapping[str, Any] = actions[0]
    name, value = str(action.get("action_id", "")), str(action.get("value", ""))
    if not name:
        raise Unreadable("no action")
    if name == MENU:
        name, value = _entry(action)
    paged, position = _PAGE.fullmatch(name), _POSITION.fullmatch(value)
    turns = {"pager": paged[1], "page": position[1]} if paged and position else {}
    return Press(
        name=name,
        url="url" in action,
        value=position[2] if position is not None and turns else value,
        workflow_id=str(action.get("block_id", "")),
        action_ts=str(action.get("action_ts", "")),
        source=read_source(body),
        message=_message(body),
        **turns,
        **_modal(body),
    )


def _message(body: Mapping[str, Any]) -> CardRef | None:
    container = body.get("container") or {}
    channel, ts = container.get("channel_id"), container.get("message_ts")
    if not channel or not ts or container.get("is_ephemeral"):
        return None
    return CardRef(channel=str(channel), ts=str(ts))


def _modal(body: Mapping[str, Any]) -> dict[str, str]:
    """The modal around a button; App Home is a view as well, but no modal."""
    view = body.get("view") or {}
    if view.get("type") != "modal":
        return {}
    return {"view": str(view.get("id") or ""), "carried": str(view.get("private_metadata") or "")}


def _entry(action: Mapping[str, Any]) -> tuple[str, str]:
    """A menu entry's value is `{entry}:{case_id}:{version}`."""
    chosen = str((action.get("selected_option") or {}).get("value", ""))
    entry, _, value = chosen.partition(":")
    return f"case.{entry}", value


def read_source(body: Mapping[str, Any]) -> Source:
    """The source of any interaction."""
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
    """The case of a press. Raises `Unreadable` if its values are not those of a card."""
    handle = decode(press.value, press.workflow_id)
    if handle is None:
        raise Unreadable("not a handle of a case")
    return handle


def command_for(name: str, person: str, version: int) -> cmd.PersonCommand | None:
    """The command of an action that needs nothing but the press; None for every other one."""
    action, preset = find(name), preset_of(name)
    if action is None or action.command is None or action.modal is not None:
        return None
    snooze = snooze_of(name)
    values: dict[str, object] = {"preset": preset} if preset is not None else {}
    values |= {"number": snooze} if snooze is not None else {}
    command: cmd.PersonCommand = action.command(by=Actor(id=person), version=version, **values)
    return command


def press_id(press: Press) -> str:
    """An id that is the same for a second delivery of one press and unique otherwise."""
    source = press.source
    if source.trigger_id:
        return f"press/{source.trigger_id}"
    return f"press/{source.person}/{press.action_ts}/{press.value}"


def submission_id(view: Mapping[str, Any]) -> str:
    """An id that is the same while a person submits the same values from the same modal.

    It covers the values as typed: "in an hour" means another time with every submission.
    """
    values = (view.get("state") or {}).get("values") or {}
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
    return f"view/{view.get('id', '')}/{digest}"
