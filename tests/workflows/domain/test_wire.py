"""Payloads of every event and command keep their type.

Without their tags two kinds with the same fields would be read back as one another.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter

from tests.workflows.domain.builders import (
    CATALOG,
    PLAYBOOK,
    SATO,
    T0,
    TANAKA,
    a_case,
    an_alert,
    minutes,
)
from workflows.domain.alerts import Subject, brief
from workflows.domain.automation import AutomationPause
from workflows.domain.brakes import BrakeCause, Trip
from workflows.domain.brakes import Tally as ActionTally
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.appeal_outcome import AppealAnswer, AppealOutcome
from workflows.domain.case.approval import Approval, Consent, Need
from workflows.domain.case.bulk import Tally
from workflows.domain.case.decision import Decision, PlannedAction, Verdict
from workflows.domain.case.enforcement import ActionState, EnforcementReport, Problem, ProblemKind
from workflows.domain.case.event_base import EventBase, Why
from workflows.domain.case.model import Sanction, SubjectHistory
from workflows.domain.people import Role
from workflows.domain.policy.actions import OnExpiry
from workflows.domain.policy.bands import Band
from workflows.domain.policy.limits import Exempt, Exposed, Full, Power
from workflows.domain.policy.playbook import Notify, PresetAction, Severity, Unless, Via
from workflows.domain.policy.strictness import Tightening, strictness_of
from workflows.domain.values import Value

MUTE = PlannedAction(action="mute_user", subject=a_case().subject, lasts=timedelta(hours=24))
STATE = ActionState(decision="D1", planned=MUTE, undoable=True)
DECISION = Decision(id="D1", by="U0SATO", at=T0, verdict=Verdict.VIOLATION, actions=(MUTE,))
NEED = Need(role=Role.LEAD, quorum=2)
REPORT = EnforcementReport(id="r", case="K7Q2F9XM0", decision="D1", actions=())
SAID: dict[str, Any] = {
    "keeps": ("P1",),
    "at": T0,
    "until": minutes(15),
    "expires_at": minutes(30),
    "renewed": minutes(60),
    "alert": brief(an_alert()),
    "subject": Subject(type="user", id="u_123"),
    "history": SubjectHistory(sanctions=(Sanction(action="warn", times=2),)),
    "severity": Severity.HIGH,
    "of": Band.LOG,
    "notify": Notify.ROLE,
    "unless": Unless.CLAIMED,
    "role": Role.LEAD,
    "via": Via.BOTH,
    "why": Why.WORSE,
    "outcome": OnExpiry.REFUSE,
    "verdict": Verdict.FALSE_POSITIVE,
    "consent": Consent(by="U0REED", role=Role.LEAD, at=T0, covers="U0TANAKA"),
    "approval": Approval(
        decision="D1",
        needs=(NEED,),
        within=timedelta(minutes=30),
        on_expiry=OnExpiry.ESCALATE,
        requested_at=T0,
        expires_at=minutes(30),
    ),
    "problem": Problem(kind=ProblemKind.REFUSED, status=404),
    "actions": (STATE,),
    "report": REPORT,
    "answer": AppealAnswer(
        appeal="A0123456789AB",
        case="K7Q2F9XM0",
        decision="D1",
        outcome=AppealOutcome.OVERTURNED,
        by="U0REED",
        at=T0,
        reason="型番でした",
    ),
    "rules": (0, 2),
    "missed": ("U0REED", "U0TANAKA"),
    "pause": AutomationPause(playbook="off_platform", by="U0TANAKA", at=T0, until=minutes(120)),
    "limit": Full(
        power=Power.DETECTOR,
        holder="live-chat",
        most=5,
        within=timedelta(hours=1),
        used=5,
        resets_at=minutes(60),
        alert=True,
    ),
    "exempt": Exempt(type="user", id="u_123", reason="公式アカウント"),
    "version": 7,
}
"""Values by field name; other fields are texts, numbers or flags."""
PAUSES = (
    AutomationPause(by="U0TANAKA", at=T0),
    AutomationPause(detector="live-chat", by="U0TANAKA", at=T0),
    AutomationPause(
        detector="live-chat",
        action="mute_user",
        by="koban",
        at=T0,
        trip=Trip(
            cause=BrakeCause.RATE,
            window=timedelta(minutes=5),
            limit=19,
            tally=ActionTally(actions=20, usual=1.5),
        ),
        case="K7Q2F9XM0",
    ),
)
ELSEWHERE: dict[tuple[str, str], Any] = {
    ("ApproversMissing", "roles"): (Role.LEAD,),
    ("PolicyTightened", "change"): Tightening(version="v2", danger=("warn",)),
    ("Tighten", "current"): strictness_of("v2", CATALOG, None, PLAYBOOK),
    ("CountApprovers", "requested_at"): T0,
    ("CountApprovers", "able"): {Role.LEAD: 1},
    ("ProtectNow", "pauses"): PAUSES,
    ("Tick", "pauses"): PAUSES,
    ("Decided", "decision"): DECISION,
    ("Decided", "due"): minutes(10),
    ("ProtectionStarted", "action"): STATE,
    ("ProtectionStarted", "detectors"): ("live-chat",),
    ("HandOver", "to"): TANAKA,
    ("ApprovalAnswered", "answer"): "言葉",
    ("AnswerApprover", "answer"): "言葉",
    ("BulkProgressed", "tally"): Tally(total=60, step=2, done=25),
    ("DecideBulk", "sources"): ("device",),
    ("DecideBulk", "ids"): ("u_1", "u_2"),
    ("DecideBulk", "actions"): (PresetAction.model_validate("mute_user"),),
    ("DecideBulk", "bulk"): None,
    ("SnoozeDetector", "lasts"): timedelta(hours=8),
    ("RevealEvidence", "modal"): cmd.Modal(id="evidence/1", carries="{}"),
    ("RevealEvidence", "exposed"): Exposed(found=True, image=True, seen=3, since=T0),
    ("Decide", "actions"): (PresetAction.model_validate({"mute_user": {"for": "24h"}}),),
}
PLAIN: dict[Any, Any] = {
    str: "言葉",
    int: 3,
    bool: True,
    str | None: "言葉",
    int | None: 3,
    datetime | None: datetime(2026, 11, 23, 3, 1, tzinfo=UTC),
}


def members(union: Any) -> tuple[type[Value], ...]:
    """The models of a (tagged) union."""
    first, *_ = get_args(union)
    return get_args(first) or get_args(union)


def example(model: type[Value]) -> Value:
    """One value of a model with every field filled in."""
    given = {name: _field(model, name) for name in model.model_fields if name != "kind"}
    return model.model_validate(given)


def _field(model: type[Value], name: str) -> Any:
    if (model.__name__, name) in ELSEWHERE:
        return ELSEWHERE[model.__name__, name]
    if name == "by" and not issubclass(model, EventBase | cmd.Absorb | cmd.NoteLimit):
        return SATO
    return SAID[name] if name in SAID else PLAIN[model.model_fields[name].annotation]


async def over_the_wire(value: Value, as_: Any) -> Any:
    """A value as the other side of Temporal reads it."""
    payloads: list[Payload] = await pydantic_data_converter.encode([value])
    return (await pydantic_data_converter.decode(payloads, [as_]))[0]


@pytest.mark.parametrize("model", members(ev.Event), ids=lambda model: model.__name__)
async def test_every_event_arrives_as_what_it_was(model: type[Value]) -> None:
    """In its place in the story, as the ledger and the thread get it."""
    recorded = ev.Recorded(seq=7, event=example(model))
    arrived = await over_the_wire(recorded, ev.Recorded)
    assert arrived == recorded
    assert type(arrived.event) is model


@pytest.mark.parametrize("model", members(cmd.PersonCommand), ids=lambda model: model.__name__)
async def test_every_press_arrives_as_what_it_was(model: type[Value]) -> None:
    """From Slack's handler to the case."""
    click = cmd.Click(id="t1", case="K7Q2F9XM0", command=example(model), place=PLACE)
    arrived = await over_the_wire(click, cmd.Click)
    assert arrived == click
    assert type(arrived.command) is model


@pytest.mark.parametrize(
    "model",
    [
        cmd.JoinAlert,
        cmd.ProtectNow,
        cmd.Absorb,
        cmd.AnswerAppeal,
        cmd.Tick,
        cmd.Tighten,
        cmd.NoteLimit,
        cmd.CountApprovers,
        cmd.Report,
    ],
)
async def test_what_no_person_asked_arrives_as_what_it_was(model: type[Value]) -> None:
    """Reports and merges come from other workflows."""
    asked = example(model)
    assert await over_the_wire(asked, model) == asked


def test_no_two_kinds_share_a_name() -> None:
    """The discriminator distinguishes them."""
    for union in (ev.Event, cmd.PersonCommand):
        kinds = [model.model_fields["kind"].default for model in members(union)]
        assert len(kinds) == len(set(kinds))


PLACE = cmd.Place(channel="C1", thread="1.0")
