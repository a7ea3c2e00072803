"""JSON of messages, channels, users and interactions as apps receive it.

https://docs.slack.dev/reference/interaction-payloads
"""

import secrets
import time

from deploy.sandbox.slack.model import (
    APP,
    BOT,
    BOT_USER,
    TEAM,
    TEAM_DOMAIN,
    Channel,
    Group,
    Member,
    Message,
)
from deploy.sandbox.slack.workspace import Workspace


def message_json(workspace: Workspace, message: Message, metadata: bool = False) -> dict:
    """A message in the format of the Web API and of interaction payloads."""
    shown: dict = {"type": "message", "user": message.user, "ts": message.ts, "team": TEAM}
    if message.bot:
        profile = {"id": BOT, "app_id": APP, "name": "Koban", "deleted": False, "team_id": TEAM}
        shown |= {"bot_id": BOT, "app_id": APP, "bot_profile": profile}
    shown |= {"text": message.text, "blocks": message.blocks}
    if message.edited_ts:
        shown["edited"] = {"user": message.user, "ts": message.edited_ts}
    if metadata and message.metadata:
        shown["metadata"] = message.metadata
    if message.files:
        files = [workspace.uploads.files[name] for name in message.files]
        shown["files"] = [file.as_json(workspace.base_url) for file in files]
    return shown | _thread(workspace, message)


def _thread(workspace: Workspace, message: Message) -> dict:
    if message.is_reply:
        parent = workspace.messages.find(message.channel, message.thread_ts or "")
        who = parent.user if parent else None
        return {"thread_ts": message.thread_ts, "parent_user_id": who}
    replies = workspace.messages.replies(message.channel, message.ts)
    if not replies:
        return {}
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": list(dict.fromkeys(r.user for r in replies)),
        "latest_reply": replies[-1].ts,
    }


def channel_json(channel: Channel) -> dict:
    if channel.is_im:
        other = next(iter(channel.members - {BOT_USER}))
        return {"id": channel.id, "is_im": True, "user": other, "is_archived": False}
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": not channel.is_mpim,
        "is_im": False,
        "is_mpim": channel.is_mpim,
        "is_private": channel.is_mpim,
        "is_archived": channel.is_archived,
        "is_member": BOT_USER in channel.members,
        "num_members": len(channel.members),
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }


def user_json(member: Member, locale: bool = False) -> dict:
    shown = {
        "id": member.id,
        "team_id": member.team,
        "name": member.name,
        "real_name": member.real_name,
        "deleted": member.deleted,
        "color": member.color,
        "tz": member.tz,
        "is_bot": member.is_bot,
        "is_app_user": False,
        "profile": {
            "real_name": member.real_name,
            "display_name": member.display_name,
            "team": member.team,
        },
        "is_restricted": member.is_restricted,
        "is_ultra_restricted": member.is_ultra_restricted,
        "is_stranger": member.is_stranger,
    }
    if member.enterprise is not None:
        shown["enterprise_user"] = {"enterprise_id": member.enterprise, "teams": [member.team]}
    return shown | ({"locale": member.locale} if locale else {})


def group_json(group: Group, users: bool) -> dict:
    shown: dict = {
        "id": group.id,
        "team_id": TEAM,
        "is_usergroup": True,
        "handle": group.handle,
        "name": group.name,
        "date_delete": 0,
        "user_count": len(group.users),
    }
    return shown | ({"users": group.users} if users else {})


def envelope(workspace: Workspace, kind: str, member: Member) -> dict:
    """Fields that every interaction payload has; `team` is that of the person."""
    return {
        "type": kind,
        "team": {"id": member.team, "domain": TEAM_DOMAIN},
        "user": {
            "id": member.id,
            "username": member.name,
            "name": member.name,
            "team_id": member.team,
        },
        "api_app_id": APP,
        "token": workspace.verification_token,
        "enterprise": {"id": member.enterprise} if member.enterprise else None,
        "is_enterprise_install": False,
    }


def channel_part(channel: Channel) -> dict:
    return {"channel": {"id": channel.id, "name": channel.name}}


def message_container(message: Message) -> dict:
    thread = {"thread_ts": message.thread_ts} if message.is_reply else {}
    return {
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel,
            "is_ephemeral": message.ephemeral_to is not None,
            **thread,
        }
    }


def event_envelope(workspace: Workspace, event: dict) -> dict:
    now = int(time.time())
    return {
        "token": workspace.verification_token,
        "team_id": TEAM,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": "Ev" + secrets.token_hex(5).upper(),
        "event_time": now,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }
