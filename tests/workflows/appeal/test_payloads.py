"""Payloads of an appeal: each is read back as it was written."""

import inspect
from datetime import timedelta
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.ledger.appeals import AppealsLedger
from activities.platform.activities import NoticeActivities
from activities.slack.activities import SlackActivities
from tests.workflows.domain.appeal.builders import (
    RULES,
    TITLES,
    U_123,
    a_decision,
    a_request,
    an_appeal,
    given,
)
from tests.workflows.domain.builders import REED, T0
from workflows.domain.appeal import commands as cmd
from workflows.domain.appeal import events as ev
from workflows.domain.appeal.model import Dismissal
from workflows.domain.case.appeal_outcome import AppealAnswer, AppealOutcome, AppealSettled
from workflows.domain.case.commands import Place
from workflows.domain.case.decision import PersonNotice
from workflows.domain.case.enforcement import Problem, ProblemKind
from workflows.domain.case.snapshot import CardRef
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.policy.limits import Full, Power
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.values import Text
from workflows.ports import appeals
from workflows.ports.appeals import AppealSnapshot, AppealStart
from workflows.ports.cases import Delivery

PROBLEM = Problem(kind=ProblemKind.REFUSED, status=404)
REACHED = Full(
    power=Power.OVERTURNS, holder=REED.id, most=5, within=timedelta(hours=1), used=5, resets_at=T0
)
EVENTS: list[ev.AppealEvent] = [
    ev.AppealFiled(at=T0, request=a_request(), appealed=a_decision(), due=T0),
    ev.AppealDismissed(at=T0, request=a_request(), why=Dismissal.UNKNOWN_CASE),
    ev.AppealClaimed(at=T0, by=REED.id),
    ev.AppealReleased(at=T0, by=REED.id, owner=REED.id),
    ev.AppealReminded(at=T0, reminders=(0, 1), due=T0),
    ev.AppealOverdue(at=T0, due=T0),
    ev.AppealLimitReached(at=T0, by=REED.id, limit=REACHED),
    ev.AppealUpheld(at=T0, by=REED.id, reason="理由"),
    ev.AppealOverturned(at=T0, by=REED.id, reason="理由"),
    ev.AppealCarriedOut(at=T0, kept=1),
    ev.AppealUndoFailed(at=T0, left=1),
    ev.AppealWithdrawn(at=T0),
    ev.NoticeSent(at=T0, notice=NoticeKind.UPHELD),
    ev.NoticeFailed(at=T0, notice=NoticeKind.UPHELD, problem=PROBLEM),
    ev.NoticeRetried(at=T0, by=REED.id, notice=NoticeKind.UPHELD),
    ev.NoticeGivenUp(at=T0, notice=NoticeKind.UPHELD),
]
CALL = NoticeCall.model_validate({"path": "/x/{subject.id}", "json": {"text": "{text.ja}"}})
ANSWER = AppealAnswer(
    appeal="A0123456789AB",
    case="K7Q2F9XM0",
    decision="D1",
    outcome=AppealOutcome.OVERTURNED,
    by=REED.id,
    at=T0,
    reason="理由",
)
CARD = CardRef(channel="C0LEADS", ts="1.2")
APPEAL = given(an_appeal(), cmd.Overturn(by=REED, reason="理由"), 1)
RECORDED = tuple(ev.AppealRecorded(seq=n, event=each) for n, each in enumerate(EVENTS, start=1))
PLACE = Place(channel="C0LEADS")
NOTICE = appeals.Notice(
    appeal="A0123456789AB",
    case="K7Q2F9XM0",
    decision="D1",
    kind=NoticeKind.UPHELD,
    text=Text(ja="維持", en="upheld"),
    reason="理由",
    person=U_123,
)
CROSSING: list[Any] = [
    AppealStart(id="A0123456789AB", request=a_request(), rules=RULES, notice=CALL, titles=TITLES),
    AppealSnapshot(appeal=APPEAL, card=CARD, seen=("a",), unposted=RECORDED),
    appeals.Against(case="K7Q2F9XM0", decision="D1"),
    appeals.AppealWrite(row=appeals.appeal_row(APPEAL), events=RECORDED, card=CARD),
    appeals.ShowAppeal(appeal=APPEAL, card=None, lines=RECORDED),
    NOTICE,
    NOTICE.model_copy(
        update={
            "appeal": "",
            "kind": NoticeKind.DECISION,
            "letter": PersonNotice(person=U_123, call=CALL, frame=Text(ja="措置", en="measures")),
        }
    ),
    *(
        cmd.AppealClick(id="1", appeal="A0123456789AB", command=command, place=PLACE)
        for command in (
            cmd.ClaimAppeal(by=REED),
            cmd.ReleaseAppeal(by=REED),
            cmd.Uphold(by=REED, reason="理由"),
            cmd.Overturn(by=REED, reason="理由"),
            cmd.RetryNotice(by=REED),
        )
    ),
    a_decision(),
    AppealSettled(appeal="A0123456789AB", left=1, kept=2),
    ANSWER,
    Delivery(case="K7Q2F9XM0", answer=ANSWER),
    PROBLEM,
    CARD,
]


@pytest.mark.parametrize("value", CROSSING, ids=lambda value: type(value).__name__)
async def test_a_payload_is_read_back_unchanged(value: Any) -> None:
    """The converter of the workers keeps the type of each event."""
    (payload,) = await pydantic_data_converter.encode([value])
    (read,) = await pydantic_data_converter.decode([payload], [type(value)])
    assert type(read) is type(value)
    assert read == value


def test_every_event_is_among_them() -> None:
    """A new event must be added here."""
    assert {type(each) for each in EVENTS} == set(get_args(get_args(ev.AppealEvent)[0]))
    for each in EVENTS:
        read = TypeAdapter(ev.AppealEvent).validate_json(each.model_dump_json())
        assert type(read) is type(each)


@pytest.mark.parametrize(
    ("name", "holder"),
    [
        ("load_appealed", AppealsLedger),
        ("record_appeal", AppealsLedger),
        ("show_appeal", SlackActivities),
        ("send_notice", NoticeActivities),
    ],
)
def test_the_activities_have_the_signatures_of_their_ports(name: str, holder: type) -> None:
    """Each has the name, argument and result of its port."""
    port = inspect.signature(getattr(appeals.AppealPort, name))
    mine = inspect.signature(getattr(holder, name))
    assert [p.annotation for p in mine.parameters.values()][1:] == [
        p.annotation for p in port.parameters.values()
    ][1:]
    assert mine.return_annotation == port.return_annotation
    defined = getattr(holder, name).__temporal_activity_definition
    assert defined.name == name
