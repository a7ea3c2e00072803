"""Methods chat.* and messages to response URLs.

https://docs.slack.dev/reference/methods/chat.postMessage and siblings;
https://docs.slack.dev/interactivity/handling-user-interaction (message responses)
"""

import json
from collections.abc import Callable

from deploy.sandbox.slack.args import Args
from deploy.sandbox.slack.blockkit.blocks import Surface, check_blocks
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.model import BOT_USER, TEAM_DOMAIN, Channel, Message
from deploy.sandbox.slack.payloads import message_json
from deploy.sandbox.slack.triggers import ResponseUrl
from deploy.sandbox.slack.workspace import Workspace

Method = Callable[[Workspace, Args], dict]

# chat.postMessage: "Slack will truncate messages containing more than 40,000 characters".
MOST_TEXT = 40_000
# chat.update, msg_too_long: 4,000 bytes, counted after &, < and > are escaped.
MOST_UPDATED_BYTES = 4_000
MOST_METADATA_BYTES = 16 * 1024


def checked_blocks(workspace: Workspace, args: Args) -> list[dict]:
    """The call's blocks, [] without any. Raises `SlackError` if Slack would refuse them."""
    blocks = args.json("blocks", "invalid_blocks_format")
    if blocks is None:
        return []
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    faults = check_blocks(blocks, Surface.MESSAGE) or workspace.uploads.faults(blocks, "/blocks")
    if faults:
        raise SlackError("invalid_blocks", faults)
    return blocks


def checked_metadata(args: Args) -> dict | None:
    """The call's metadata; None without it, {} to remove it."""
    metadata = args.json("metadata", "invalid_metadata_format")
    if metadata is None or metadata == {}:
        return None if metadata is None else {}
    well_formed = (
        isinstance(metadata, dict)
        and isinstance(metadata.get("event_type"), str)
        and isinstance(metadata.get("event_payload"), dict)
    )
    if not well_formed or not isinstance(metadata, dict):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(metadata, ensure_ascii=False).encode()) > MOST_METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return metadata


def bot_channel(workspace: Workspace, args: Args) -> Channel:
    """The channel, which must have the app as a member."""
    channel = workspace.channel(args.need("channel", "channel_not_found"))
    if BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def open_channel(workspace: Workspace, args: Args) -> Channel:
    """The channel, if it takes messages."""
    channel = bot_channel(workspace, args)
    if channel.is_archived:
        raise SlackError("is_archived")
    return channel


def _composed(workspace: Workspace, args: Args, channel: Channel) -> Message:
    text, blocks = args.text("text"), checked_blocks(workspace, args)
    if not text and not blocks:
        raise SlackError("no_text")
    thread = args.text("thread_ts") or None
    if thread and workspace.messages.find(channel.id, thread) is None:
        raise SlackError("thread_not_found")
    return Message(
        channel.id,
        workspace.messages.next_ts(),
        BOT_USER,
        text[:MOST_TEXT],
        blocks,
        bot=True,
        username=args.text("username") or None,
        thread_ts=thread,
        broadcast=args.flag("reply_broadcast"),
        metadata=checked_metadata(args) or None,
    )


def post_message(workspace: Workspace, args: Args) -> dict:
    channel = open_channel(workspace, args)
    message = workspace.post(_composed(workspace, args, channel))
    answer: dict = {
        "ok": True,
        "channel": channel.id,
        "ts": message.ts,
        "message": message_json(workspace, message, metadata=True),
    }
    if len(args.text("text")) > MOST_TEXT:
        answer["response_metadata"] = {"warnings": ["message_truncated"]}
    return answer


def post_ephemeral(workspace: Workspace, args: Args) -> dict:
    channel = open_channel(workspace, args)
    user = workspace.person(args.need("user"))
    if user.id not in channel.members:
        raise SlackError("user_not_in_channel")
    message = _composed(workspace, args, channel)
    message.ephemeral_to = user.id
    workspace.post(message)
    return {"ok": True, "message_ts": message.ts}


def _own_message(workspace: Workspace, args: Args, refusal: str) -> Message:
    channel = workspace.channel(args.need("channel", "channel_not_found"))
    message = workspace.messages.visible(channel.id, args.need("ts"))
    if message is None:
        raise SlackError("message_not_found")
    if not message.bot:
        raise SlackError(refusal)
    return message


def update(workspace: Workspace, args: Args) -> dict:
    """Updates a message: text alone removes the blocks, blocks alone keep the text."""
    message = _own_message(workspace, args, "cant_update_message")
    if workspace.channels[message.channel].is_archived:
        # "The message cannot be edited within a frozen, archived or deleted channel."
        raise SlackError("is_inactive")
    blocks, text = checked_blocks(workspace, args), args.text("text")
    if not text and not blocks:
        raise SlackError("no_text")
    if _escaped_bytes(text) > MOST_UPDATED_BYTES:
        raise SlackError("msg_too_long")
    metadata = checked_metadata(args)
    if metadata is not None:
        message.metadata = metadata or None
    workspace.edit(message, text or message.text, blocks)
    return {
        "ok": True,
        "channel": message.channel,
        "ts": message.ts,
        "text": message.text,
        "message": message_json(workspace, message, metadata=True),
    }


def _escaped_bytes(text: str) -> int:
    grown = 4 * text.count("&") + 3 * (text.count("<") + text.count(">"))
    return len(text.encode()) + grown


def delete(workspace: Workspace, args: Args) -> dict:
    message = _own_message(workspace, args, "cant_delete_message")
    workspace.delete(message)
    return {"ok": True, "channel": message.channel, "ts": message.ts}


def get_permalink(workspace: Workspace, args: Args) -> dict:
    channel = workspace.channel(args.need("channel", "channel_not_found"))
    ts = args.need("message_ts")
    message = workspace.messages.visible(channel.id, ts)
    if message is None:
        raise SlackError("message_not_found")
    link = f"https://{TEAM_DOMAIN}.slack.com/archives/{channel.id}/p{ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"ok": True, "channel": channel.id, "permalink": link}


def respond(workspace: Workspace, where: ResponseUrl, body: dict) -> None:
    """Replaces or deletes the clicked message, or posts; ephemeral unless `in_channel`."""
    args = Args(body)
    source = workspace.messages.find(where.channel, where.source_ts or "")
    if args.flag("delete_original"):
        if source is not None:
            workspace.delete(source)
        return
    text, blocks = args.text("text")[:MOST_TEXT], checked_blocks(workspace, args)
    if not text and not blocks:
        raise SlackError("no_text")
    if args.flag("replace_original") and source is not None:
        workspace.edit(source, text, blocks)
    else:
        workspace.post(_response(workspace, where, args, text, blocks))


def _response(
    workspace: Workspace, where: ResponseUrl, args: Args, text: str, blocks: list[dict]
) -> Message:
    public = args.text("response_type") == "in_channel"
    return Message(
        where.channel,
        workspace.messages.next_ts(),
        BOT_USER,
        text,
        blocks,
        bot=True,
        thread_ts=args.text("thread_ts") or where.thread_ts,
        ephemeral_to=None if public else where.user,
    )


METHODS: dict[str, Method] = {
    "chat.postMessage": post_message,
    "chat.postEphemeral": post_ephemeral,
    "chat.update": update,
    "chat.delete": delete,
    "chat.getPermalink": get_permalink,
}
