"""A person presses a button or picks from a menu: block_actions and block_suggestion.

https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

from dataclasses import dataclass

from deploy.sandbox.slack.blockkit.values import FIELDS, options_of
from deploy.sandbox.slack.courier import Courier
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.messages import find_element
from deploy.sandbox.slack.model import Member, Message, View
from deploy.sandbox.slack.payloads import (
    channel_part,
    envelope,
    message_container,
    message_json,
)
from deploy.sandbox.slack.says import Trouble, tell
from deploy.sandbox.slack.workspace import Workspace

Source = Message | View


@dataclass(frozen=True)
class Press:
    """What was touched; `given` holds the chosen value in Slack's field names."""

    block_id: str
    action_id: str
    given: dict


def source_of(workspace: Workspace, user: str, container: dict) -> Source | None:
    """The message or view in front of this person; None when it is not there (any more)."""
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
    workspace: Workspace, courier: Courier, member: Member, source: Source | None, done: Press
) -> str | None:
    """Sends block_actions; None when the bot took it, else what the person is told."""
    element = _element(source, done) if source is not None else None
    if source is None or element is None:
        return tell(workspace, member, Trouble.GONE)
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
    answer = await courier.interact(payload)
    return None if answer.ok else tell(workspace, member, Trouble.PRESSED)


async def suggest(
    workspace: Workspace, courier: Courier, member: Member, source: Source | None, done: Press
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
    answer = await courier.interact(payload)
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
    """The value in Slack's field, with whole option objects even where only values came."""
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
    """Input blocks tell the app at submission only, unless they ask for more."""
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
