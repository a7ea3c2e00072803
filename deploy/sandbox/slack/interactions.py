"""Interactions of a person: clicks, menus, modals, commands, shortcuts, messages, App Home.

Each sends the payload that Slack documents and applies the app's response.
https://docs.slack.dev/reference/interaction-payloads
"""

import json
import re
from dataclasses import dataclass, field

from deploy.sandbox.slack.app_client import Answer, AppClient
from deploy.sandbox.slack.blockkit.values import FIELDS, Values, merged, options_of
from deploy.sandbox.slack.client_errors import ClientError, input_fault, show_client_error
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.messages import find_element
from deploy.sandbox.slack.methods.chat import respond
from deploy.sandbox.slack.model import (
    APP,
    BOT_USER,
    TEAM_DOMAIN,
    Channel,
    Member,
    Message,
    View,
)
from deploy.sandbox.slack.payloads import (
    channel_part,
    envelope,
    event_envelope,
    message_container,
    message_json,
)
from deploy.sandbox.slack.triggers import ResponseUrl
from deploy.sandbox.slack.workspace import Workspace

Source = Message | View
"""Message or view with the clicked element."""


@dataclass(frozen=True)
class Press:
    """One click or choice; `given` has the chosen value under Slack's field name."""

    block_id: str
    action_id: str
    given: dict


def source_of(workspace: Workspace, user: str, container: dict) -> Source | None:
    """The message or view that this person sees; None if it is gone or not theirs."""
    if container.get("type") == "view":
        try:
            view = workspace.views.find(str(container.get("view_id")))
        except SlackError:
            return None
        return view if view.user == user else None
    message = workspace.messages.find(str(container.get("channel")), str(container.get("ts")))
    if message is None or message.deleted or message.ephemeral_to not in (None, user):
        return None
    return message if workspace.channels[message.channel].seen_by(user) else None


async def press(
    workspace: Workspace, client: AppClient, member: Member, source: Source | None, done: Press
) -> str | None:
    """Sends block_actions; returns None after an ack, else Slack's error message."""
    element = _element(source, done) if source is not None else None
    if source is None or element is None:
        return show_client_error(workspace, member, ClientError.GONE)
    chosen = _chosen(element, done.given)
    _remember(source, done, element, chosen)
    if _only_stored(source, done, element):
        return None
    payload = (
        envelope(workspace, "block_actions", member)
        | _where(workspace, member, source)
        | {
            "trigger_id": workspace.triggers.make(member.id),
            "state": {"values": source.values},
            "actions": [_action(workspace, element, done, chosen)],
        }
    )
    answer = await client.interact(payload)
    return None if answer.ok else show_client_error(workspace, member, ClientError.PRESSED)


async def suggest(
    workspace: Workspace, client: AppClient, member: Member, source: Source | None, done: Press
) -> list[dict]:
    """The options (or option groups' options) of an external select for a typed text."""
    element = _element(source, done) if source is not None else None
    if source is None or element is None:
        return []
    payload = (
        envelope(workspace, "block_suggestion", member)
        | _where(workspace, member, source)
        | {
            "action_id": done.action_id,
            "block_id": done.block_id,
            "value": str(done.given.get("value") or ""),
        }
    )
    answer = await client.interact(payload)
    try:
        body = answer.json() if answer.ok else {}
    except ValueError:
        body = {}
    return options_of(body) if isinstance(body, dict) else []


def _element(source: Source, done: Press) -> dict | None:
    wanted = {"action_id": done.action_id, "value": done.given.get("value")}
    drawn = [source.blocks]
    if isinstance(source, Message):
        drawn += reversed(source.earlier)
    return find_element(drawn, done.block_id, wanted)


def _chosen(element: dict, given: dict) -> dict:
    """The value in Slack's field, with complete option objects."""
    if element["type"] == "overflow":
        return {"selected_option": _option(element, given.get("selected_option"))}
    if element["type"] not in FIELDS:
        return {}
    field = FIELDS[element["type"]][0]
    value = given.get(field)
    if field == "selected_option":
        value = _option(element, value)
    elif field == "selected_options":
        value = [_option(element, one) for one in value or []]
    return {field: value}


def _option(element: dict, given: object) -> object:
    value = given.get("value") if isinstance(given, dict) else given
    return next((o for o in options_of(element) if o.get("value") == value), given)


def _remember(source: Source, done: Press, element: dict, chosen: dict) -> None:
    if element["type"] in FIELDS:
        spot = source.values.setdefault(done.block_id, {})
        spot[done.action_id] = {"type": element["type"], **chosen}


def _only_stored(source: Source, done: Press, element: dict) -> bool:
    """True for input blocks without `dispatch_action`, which send nothing before the submission."""
    block = next((b for b in source.blocks if b.get("block_id") == done.block_id), {})
    return block.get("type") == "input" and not block.get("dispatch_action")


def _action(workspace: Workspace, element: dict, done: Press, chosen: dict) -> dict:
    action = {
        "type": element["type"],
        "action_id": done.action_id,
        "block_id": done.block_id,
        "action_ts": workspace.messages.next_ts(),
        **chosen,
    }
    if element["type"] == "button":
        kept = ("text", "value", "style", "url", "confirm")
        action |= {name: element[name] for name in kept if name in element}
    return action


def _where(workspace: Workspace, member: Member, source: Source) -> dict:
    if isinstance(source, View):
        return {"container": {"type": "view", "view_id": source.id}, "view": source.as_json()}
    channel = workspace.channels[source.channel]
    thread = source.thread_ts if source.is_reply else None
    token = workspace.response_urls.make(channel.id, member.id, source.ts, thread)
    where = {
        **message_container(source),
        **channel_part(channel),
        "response_url": f"{workspace.base_url}/response/{token}",
    }
    # Slack does not keep ephemerals, so it has no message to send along.
    if source.ephemeral_to is None:
        where["message"] = message_json(workspace, source, metadata=True)
    return where


@dataclass(frozen=True)
class Submitted:
    """`errors` are shown under their inputs (block_id → text); `error` is Slack's own."""

    error: str | None = None
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.error is None and not self.errors


def open_view(workspace: Workspace, member: Member, view_id: str) -> View | None:
    return next((v for v in workspace.views.stack(member.id) if v.id == view_id), None)


async def submit(
    workspace: Workspace, client: AppClient, member: Member, view_id: str, values: Values
) -> Submitted:
    view = open_view(workspace, member, view_id)
    if view is None:
        return Submitted(error=show_client_error(workspace, member, ClientError.VIEW_GONE))
    view.values = merged(view.values, values)
    if faults := _input_faults(view, member.locale):
        return Submitted(errors=faults)
    payload = envelope(workspace, "view_submission", member) | {
        "trigger_id": workspace.triggers.make(member.id),
        "view": view.as_json(),
        "response_urls": [],
    }
    answer = await client.interact(payload)
    try:
        errors = _apply_response(workspace, view, _response_action(answer))
    except (SlackError, ValueError):
        return Submitted(error=show_client_error(workspace, member, ClientError.SUBMITTED))
    workspace.feed.touch([member.id])
    return Submitted(errors=errors)


async def close(workspace: Workspace, client: AppClient, member: Member, view_id: str) -> None:
    """Closes the view; sends view_closed only if the view has `notify_on_close`."""
    view = open_view(workspace, member, view_id)
    if view is None:
        return
    cleared = bool(view.content.get("clear_on_close"))
    if cleared:
        workspace.views.clear(member.id)
    else:
        workspace.views.close(view)
    workspace.feed.touch([member.id])
    if view.content.get("notify_on_close"):
        closed = {"view": view.as_json(), "is_cleared": cleared}
        await client.interact(envelope(workspace, "view_closed", member) | closed)


def _input_faults(view: View, locale: str) -> dict[str, str]:
    found = {}
    for block in view.blocks:
        if block.get("type") == "input":
            value = view.values[block["block_id"]][block["element"]["action_id"]]
            if text := input_fault(block, value, locale):
                found[block["block_id"]] = text
    return found


def _response_action(answer: Answer) -> dict:
    """The app's response_action, {} for an empty 200. Raises ValueError if it is invalid."""
    if not answer.ok:
        raise ValueError("no usable answer")
    if not answer.body.strip():
        return {}
    body = answer.json()
    if not isinstance(body, dict):
        raise ValueError("not an object")
    return body


def _apply_response(workspace: Workspace, view: View, response: dict) -> dict[str, str]:
    """Applies the response_action; returns the errors to show."""
    match response.get("response_action"):
        case None:
            workspace.views.close(view)
        case "clear":
            workspace.views.clear(view.user)
        case "update":
            workspace.view_shown(workspace.views.update(view, response.get("view")))
        case "push":
            workspace.view_shown(workspace.views.push(view.user, response.get("view")))
        case "errors":
            return _checked_errors(view, response.get("errors"))
        case unknown:
            raise ValueError(f"unknown response_action {unknown}")
    return {}


def _checked_errors(view: View, errors: object) -> dict[str, str]:
    inputs = {b["block_id"] for b in view.blocks if b.get("type") == "input"}
    if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
        raise ValueError("errors must name input blocks of the view")
    return {block: str(text) for block, text in errors.items()}


_AT = re.compile(r"@([^\s@<>|]+)")
_LINK = re.compile(r"https?://[^\s<>|]+")


def escaped(workspace: Workspace, text: str) -> str:
    """Text of a command as an app with `should_escape` receives it.

    https://docs.slack.dev/interactivity/implementing-slash-commands
    """
    people = {
        name: member
        for member in workspace.people.values()
        for name in (member.name, member.display_name)
    }

    def mention(found: re.Match[str]) -> str:
        member = people.get(found[1])
        return f"<@{member.id}|{member.name}>" if member else found[0]

    return _AT.sub(mention, _LINK.sub(r"<\g<0>>", _entities(text)))


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


async def command(
    workspace: Workspace,
    client: AppClient,
    member: Member,
    channel: Channel,
    line: tuple[str, str],
) -> str | None:
    """Sends `line`, (command, text); returns None after an ack, else Slack's error message.

    The body of the app's response becomes a message, ephemeral unless it is `in_channel`.
    """
    name, text = line
    token = workspace.response_urls.make(channel.id, member.id)
    answer = await client.command(
        {
            "token": workspace.verification_token,
            "team_id": member.team,
            "team_domain": TEAM_DOMAIN,
            "channel_id": channel.id,
            "channel_name": channel.name,
            "user_id": member.id,
            "user_name": member.name,
            "command": name,
            "text": escaped(workspace, text),
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": f"{workspace.base_url}/response/{token}",
            "trigger_id": workspace.triggers.make(member.id),
        }
    )
    if not answer.ok or not _show_answer(workspace, member, channel, answer):
        return show_client_error(workspace, member, ClientError.COMMAND)
    return None


def _show_answer(workspace: Workspace, member: Member, channel: Channel, answer: Answer) -> bool:
    if not answer.body.strip():
        return True
    where = ResponseUrl(channel.id, member.id, None, None, made_at=0)
    try:
        respond(workspace, where, _response_body(answer.body))
    except SlackError:
        return False
    return True


def _response_body(body: str) -> dict:
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"text": body}


async def open_home(workspace: Workspace, client: AppClient, member: Member) -> str | None:
    channel = workspace.conversation_with([member.id])
    home = workspace.views.homes.get(member.id)
    event = {
        "type": "app_home_opened",
        "user": member.id,
        "channel": channel.id,
        "tab": "home",
        "event_ts": workspace.messages.next_ts(),
        **({"view": home.as_json()} if home else {}),
    }
    answer = await client.event(event_envelope(workspace, event))
    return None if answer.ok else show_client_error(workspace, member, ClientError.HOME)


async def say(
    workspace: Workspace,
    client: AppClient,
    member: Member,
    channel: Channel,
    posted: tuple[str, str | None],
) -> Message:
    """Posts (text, thread_ts) as the person; sends the event if the app subscribes to it."""
    text = _entities(posted[0])
    message = workspace.post(
        Message(channel.id, workspace.messages.next_ts(), member.id, text, thread_ts=posted[1])
    )
    kind = "message.im" if channel.is_im else "message.channels"
    if kind in workspace.subscriptions and BOT_USER in channel.members:
        event = message_json(workspace, message) | {
            "channel": channel.id,
            "channel_type": "im" if channel.is_im else "channel",
            "event_ts": message.ts,
        }
        await client.event(event_envelope(workspace, event))
    return message


async def shortcut(
    workspace: Workspace,
    client: AppClient,
    member: Member,
    callback_id: str,
    message: Message | None,
) -> str | None:
    """Sends a global shortcut, or a message shortcut if a message is given."""
    payload = envelope(workspace, "message_action" if message else "shortcut", member) | {
        "callback_id": callback_id,
        "trigger_id": workspace.triggers.make(member.id),
        "action_ts": workspace.messages.next_ts(),
    }
    if message is not None:
        channel = workspace.channels[message.channel]
        token = workspace.response_urls.make(channel.id, member.id, message.ts)
        payload |= channel_part(channel) | {
            "message_ts": message.ts,
            "message": message_json(workspace, message, metadata=True),
            "response_url": f"{workspace.base_url}/response/{token}",
        }
    answer = await client.interact(payload)
    return None if answer.ok else show_client_error(workspace, member, ClientError.PRESSED)
