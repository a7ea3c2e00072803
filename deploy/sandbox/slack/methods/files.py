"""Methods files.*: https://docs.slack.dev/messaging/working-with-files"""

from deploy.sandbox.slack.args import Args
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.methods.chat import Method, bot_channel
from deploy.sandbox.slack.model import BOT_USER, File, Message
from deploy.sandbox.slack.workspace import Workspace


def get_upload_url(workspace: Workspace, args: Args) -> dict:
    name, length = args.need("filename"), args.number("length", 0)
    if length <= 0:
        raise SlackError("invalid_arguments", ["[ERROR] must be greater than 0"])
    token, file_id = workspace.uploads.start(name, length)
    return {"ok": True, "upload_url": f"{workspace.base_url}/upload/{token}", "file_id": file_id}


def complete(workspace: Workspace, args: Args) -> dict:
    """Completes an upload and shares it into `channel_id` (or `channels`, comma-separated)."""
    given = args.json("files", "invalid_arguments")
    if not isinstance(given, list) or not given:
        raise SlackError("invalid_arguments", ["[ERROR] missing required field: files"])
    wanted = args.text("channel_id") or args.text("channels")
    channels = [
        bot_channel(workspace, Args({"channel": name})) for name in wanted.split(",") if name
    ]
    done = [workspace.uploads.complete(str(f.get("id")), f.get("title")) for f in given]
    for channel in channels:
        _share(workspace, args, channel.id, done)
    return {"ok": True, "files": [file.as_json(workspace.base_url) for file in done]}


def _share(workspace: Workspace, args: Args, channel: str, files: list[File]) -> None:
    workspace.post(
        Message(
            channel,
            workspace.messages.next_ts(),
            BOT_USER,
            args.text("initial_comment"),
            bot=True,
            thread_ts=args.text("thread_ts") or None,
            files=[file.id for file in files],
        )
    )


def info(workspace: Workspace, args: Args) -> dict:
    """A file, without a mimetype until it is processed."""
    file = workspace.uploads.find(args.need("file"))
    shown = file.as_json(workspace.base_url)
    if not workspace.uploads.is_ready(file.id):
        shown["mimetype"] = ""
    return {"ok": True, "file": shown}


def delete(workspace: Workspace, args: Args) -> dict:
    file = workspace.uploads.find(args.need("file"))
    del workspace.uploads.files[file.id]
    return {"ok": True}


METHODS: dict[str, Method] = {
    "files.getUploadURLExternal": get_upload_url,
    "files.completeUploadExternal": complete,
    "files.info": info,
    "files.delete": delete,
}
