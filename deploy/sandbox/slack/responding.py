"""What an app's answer does: to a response_url, or in the body of a slash command's ack.

https://docs.slack.dev/interactivity/handling-user-interaction (message responses)
"""

from deploy.sandbox.slack.args import Args
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.methods.chat import MOST_TEXT, checked_blocks
from deploy.sandbox.slack.model import BOT_USER, Message
from deploy.sandbox.slack.tickets import ResponseUrl
from deploy.sandbox.slack.workspace import Workspace


def respond(workspace: Workspace, where: ResponseUrl, body: dict) -> None:
    """Replaces or deletes the pressed message, or posts; ephemeral unless `in_channel`."""
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
        workspace.post(_new(workspace, where, args, text, blocks))


def _new(
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
