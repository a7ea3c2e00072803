"""Methods views.*: https://docs.slack.dev/reference/methods/views.open and its siblings."""

from deploy.sandbox.slack.args import Args
from deploy.sandbox.slack.errors import SlackError, missing
from deploy.sandbox.slack.methods.chat import Method
from deploy.sandbox.slack.model import View
from deploy.sandbox.slack.workspace import Workspace


def _view(workspace: Workspace, args: Args) -> object:
    view = args.json("view", "invalid_arguments")
    if view is None:
        raise missing("view")
    blocks = view.get("blocks") if isinstance(view, dict) else None
    if faults := workspace.uploads.faults(blocks, "/view/blocks"):
        raise SlackError("invalid_arguments", faults)
    return view


def _shown(workspace: Workspace, view: View) -> dict:
    workspace.view_shown(view)
    return {"ok": True, "view": view.as_json()}


def open_(workspace: Workspace, args: Args) -> dict:
    content = _view(workspace, args)
    user = workspace.triggers.exchange(args.need("trigger_id"))
    return _shown(workspace, workspace.views.open(user, content))


def push(workspace: Workspace, args: Args) -> dict:
    content = _view(workspace, args)
    user = workspace.triggers.exchange(args.need("trigger_id"))
    return _shown(workspace, workspace.views.push(user, content))


def update(workspace: Workspace, args: Args) -> dict:
    if not args.text("view_id") and not args.text("external_id"):
        raise SlackError("invalid_arguments", ["[ERROR] missing required field: view_id"])
    view = workspace.views.find(args.text("view_id"), args.text("external_id"))
    workspace.views.update(view, _view(workspace, args), args.text("hash") or None)
    return _shown(workspace, view)


def publish(workspace: Workspace, args: Args) -> dict:
    user = workspace.person(args.need("user_id"))
    view = workspace.views.publish(user.id, _view(workspace, args), args.text("hash") or None)
    return _shown(workspace, view)


METHODS: dict[str, Method] = {
    "views.open": open_,
    "views.push": push,
    "views.update": update,
    "views.publish": publish,
}
