"""Builders of small cases: a few playbooks, six actions, and people with their roles."""

from datetime import UTC, datetime, timedelta

from workflows.domain.alerts import Alert, Subject, brief
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decide import Outcome, decide
from workflows.domain.case.enforcement import ActionReport, ActionStatus, EnforcementReport
from workflows.domain.case.evolve import apply_all, opened
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Refusal
from workflows.domain.feedback import FeedbackMessage
from workflows.domain.people import Actor, Role
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.playbook import Playbook, Policy, Severity

T0 = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
SATO = Actor(id="U0SATO", roles=frozenset({Role.SPECIALIST}))
CLARK = Actor(id="U0CLARK", roles=frozenset({Role.SPECIALIST}))
TANAKA = Actor(id="U0TANAKA", roles=frozenset({Role.LEAD}))
REED = Actor(id="U0REED", roles=frozenset({Role.LEAD}))
SUZUKI = Actor(id="U0SUZUKI", roles=frozenset({Role.AUDITOR}))

CATALOG = ActionCatalog.model_validate(
    {
        "actions": {
            "warn": {
                "title": {"ja": "警告", "en": "Warn"},
                "subject": "user",
                "request": {"path": "/v1/users/{subject.id}/warnings"},
                "undo": {"method": "DELETE", "path": "/v1/users/{subject.id}/warnings/{case.id}"},
            },
            "mute_user": {
                "title": {"ja": "コメント制限", "en": "Mute"},
                "subject": "user",
                "timed": {"default": "24h", "max": "30d"},
                "request": {"path": "/v1/users/{subject.id}/mutes", "json": {"until": "{until}"}},
                "undo": {"method": "DELETE", "path": "/v1/users/{subject.id}/mutes/{case.id}"},
                "verify": {"path": "/v1/users/{subject.id}", "expect": "response.muted == true"},
            },
            "permanent_ban": {
                "title": {"ja": "強制退会", "en": "Permanent ban"},
                "subject": "user",
                "danger": True,
                "request": {"path": "/v1/users/{subject.id}/bans"},
                "undo": {"method": "DELETE", "path": "/v1/users/{subject.id}/bans/{case.id}"},
                "approval": {"by": "lead", "quorum": 1, "within": "30m", "on_expiry": "refuse"},
            },
            "forfeit_payout": {
                "title": {"ja": "売上金没収", "en": "Forfeit payout"},
                "subject": "user",
                "danger": True,
                "request": {"path": "/v1/users/{subject.id}/forfeits"},
                "approval": {"by": "lead", "quorum": 2, "within": "1h", "on_expiry": "escalate"},
            },
            "pause_stream": {
                "title": {"ja": "配信の一時停止", "en": "Pause stream"},
                "subject": "stream",
                "timed": {"default": "15m", "max": "1h"},
                "request": {"path": "/v1/streams/{subject.id}/pause"},
                "undo": {"method": "DELETE", "path": "/v1/streams/{subject.id}/pause/{case.id}"},
            },
            "suspend": {
                "title": {"ja": "アカウント停止", "en": "Suspend"},
                "subject": "user",
                "timed": {"default": "7d", "max": "7d"},
                "request": {"path": "/v1/users/{subject.id}/suspensions"},
                "undo": {"method": "DELETE", "path": "/v1/users/{subject.id}/suspensions/1"},
                "undo_approval": {"by": "lead", "within": "30m", "on_expiry": "escalate"},
            },
        }
    }
)
PLAYBOOK = Playbook.model_validate(
    {
        "playbook": "off_platform",
        "title": {"ja": "外部誘導", "en": "Off-platform inducement"},
        "match": "alert.kind == 'off_platform'",
        "policy": {"id": "MKT-4.2"},
        "channel": "ts-live",
        "severity": {"critical": "alert.score >= 0.97", "medium": "true"},
        "clocks": {
            "critical": {"claim": "2m", "decide": "10m"},
            "medium": {"claim": "1h", "decide": "8h"},
        },
        "presets": [
            {"id": "warn", "title": {"ja": "警告", "en": "Warn"}, "actions": ["warn"]},
            {
                "id": "mute",
                "title": {"ja": "24時間コメント制限", "en": "Mute 24 h"},
                "actions": [{"mute_user": {"for": "24h"}}],
            },
            {"id": "ban", "title": {"ja": "強制退会", "en": "Ban"}, "actions": ["permanent_ban"]},
            {"id": "forfeit", "title": "forfeit", "actions": ["forfeit_payout"]},
        ],
    }
)
POLICY = Policy(version="v1", playbook=PLAYBOOK, catalog=CATALOG)

_WATCHFUL = {
    "claims": {"idle": "15m", "warn": "5m"},
    "waiting": "2h",
    "escalation": [
        {
            "after": "2m",
            "unless": "claimed",
            "notify": "shift",
            "repeat": {"every": "3m", "times": 2},
        },
        {"after": "5m", "unless": "acknowledged", "notify": "lead", "severity": ["critical"]},
        {
            "after": "10m",
            "unless": "decided",
            "notify": "lead",
            "repeat": {"every": "10m", "times": 3},
            "protect": {"action": "pause_stream", "for": "15m"},
        },
    ],
    "protect": [
        {"action": "mute_user", "for": "15m"},
        {"action": "pause_stream", "for": "5m"},
    ],
}
_LIMITS = {
    "velocity": {"actions": 20, "within": "10m"},
    "bulk": 1,
    "approval": {"by": "lead", "within": "20m", "on_expiry": "escalate"},
}


def a_policy(**more: object) -> Policy:
    """The playbook with claims that run out, a ladder with repeats, protections and limits."""
    written = PLAYBOOK.model_dump(mode="json", by_alias=True, exclude_none=True)
    return Policy.model_validate(
        {
            "version": "v1",
            "playbook": {**written, **_WATCHFUL, **more},
            "catalog": CATALOG,
            "limits": _LIMITS,
        }
    )


WATCHFUL = a_policy()
ACT_FIRST = a_policy(act_first={"by": "lead", "within": "15m", "on_expiry": "refuse"})


def minutes(count: float) -> datetime:
    """The time `count` minutes after the case opened."""
    return T0 + timedelta(minutes=count)


def an_alert(number: int = 1, subject: str = "u_123", **more: object) -> Alert:
    """An alert about a user on a stream."""
    given = {
        "id": f"chat-{number:06}",
        "detector": "live-chat",
        "kind": "off_platform",
        "subject": {"type": "user", "id": subject},
        "related": [{"type": "stream", "id": "s_9"}],
        "score": 0.98,
        "occurred_at": "2026-11-23T02:59:58Z",
        "title": {"ja": "LINEへの誘導", "en": "Moved the buyer to LINE"},
        "evidence": [{"kind": "text", "text": "LINE ID ください"}],
        "attributes": {"viewers": 1240},
    }
    return Alert.model_validate({**given, **more})


def a_case(severity: Severity = Severity.CRITICAL, policy: Policy = POLICY) -> Case:
    """A case that opened at T0 as `K7Q2F9XM0`."""
    event = ev.CaseOpened(
        at=T0,
        case="K7Q2F9XM0",
        playbook="off_platform",
        subject=Subject(type="user", id="u_123"),
        severity=severity,
        alert=brief(an_alert()),
    )
    return opened("case/off_platform/TEST", policy, event)


def follow(case: Case, command: cmd.Command, at: datetime) -> Case:
    """The case after a command that must not be refused."""
    outcome = decide(case, command, at)
    assert not isinstance(outcome, Refusal), outcome
    return apply_all(case, outcome)


def refused(case: Case, command: cmd.Command, minute: float) -> Refusal:
    """The refusal of a command that must be refused."""
    outcome = decide(case, command, minutes(minute))
    assert isinstance(outcome, Refusal), outcome
    return outcome


def kinds(outcome: Outcome) -> list[str]:
    """The kinds of the events, in their order."""
    assert not isinstance(outcome, Refusal), outcome
    return [event.kind for event in outcome]


def preset(by: Actor, name: str, version: int | None = None) -> cmd.ChoosePreset:
    """A press on a preset's button."""
    return cmd.ChoosePreset(by=by, preset=name, version=version)


def news(case: Case, status: ActionStatus, decision: str = "D1", **more: object) -> cmd.Report:
    """A report that gives every action of a decision the same status."""
    actions = tuple(
        ActionReport(action=state.planned.key, status=status, **more)  # type: ignore[arg-type]
        for state in case.actions_of(decision)
    )
    report = EnforcementReport(id="r1", case=case.id, decision=decision, actions=actions)
    return cmd.Report(report=report)


def a_message(alert: str = "e-1", **more: object) -> FeedbackMessage:
    """A violation by an alert, for its detector."""
    given = {
        "detector": "legacy",
        "alert_id": alert,
        "case_id": "K7Q2F9XM0",
        "version": 4,
        "kind": "phishing",
        "subject": {"type": "user", "id": "u_123"},
        "verdict": "violation",
        "clause": "MKT-4.2",
        "decided_at": minutes(1),
        "source": "decision",
        "auto": False,
        "overturned": False,
        "queued_at": minutes(2),
        "tries": 0,
    }
    return FeedbackMessage.model_validate({**given, **more})
