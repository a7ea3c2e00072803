"""Slack app manifest: exactly the features and scopes that Koban uses.

https://docs.slack.dev/reference/app-manifest
"""

from typing import Any

from bot.slack.app import COMMAND, EVENTS

# The scopes of a bot token, from each method's page at docs.slack.dev.
SCOPES_OF: dict[str, tuple[str, ...]] = {
    "auth.test": (),
    "blocks.validate": (),
    "chat.delete": ("chat:write",),
    "chat.getPermalink": (),
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "conversations.history": ("channels:history", "groups:history", "im:history"),
    "conversations.list": ("channels:read", "groups:read"),
    "conversations.open": ("im:write",),
    # A report's picture is looked up in its thread; files are listed with files:read only.
    "conversations.replies": ("channels:history", "files:read", "groups:history"),
    "files.completeUploadExternal": ("files:write",),
    "files.delete": ("files:write",),
    "files.getUploadURLExternal": ("files:write",),
    "files.info": ("files:read",),
    "usergroups.list": ("usergroups:read",),
    "usergroups.users.list": ("usergroups:read",),
    "users.info": ("users:read",),
    "views.open": (),
    "views.publish": (),
    "views.push": (),
    "views.update": (),
}
"""Every Web API method that Koban calls, with its scopes."""

SCOPES = tuple(sorted({"commands", *(s for scopes in SCOPES_OF.values() for s in scopes)}))
HINT = (
    "help | case ID | user ID | queue [mine|overdue|approvals] | find TEXT | oncall "
    "| stats [24h|7d] | open KIND SUBJECT"
)

SHORTCUTS: tuple[dict[str, str], ...] = (
    {
        "name": "Report to Trust & Safety",
        "type": "message",
        "callback_id": "report_message",
        "description": "このメッセージを報告する / Report this message",
    },
    {
        "name": "Open a case",
        "type": "global",
        "callback_id": "open_case",
        "description": "ケースを作成する / Open a case by hand",
    },
)
"""A name has 24 characters at most, a description 150 (docs.slack.dev, app manifest)."""


def manifest(public_url: str | None, socket_mode: bool) -> dict[str, Any]:
    """The manifest of one deployment, with the public address of `koban serve`, without a path.

    Raises `ValueError` without an address, which only Socket Mode does not need."""
    if public_url is None and not socket_mode:
        raise ValueError("Slack needs the public https address of koban serve, or Socket Mode")
    url = None if socket_mode or public_url is None else f"{public_url.rstrip('/')}/slack/events"
    return {
        "display_information": {
            "name": "Koban",
            "description": "Trust & Safety cases: claim, decide, approve",
            "background_color": "#1d3557",
        },
        "features": _features(url),
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": _settings(url, socket_mode),
    }


def _features(url: str | None) -> dict[str, Any]:
    return {
        "app_home": {
            "home_tab_enabled": True,
            # Without this tab Slack refuses direct messages (messages_tab_disabled).
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": True,
        },
        "bot_user": {"display_name": "Koban", "always_online": True},
        "shortcuts": [dict(each) for each in SHORTCUTS],
        "slash_commands": [
            {
                "command": COMMAND,
                "description": "ケースの照会・作成、自動対応の停止 / Cases, look-ups, automation",
                "usage_hint": HINT,
                # For ids in `cover @person`; bot.slack.commands.parser unescapes the rest.
                "should_escape": True,
                **_at("url", url),
            }
        ],
    }


def _settings(url: str | None, socket_mode: bool) -> dict[str, Any]:
    return {
        "event_subscriptions": {"bot_events": list(EVENTS), **_at("request_url", url)},
        "interactivity": {"is_enabled": True, **_at("request_url", url)},
        "org_deploy_enabled": False,
        "socket_mode_enabled": socket_mode,
        "token_rotation_enabled": False,
    }


def _at(name: str, url: str | None) -> dict[str, str]:
    return {name: url} if url else {}
