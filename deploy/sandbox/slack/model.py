"""Data of the workspace: people, groups, channels, messages, views, files."""

from dataclasses import dataclass, field
from enum import StrEnum

from deploy.sandbox.slack.blockkit.blocks import Surface
from deploy.sandbox.slack.blockkit.values import Values

TEAM = "T0KOBAN"
TEAM_DOMAIN = "koban-demo"
APP = "A0KOBAN"
BOT = "B0KOBAN"
BOT_USER = "U0KOBAN"


class Role(StrEnum):
    SPECIALIST = "specialist"
    LEAD = "lead"
    AUDITOR = "auditor"


@dataclass(frozen=True)
class Member:
    """A user. One with another `team` takes part through Slack Connect."""

    id: str
    name: str
    real_name: str
    display_name: str
    locale: str = "ja-JP"
    role: Role | None = None
    color: str = "4a154b"
    tz: str = "Asia/Tokyo"
    is_bot: bool = False
    team: str = TEAM
    enterprise: str | None = None
    deleted: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False


@dataclass
class Group:
    id: str
    handle: str
    name: str
    users: list[str]


@dataclass
class Channel:
    id: str
    name: str
    topic: str = ""
    is_im: bool = False
    is_mpim: bool = False
    is_archived: bool = False
    members: set[str] = field(default_factory=set)

    def seen_by(self, user: str) -> bool:
        return user in self.members or not (self.is_im or self.is_mpim)


@dataclass
class Message:
    channel: str
    ts: str
    user: str
    text: str
    blocks: list[dict] = field(default_factory=list)
    bot: bool = False
    username: str | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    metadata: dict | None = None
    files: list[str] = field(default_factory=list)
    ephemeral_to: str | None = None
    edited_ts: str | None = None
    deleted: bool = False
    # Versions before an edit: a person can click what their client still shows.
    earlier: list[list[dict]] = field(default_factory=list)
    values: Values = field(default_factory=dict)

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass
class View:
    id: str
    user: str
    surface: Surface
    content: dict
    hash: str
    root: str
    previous: str | None = None
    values: Values = field(default_factory=dict)

    @property
    def blocks(self) -> list[dict]:
        return self.content["blocks"]

    @property
    def external_id(self) -> str:
        return self.content.get("external_id") or ""

    def as_json(self) -> dict:
        """The view in the format of the Web API."""
        modal = {
            "title": self.content.get("title"),
            "submit": self.content.get("submit"),
            "close": self.content.get("close"),
            "clear_on_close": self.content.get("clear_on_close", False),
            "notify_on_close": self.content.get("notify_on_close", False),
        }
        return {
            "id": self.id,
            "team_id": TEAM,
            "type": self.surface.value,
            "blocks": self.blocks,
            "private_metadata": self.content.get("private_metadata") or "",
            "callback_id": self.content.get("callback_id") or "",
            "external_id": self.external_id,
            "state": {"values": self.values},
            "hash": self.hash,
            "root_view_id": self.root,
            "previous_view_id": self.previous,
            "app_id": APP,
            "app_installed_team_id": TEAM,
            "bot_id": BOT,
            **(modal if self.surface is Surface.MODAL else {}),
        }


@dataclass(frozen=True)
class File:
    id: str
    name: str
    title: str
    mimetype: str
    content: bytes

    def as_json(self, base_url: str) -> dict:
        url = f"{base_url}/files/{self.id}"
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title,
            "mimetype": self.mimetype,
            "size": len(self.content),
            "user": BOT_USER,
            "url_private": url,
            "permalink": url,
        }
