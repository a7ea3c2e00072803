"""Client state: the channels, messages, modals and App Home of one person, as JSON."""

from collections import Counter

from deploy.sandbox.slack.model import Channel, Member, Message
from deploy.sandbox.slack.workspace import Workspace

MOST_MESSAGES = 200


def person_json(workspace: Workspace, member: Member) -> dict:
    return {
        "id": member.id,
        "name": member.name,
        "display_name": member.display_name,
        "locale": member.locale,
        "role": member.role.value if member.role else None,
        "groups": workspace.groups_of(member.id),
        "color": member.color,
    }


def client_state(workspace: Workspace, member: Member) -> dict:
    channels = [c for c in workspace.channels.values() if c.seen_by(member.id)]
    home = workspace.views.homes.get(member.id)
    return {
        "seq": workspace.feed.seq(member.id),
        "me": person_json(workspace, member),
        "channels": [_channel(workspace, member, c) for c in channels],
        "messages": {c.id: _messages(workspace, member, c) for c in channels},
        "views": [view.as_json() for view in workspace.views.stack(member.id)],
        "home": home.as_json() if home else None,
        "errors": list(workspace.errors.get(member.id, ())),
    }


def _channel(workspace: Workspace, member: Member, channel: Channel) -> dict:
    return {
        "id": channel.id,
        "name": "Koban" if channel.is_im else channel.name,
        "topic": channel.topic,
        "is_im": channel.is_im,
        "unread": workspace.unread(member.id, channel),
        "mention_count": workspace.mention_count(member.id, channel),
    }


def _messages(workspace: Workspace, member: Member, channel: Channel) -> list[dict]:
    seen = workspace.messages.seen_by(channel.id, member.id)
    replies = Counter(m.thread_ts for m in seen if m.is_reply and not m.ephemeral_to)
    return [_message(workspace, m, replies[m.ts]) for m in seen[-MOST_MESSAGES:]]


def _message(workspace: Workspace, message: Message, replies: int) -> dict:
    author = workspace.people.get(message.user)
    files = [workspace.uploads.files[name] for name in message.files]
    return {
        "ts": message.ts,
        "thread_ts": message.thread_ts,
        "channel": message.channel,
        "user": message.user,
        "bot": message.bot,
        "username": message.username or (author.display_name if author else message.user),
        "text": "" if message.deleted else message.text,
        "blocks": [] if message.deleted else message.blocks,
        "ephemeral": message.ephemeral_to is not None,
        "edited": message.edited_ts is not None,
        "reply_count": replies,
        "deleted": message.deleted,
        "metadata": message.metadata,
        "files": [
            {
                "id": f.id,
                "name": f.name,
                "title": f.title,
                "size": len(f.content),
                "mimetype": f.mimetype,
                "url": f"/files/{f.id}",
            }
            for f in files
        ],
    }
