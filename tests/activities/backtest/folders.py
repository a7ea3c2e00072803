"""Policy folders and alerts for tests of backtests."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

T0 = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
START = T0.timestamp()

_TITLE = {"ja": "題", "en": "Title"}


def _action(subject: str, **more: Any) -> dict[str, Any]:
    path = f"/v1/{subject}/{{subject.id}}"
    return {
        "title": _TITLE,
        "subject": subject,
        "request": {"path": path},
        "undo": {"method": "DELETE", "path": path},
        **more,
    }


ACTIONS = {
    "mute": _action("user", timed={"default": "24h", "max": "30d"}),
    "warn": _action("user"),
    "pause": _action("stream", timed={"default": "15m", "max": "24h"}),
    "hide": _action("message"),
    "ban": _action("user", danger=True, approval={"by": "lead", "within": "30m"}),
}
PRESETS = [
    {"id": "mute", "title": _TITLE, "actions": [{"mute": {"for": "24h"}}]},
    {"id": "hide", "title": _TITLE, "actions": ["hide"]},
    {"id": "ban", "title": _TITLE, "actions": ["ban"]},
]
LIMITS = {"bulk": 5, "approval": {"by": "lead", "within": "30m"}}


def playbook(name: str, **more: Any) -> dict[str, Any]:
    """A playbook for alerts of the kind `name`: high from a score of 0.9, else medium."""
    return {
        "playbook": name,
        "title": _TITLE,
        "match": f"alert.kind == '{name}'",
        "channel": "ts-live",
        "severity": {"high": "alert.score >= 0.9", "medium": "true"},
        "clocks": {
            "high": {"claim": "10m", "decide": "30m"},
            "medium": {"claim": "1h", "decide": "8h"},
        },
        "presets": PRESETS,
        **more,
    }


def written(folder: Path, *playbooks: Mapping[str, Any], **files: Any) -> Path:
    """The folder with these playbooks and a catch-all; `files` are other files by their names.

    `detectors` are the files of detectors.
    """
    folder.mkdir(parents=True, exist_ok=True)
    types = ("user", "stream", "message")
    lookup = {"title": _TITLE, "path": "/v1/x/{id}"}
    lookup |= {"fields": [{"name": "status", "title": _TITLE}]}
    parts = {
        "actions": {"actions": ACTIONS},
        "roles": {"roles": {"specialist": {"group": "S0SHIFT"}, "lead": {"group": "S0LEAD"}}},
        "platform": {"lookups": dict.fromkeys(types, lookup)},
        **{name: value for name, value in files.items() if name != "detectors"},
    }
    for name, value in parts.items():
        _write(folder / f"{name}.yaml", value)
    for each in (*playbooks, playbook("other", match="false", catch_all=True)):
        _write(folder / "playbooks" / f"{each['playbook']}.yaml", each)
    for each in files.get("detectors", ()):
        _write(folder / "detectors" / f"{each['detector']}.yaml", each)
    return folder


def _write(file: Path, value: Any) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(value, ensure_ascii=False), "utf-8")  # JSON is YAML


def raw(number: int, **more: Any) -> dict[str, Any]:
    """An alert of the kind `spam` about the user `u_1`, as JSON data."""
    return {
        "id": f"a{number}",
        "detector": "model",
        "kind": "spam",
        "subject": {"type": "user", "id": "u_1"},
        "score": 0.5,
        "occurred_at": "2026-11-23T03:00:00Z",
        **more,
    }


def user(number: int) -> dict[str, str]:
    """A user as a subject."""
    return {"type": "user", "id": f"u_{number}"}


class Line(NamedTuple):
    """An alert at a time."""

    at: float
    body: str
    label: bool | None = None


def line(minute: float, alert: Mapping[str, Any], label: bool | None = None) -> Line:
    """An alert `minute` minutes after the start."""
    return Line((T0 + timedelta(minutes=minute)).timestamp(), json.dumps(alert), label)
