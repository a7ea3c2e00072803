"""Methods conversations.*.

https://docs.slack.dev/reference/methods/conversations.history and siblings.
"""

from typing import TypeVar

from deploy.sandbox.slack.args import Args
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.methods.chat import Method, bot_channel
from deploy.sandbox.slack.model import BOT_USER, Message
from deploy.sandbox.slack.payloads import channel_json, message_json
from deploy.sandbox.slack.workspace import Workspace

# conversations.history: limit "maximum of 999", default 100.
MOST_LISTED = 999

T = TypeVar("T")


def open_(workspace: Workspace, args: Args) -> dict:
    if args.text("channel"):
        channel = workspace.channel(args.text("channel"))
    else:
        users = [u.strip() for u in args.text("users").split(",") if u.strip()]
        if not users:
            raise SlackError("users_list_not_supplied")
        channel = workspace.conversation_with(users)
    return {"ok": True, "channel": channel_json(channel)}


def list_(workspace: Workspace, args: Args) -> dict:
    kinds = args.text("types", "public_channel").split(",")
    archived = not args.flag("exclude_archived")
    wanted = [
        channel
        for channel in workspace.channels.values()
        if (archived or not channel.is_archived)
        if ("im" in kinds and channel.is_im)
        or ("mpim" in kinds and channel.is_mpim)
        or ("public_channel" in kinds and not channel.is_im and not channel.is_mpim)
    ]
    shown, cursor = page(wanted, args, 100)
    return {"ok": True, "channels": [channel_json(c) for c in shown], **_next(cursor)}


def info(workspace: Workspace, args: Args) -> dict:
    channel = workspace.channel(args.need("channel", "channel_not_found"))
    return {"ok": True, "channel": channel_json(channel)}


def join(workspace: Workspace, args: Args) -> dict:
    channel = workspace.channel(args.need("channel", "channel_not_found"))
    if channel.is_im or channel.is_mpim:
        raise SlackError("method_not_supported_for_channel_type")
    channel.members.add(BOT_USER)
    return {"ok": True, "channel": channel_json(channel)}


def history(workspace: Workspace, args: Args) -> dict:
    """Messages, newest first, with replies only if they were broadcast."""
    channel = bot_channel(workspace, args)
    found = _between(workspace.messages.history(channel.id), args)
    shown, cursor = page(found[::-1], args, 100)
    return _listed(workspace, args, shown, cursor)


def replies(workspace: Workspace, args: Args) -> dict:
    """The parent, then its replies, oldest first."""
    channel = bot_channel(workspace, args)
    message = workspace.messages.find(channel.id, args.need("ts"))
    if message is None or message.ephemeral_to:
        raise SlackError("thread_not_found")
    parent = workspace.messages.find(channel.id, message.thread_ts or message.ts) or message
    thread = [parent, *_between(workspace.messages.replies(channel.id, parent.ts), args)]
    shown, cursor = page(thread, args, 1000)
    return _listed(workspace, args, shown, cursor)


def _between(messages: list[Message], args: Args) -> list[Message]:
    oldest, latest, edges = args.text("oldest"), args.text("latest"), args.flag("inclusive")
    return [
        m
        for m in messages
        if (not oldest or float(m.ts) > float(oldest) or (edges and m.ts == oldest))
        and (not latest or float(m.ts) < float(latest) or (edges and m.ts == latest))
    ]


def page(items: list[T], args: Args, default: int) -> tuple[list[T], str]:
    """(this page, cursor of the next one or ''). Raises `invalid_cursor` for an unknown cursor."""
    limit = min(args.number("limit", default), MOST_LISTED)
    start = args.text("cursor").removeprefix("at:") or "0"
    if not start.isdigit():
        raise SlackError("invalid_cursor")
    end = int(start) + limit
    return items[int(start) : end], f"at:{end}" if end < len(items) else ""


def _next(cursor: str) -> dict:
    return {"response_metadata": {"next_cursor": cursor}}


def _listed(workspace: Workspace, args: Args, shown: list[Message], cursor: str) -> dict:
    metadata = args.flag("include_all_metadata")
    return {
        "ok": True,
        "messages": [message_json(workspace, m, metadata) for m in shown],
        "has_more": bool(cursor),
        **(_next(cursor) if cursor else {}),
    }


METHODS: dict[str, Method] = {
    "conversations.open": open_,
    "conversations.list": list_,
    "conversations.info": info,
    "conversations.join": join,
    "conversations.history": history,
    "conversations.replies": replies,
}
