"""Playbooks with every field, in foreign texts."""

from typing import Any

from tests.bot.slack.fakes import CATALOG, OTHER
from tests.slack_shapes.cases import reasoned
from tests.slack_shapes.stories import LADDER
from tests.slack_shapes.words import Words
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.bands import Mode
from workflows.domain.policy.playbook import Playbook

_BY_LEAD = {"by": "lead", "within": "15m", "on_expiry": "refuse"}
_MATTERS = "alert.score >= 0.9 && alert.title.contains('<!channel> & `x`')"


def playbooks(words: Words) -> tuple[Playbook, ...]:
    """A playbook with every field, one without kinds, and the catch-all."""
    whole = Playbook.model_validate(_whole(words))
    title = words.titled("なりすまし", "Impersonation")
    bare: dict[str, Any] = {
        "playbook": "impersonation",
        "title": title,
        "match": _MATTERS,
        "policy": None,
    }
    bare["mode"] = Mode.SHADOW
    acting = {"protect": (), "dry_run": True, "escalation": (), "clauses": (), "reasons": ()}
    other = OTHER.model_copy(
        update={"mode": Mode.OFF, "title": words.titled("その他の検知", "Other alerts")}
    )
    return (whole, whole.model_copy(update={**bare, **acting}), other)


def _whole(words: Words) -> dict[str, Any]:
    ladder = [{**LADDER[2], "severity": ["critical"]}, *LADDER]
    ladder[1] = {**ladder[1], "protect": {"action": "mute_user", "for": "15m"}}
    return {
        "playbook": "off_platform",
        "title": words.titled("外部誘導", "Off-platform inducement"),
        "match": "alert.kind == 'off_platform' || alert.kind == 'phishing'",
        "channel": "ts-live",
        "severity": {"critical": _MATTERS, "high": "true"},
        "clocks": {
            "critical": {"claim": "2m", "decide": "10m"},
            "high": {"claim": "10m", "decide": "30m"},
        },
        "presets": [
            _preset(words, "mute", {"mute_user": {"for": "24h"}}),
            _preset(words, "ban", "permanent_ban"),
        ],
        "escalation": ladder,
        "protect": [
            {"when": "true", "action": "mute_user", "for": "15m"},
            {"when": _MATTERS, "action": "mute_user", "for": "30m"},
        ],
        "act_first": _BY_LEAD,
        "claims": {"idle": "5m", "warn": "2m"},
        "bulk": True,
        "bands": [
            {"detector": "live-chat", "act": _MATTERS, "review": "true"},
            {"detector": "shill", "review": _MATTERS},
        ],
        "auto": [{"when": _MATTERS, "preset": "mute"}],
        "sample": {"auto": "2%", "log": "0.5%"},
        "breaker": {"precision": 0.9, "undone": "10%"},
        "silence": {"at_most": "7d"},
        **reasoned(words),
    }


def _preset(words: Words, name: str, action: object) -> dict[str, Any]:
    title = words.titled("24時間コメント制限", "Mute 24 h")
    return {"id": name, "title": title, "actions": [action]}


def actions(words: Words) -> ActionCatalog:
    """Actions with foreign titles."""
    named = {
        name: spec.model_copy(update={"title": words.titled(spec.title.ja, spec.title.en)})
        for name, spec in CATALOG.actions.items()
    }
    return CATALOG.model_copy(update={"actions": named})
