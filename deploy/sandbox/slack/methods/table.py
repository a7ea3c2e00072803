"""Table of the Web API methods that the stand-in implements."""

from deploy.sandbox.slack.args import Args
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.methods import blocks, chat, conversations, files, people, views
from deploy.sandbox.slack.methods.chat import Method
from deploy.sandbox.slack.model import BOT, BOT_USER, TEAM, TEAM_DOMAIN
from deploy.sandbox.slack.workspace import Workspace


def api_test(workspace: Workspace, args: Args) -> dict:
    if args.text("error"):
        raise SlackError(args.text("error"))
    return {"ok": True}


def auth_test(workspace: Workspace, args: Args) -> dict:
    return {
        "ok": True,
        "url": f"https://{TEAM_DOMAIN}.slack.com/",
        "team": "Koban Demo",
        "user": workspace.people[BOT_USER].name,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


def connections_open(workspace: Workspace, args: Args) -> dict:
    if not workspace.sockets.url:
        raise SlackError("access_denied")
    return {"ok": True, "url": workspace.sockets.issue()}


WITHOUT_TOKEN = frozenset({"api.test", "blocks.validate"})
WITH_APP_TOKEN = frozenset({"apps.connections.open"})
METHODS: dict[str, Method] = {
    "api.test": api_test,
    "auth.test": auth_test,
    "apps.connections.open": connections_open,
    **blocks.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **people.METHODS,
    **views.METHODS,
}
