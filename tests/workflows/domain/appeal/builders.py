"""Builders of appeals against D1 of K7Q2F9XM0, decided by 佐藤 and approved by 田中."""

from datetime import timedelta
from typing import Any

from tests.workflows.domain.builders import SATO, T0, TANAKA
from workflows.domain.alerts import Subject
from workflows.domain.appeal import commands as cmd
from workflows.domain.appeal.model import Appeal, Appealed, AppealRequest
from workflows.domain.appeal.rules import Outcome, apply_all_to_appeal, decide_appeal, received
from workflows.domain.case.decision import Decision, PlannedAction, Verdict
from workflows.domain.case.refusals import Refusal
from workflows.domain.people import Actor, Role
from workflows.domain.policy.appeals import AppealRules
from workflows.domain.values import Text

MORI = Actor(id="U0MORI", roles=frozenset({Role.LEAD}))
"""A lead who took no part in the decision."""
U_123 = Subject(type="user", id="u_123")
RULES = AppealRules.model_validate(
    {
        "answer_within": "14d",
        "reminders": ["2d", "7d"],
        "channel": "ts-leads",
        "notices": {
            "received": {"ja": "受付", "en": "received"},
            "upheld": {"ja": "維持: {reason}", "en": "upheld: {reason}"},
            "overturned": {"ja": "取り消し", "en": "overturned"},
        },
    }
)
TITLES = {
    "permanent_ban": Text(ja="強制退会", en="Permanent ban"),
    "warn": Text(ja="警告", en="Warn"),
}


def a_request(**more: Any) -> AppealRequest:
    """u_123 appeals."""
    given = {
        "id": "ap-1",
        "case": "K7Q2F9XM0",
        "statement": "型番です",
        "submitted_at": "2026-11-23T03:00:00Z",
    }
    return AppealRequest.model_validate({**given, **more})


def a_decision(**more: Any) -> Appealed:
    """What the ledger knows of D1."""
    decision = Decision(
        id="D1",
        by=SATO.id,
        at=T0,
        verdict=Verdict.VIOLATION,
        actions=(PlannedAction(action="permanent_ban", subject=U_123),),
        policy="MKT-4.2",
        reason="LINE IDを提示",
    )
    given: dict[str, Any] = {
        "case": "K7Q2F9XM0",
        "workflow_id": "case/off_platform/0123456789ABCDEF",
        "title": Text(ja="外部誘導", en="Off-platform inducement"),
        "subject": U_123,
        "decision": decision,
        "deciders": (SATO.id, TANAKA.id),
        "effective": True,
    }
    return Appealed(**{**given, **more})


def fresh(rules: AppealRules = RULES, **more: Any) -> Appeal:
    """An appeal that came in at T0, before anything is known of its decision."""
    return received("A0123456789AB", a_request(**more), rules, T0, TITLES)


def an_appeal(rules: AppealRules = RULES, **more: Any) -> Appeal:
    """An appeal that waits for its review since T0."""
    return given(fresh(rules, **more), cmd.FileAppeal(appealed=a_decision()), 0)


def given(appeal: Appeal, command: cmd.AppealCommand, days: float) -> Appeal:
    """The appeal after a command that must not be refused, `days` after T0."""
    outcome = decide_appeal(appeal, command, T0 + timedelta(days=days))
    assert not isinstance(outcome, Refusal), outcome
    return apply_all_to_appeal(appeal, outcome)


def outcome(appeal: Appeal, command: cmd.AppealCommand, days: float = 1) -> Outcome:
    """What the rules say, `days` after T0."""
    return decide_appeal(appeal, command, T0 + timedelta(days=days))


def kinds(found: Outcome) -> list[str]:
    """The kinds of the events, in their order."""
    assert not isinstance(found, Refusal), found
    return [event.kind for event in found]
