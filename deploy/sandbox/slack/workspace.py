"""Workspace: the state of one Slack workspace in memory and its changes.

Single-threaded: everything runs on one event loop. The routers do the HTTP.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from deploy.sandbox.slack import seed
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.faults import Faults
from deploy.sandbox.slack.feed import Feed
from deploy.sandbox.slack.mentions import Cause, Notification, mentions_in
from deploy.sandbox.slack.messages import Messages
from deploy.sandbox.slack.model import BOT_USER, Channel, Group, Member, Message, View
from deploy.sandbox.slack.rates import Rates
from deploy.sandbox.slack.sockets import Sockets
from deploy.sandbox.slack.triggers import ResponseUrls, Triggers
from deploy.sandbox.slack.uploads import Uploads
from deploy.sandbox.slack.views import Views

# docs.slack.dev, Events API: retried "nearly immediately, 1 minute, 5 minutes".
RETRY_DELAYS = (0.0, 60.0, 300.0)
ACK_SECONDS = 3.0
ON_A_BUSY_MACHINE = 90.0
"""Seconds for acks and triggers in tests that are not about them."""


@dataclass(frozen=True)
class Delivery:
    """One request to the app: kind, start, seconds until the answer, status."""

    kind: str
    at: float
    seconds: float
    status: int | None
    error: str | None = None


@dataclass
class Workspace:
    """`bot_url` is the app's origin: requests go to `{bot_url}/slack/events`.

    `base_url` is the stand-in's own origin, for response urls, uploads and files. With
    `socket_mode` they go over the WebSockets that the app opens.
    """

    bot_url: str = ""
    signing_secret: str = "sandbox-signing-secret"
    bot_token: str = "xoxb-sandbox"
    app_token: str = "xapp-1-A0KOBAN-sandbox"
    socket_mode: bool = False
    base_url: str = ""
    verification_token: str = "sandbox-verification-token"
    subscriptions: set[str] = field(default_factory=lambda: {"app_home_opened"})
    shortcuts: tuple[dict, ...] = ()
    event_retry_delays: tuple[float, ...] = RETRY_DELAYS
    ack_seconds: float = ACK_SECONDS
    faults: Faults = field(default_factory=Faults)
    refuses: Callable[[str, dict], str | None] = lambda method, arguments: None
    """Scripted refusals: the error code for a call, or None."""
    scopes: str = ""
    """Scopes of the bot token, with commas; without any the header that names them is missing."""
    rates: Rates = field(default_factory=Rates)
    sockets: Sockets = field(default_factory=Sockets)
    feed: Feed = field(default_factory=Feed)
    messages: Messages = field(default_factory=Messages)
    views: Views = field(default_factory=Views)
    triggers: Triggers = field(default_factory=Triggers)
    response_urls: ResponseUrls = field(default_factory=ResponseUrls)
    uploads: Uploads = field(default_factory=Uploads)
    people: dict[str, Member] = field(default_factory=lambda: {m.id: m for m in seed.people()})
    groups: dict[str, Group] = field(default_factory=lambda: {g.id: g for g in seed.groups()})
    channels: dict[str, Channel] = field(default_factory=lambda: {c.id: c for c in seed.channels()})
    calls: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    notifications: list[Notification] = field(default_factory=list)
    deliveries: deque[Delivery] = field(default_factory=lambda: deque(maxlen=20_000))
    errors: dict[str, deque[dict]] = field(default_factory=dict)
    read_at: dict[tuple[str, str], str] = field(default_factory=dict)

    # People and channels

    def person(self, user: str) -> Member:
        if user not in self.people:
            raise SlackError("user_not_found")
        return self.people[user]

    def groups_of(self, user: str) -> list[str]:
        return [group.handle for group in self.groups.values() if user in group.users]

    def channel(self, reference: str) -> Channel:
        """A channel by id, `#name`, `name`, or user id (that person's DM with the app)."""
        if reference in self.channels:
            return self.channels[reference]
        name = reference.removeprefix("#")
        for channel in self.channels.values():
            if channel.name == name and not channel.is_im:
                return channel
        if reference in self.people and reference != BOT_USER:
            return self.conversation_with([reference])
        raise SlackError("channel_not_found")

    def conversation_with(self, users: Iterable[str]) -> Channel:
        """The DM (one person) or group DM of the app with these people, created if missing."""
        named = [self.person(user) for user in dict.fromkeys(users)]
        group = len(named) > 1
        ident = ("G" if group else "D") + "".join(sorted(m.id[1:] for m in named))
        if ident not in self.channels:
            self.channels[ident] = Channel(
                ident,
                "mpdm-" + "--".join(m.name for m in named) if group else "directmessage",
                is_im=not group,
                is_mpim=group,
                members={BOT_USER, *(m.id for m in named)},
            )
            self.feed.touch(self.channels[ident].members)
        return self.channels[ident]

    # Messages

    def post(self, message: Message) -> Message:
        self.messages.post(message)
        self._notify(message, Cause.EPHEMERAL if message.ephemeral_to else Cause.POSTED)
        self._touch(message)
        return message

    def edit(self, message: Message, text: str, blocks: list[dict]) -> None:
        already = set(mentions_in(message.text, message.blocks))
        self.messages.edit(message, text, blocks)
        cause = Cause.EPHEMERAL if message.ephemeral_to else Cause.EDITED
        self._notify(message, cause, already)
        self._touch(message)

    def delete(self, message: Message) -> None:
        self.messages.delete(message)
        self._touch(message)

    def _touch(self, message: Message) -> None:
        channel = self.channels[message.channel]
        if message.ephemeral_to:
            self.feed.touch([message.ephemeral_to])
        else:
            self.feed.touch(channel.members if channel.is_im or channel.is_mpim else None)

    def _notify(self, message: Message, cause: Cause, already: Iterable[str] = frozenset()) -> None:
        for target in mentions_in(message.text, message.blocks):
            if target not in already:
                users = self._reached(target, self.channels[message.channel], message.user)
                self.notifications.append(
                    Notification(
                        cause,
                        target,
                        users,
                        message.user,
                        message.channel,
                        message.ts,
                        message.text,
                    )
                )

    def view_shown(self, view: View) -> None:
        """Records the mentions of a new or changed view and notifies its person."""
        for target in mentions_in("", view.blocks):
            self.notifications.append(
                Notification(Cause.VIEW, target, (view.user,), BOT_USER, "", view.id, "")
            )
        self.feed.touch([view.user])

    def _reached(self, target: str, channel: Channel, author: str) -> tuple[str, ...]:
        name = target.strip("<>")
        if name.startswith("@"):
            users: Iterable[str] = [name[1:]]
        elif name.startswith("!subteam^"):
            group = self.groups.get(name.removeprefix("!subteam^"))
            users = group.users if group else []
        else:
            users = sorted(channel.members)
        return tuple(u for u in users if u in self.people and u not in (author, BOT_USER))

    # Read marks and errors of one person

    def mark_read(self, user: str, channel: str) -> None:
        self.read_at[(user, channel)] = self.messages.next_ts()
        self.feed.touch([user])

    def unread(self, user: str, channel: Channel) -> int:
        since = self.read_at.get((user, channel.id), "")
        return sum(1 for m in self.messages.history(channel.id) if m.ts > since and m.user != user)

    def mention_count(self, user: str, channel: Channel) -> int:
        """Unread mentions; in a DM every unread message counts, as Slack's badge does."""
        if channel.is_im or channel.is_mpim:
            return self.unread(user, channel)
        since = self.read_at.get((user, channel.id), "")
        mentions = [n for n in self.notifications if n.cause is Cause.POSTED and user in n.users]
        return len({n.ts for n in mentions if n.channel == channel.id and n.ts > since})

    def show_error(self, user: str, text: str) -> None:
        kept = self.errors.setdefault(user, deque(maxlen=20))
        kept.append({"at": time.time(), "text": text})
        self.feed.touch([user])
