"""A person types a command or a message, opens App Home, uses a shortcut."""

import json
import re

from deploy.sandbox.slack.courier import Answer, Courier
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.model import APP, BOT_USER, TEAM, TEAM_DOMAIN, Channel, Member, Message
from deploy.sandbox.slack.payloads import (
    channel_part,
    envelope,
    event_envelope,
    message_json,
)
from deploy.sandbox.slack.responding import respond
from deploy.sandbox.slack.says import Trouble, tell
from deploy.sandbox.slack.tickets import ResponseUrl
from deploy.sandbox.slack.workspace import Workspace

_AT = re.compile(r"@([^\s@<>|]+)")
_LINK = re.compile(r"https?://[^\s<>|]+")


def escaped(workspace: Workspace, text: str) -> str:
    """The text of a command as an app with `should_escape` gets it.

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
    workspace: Workspace, courier: Courier, member: Member, channel: Channel, line: tuple[str, str]
) -> str | None:
    """`line` is (command, text); None when taken, else what the person is told.

    The body of the app's answer becomes a message, ephemeral unless it says `in_channel`.
    """
    name, text = line
    token = workspace.response_urls.make(channel.id, member.id)
    answer = await courier.command(
        {
            "token": workspace.verification_token,
            "team_id": TEAM,
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
        return tell(workspace, member, Trouble.COMMAND)
    return None


def _show_answer(workspace: Workspace, member: Member, channel: Channel, answer: Answer) -> bool:
    if not answer.body.strip():
        return True
    where = ResponseUrl(channel.id, member.id, None, None, made_at=0)
    try:
        respond(workspace, where, _said(answer.body))
    except SlackError:
        return False
    return True


def _said(body: str) -> dict:
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"text": body}


async def open_home(workspace: Workspace, courier: Courier, member: Member) -> str | None:
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
    answer = await courier.event(event_envelope(workspace, event))
    return None if answer.ok else tell(workspace, member, Trouble.HOME)


async def say(
    workspace: Workspace,
    courier: Courier,
    member: Member,
    channel: Channel,
    said: tuple[str, str | None],
) -> Message:
    """Posts as the person, `said` being (text, thread_ts); tells the app if it subscribes."""
    text = _entities(said[0])
    message = workspace.post(
        Message(channel.id, workspace.messages.next_ts(), member.id, text, thread_ts=said[1])
    )
    kind = "message.im" if channel.is_im else "message.channels"
    if kind in workspace.subscriptions and BOT_USER in channel.members:
        event = message_json(workspace, message) | {
            "channel": channel.id,
            "channel_type": "im" if channel.is_im else "channel",
            "event_ts": message.ts,
        }
        await courier.event(event_envelope(workspace, event))
    return message


async def shortcut(
    workspace: Workspace,
    courier: Courier,
    member: Member,
    callback_id: str,
    message: Message | None,
) -> str | None:
    """A global shortcut, or a message shortcut when a message is given."""
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
    answer = await courier.interact(payload)
    return None if answer.ok else tell(workspace, member, Trouble.PRESSED)
