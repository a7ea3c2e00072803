"""Methods users.* and usergroups.*.

https://docs.slack.dev/reference/methods/users.info and siblings.
"""

from deploy.sandbox.slack.args import Args
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.methods.chat import Method
from deploy.sandbox.slack.payloads import group_json, user_json
from deploy.sandbox.slack.workspace import Workspace


def info(workspace: Workspace, args: Args) -> dict:
    member = workspace.person(args.need("user", "user_not_found"))
    return {"ok": True, "user": user_json(member, args.flag("include_locale"))}


def list_(workspace: Workspace, args: Args) -> dict:
    locale = args.flag("include_locale")
    return {
        "ok": True,
        "members": [user_json(m, locale) for m in workspace.people.values()],
        "response_metadata": {"next_cursor": ""},
    }


def groups(workspace: Workspace, args: Args) -> dict:
    users = args.flag("include_users")
    return {"ok": True, "usergroups": [group_json(g, users) for g in workspace.groups.values()]}


def group_users(workspace: Workspace, args: Args) -> dict:
    group = workspace.groups.get(args.need("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"ok": True, "users": group.users}


METHODS: dict[str, Method] = {
    "users.info": info,
    "users.list": list_,
    "usergroups.list": groups,
    "usergroups.users.list": group_users,
}
