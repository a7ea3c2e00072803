"""Payloads of a bulk decision: read back unchanged, and small for a thousand subjects."""

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter

from tests.workflows.domain.builders import SATO, T0, TANAKA, follow, minutes
from tests.workflows.domain.case.bulk_builders import a_bulk_case, bulk_news, decide_bulk
from tests.workflows.domain.case.notice_builders import notice_case, notice_policy
from tests.workflows.enforcement.test_bulk_progress import a_start
from workflows.case.bulk_members import bulk_start
from workflows.domain.alerts import Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case.bulk import Bulk, Tally
from workflows.domain.case.commands import Click, Place
from workflows.domain.case.decision import NoticeStatus, PersonNotice
from workflows.domain.case.enforcement import (
    ActionStatus,
    Ask,
    AskKind,
    EnforcementReport,
    Problem,
    ProblemKind,
)
from workflows.domain.case.notices import notice_of
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.case.view import CardView, view_of
from workflows.domain.policy.playbook import pack
from workflows.domain.values import Value
from workflows.ports.bulk import BulkPart, BulkRequest, BulkRow, BulkRows, BulkStart, Member

USER = Subject(type="user", id="u_123")


def decided() -> cmd.DecideBulk:
    """Returns a decision for a thousand users, as the modal sends it."""
    return decide_bulk(SATO, None, seen=1000, ids=("u_1", "u_2"))


def case_of_a_thousand():
    """Returns a case whose bulk decision is approved and half done."""
    case = follow(a_bulk_case(), decide_bulk(SATO, 1000), minutes(1))
    case = follow(case, cmd.Approve(by=TANAKA), minutes(2))
    return follow(case, bulk_news(case, Tally(total=1000, step=9, done=497, failed=3)), minutes(3))


def notice_to_all() -> PersonNotice:
    """Returns the notice of a bulk decision, before it is addressed."""
    case = notice_case(notice_policy(bulk=True))
    case = follow(case, decide_bulk(SATO, 3, "warn"), minutes(1))
    assert case.decision is not None
    letter = notice_of(case, case.decision)
    assert letter is not None
    return letter


UNREACHABLE = Problem(kind=ProblemKind.UNREACHABLE)


async def read_back(value: Value) -> tuple[Value, int]:
    """Returns the decoded value, and its bytes."""
    payloads = await pydantic_data_converter.encode([value])
    (back,) = await pydantic_data_converter.decode(payloads, [type(value)])
    return back, sum(payload.ByteSize() for payload in payloads)


VALUES = [
    Click(id="x", case="K7Q2F9XM0", command=decided(), place=Place(channel="C0LIVE")),
    Click(id="y", case="K7Q2F9XM0", command=cmd.StopBulk(by=SATO), place=Place(channel="C0LIVE")),
    BulkRequest(id="R1", case="K7Q2F9XM0", type="user", starts={"user": USER}, ids=("u_1",)),
    BulkPart(bulk="R1", places=(0, 1, 999)),
    Member(place=3, subject=USER, in_force=("mute_user",)),
    BulkRows(
        bulk="R1",
        case="K7Q2F9XM0",
        decision="D1",
        by=None,
        at=T0,
        version=3,
        rows=(BulkRow(place=0, action="warn", status=ActionStatus.FAILED),),
        notices={0: NoticeStatus.SENT, 999: None},
    ),
    a_start(1000, marks="v" * 1000, alive="1" * 1000, asks=(Ask(kind=AskKind.STOP, by="U0SATO"),)),
    a_start(3, notice=notice_to_all(), notices="sfr", notice_problem=UNREACHABLE),
    EnforcementReport(id="r", case="K1", decision="D1", actions=(), place=7, over=True),
    view_of(case_of_a_thousand()),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
async def test_a_bulk_payload_is_read_back_unchanged(value: Value) -> None:
    """Nothing is lost between two workers."""
    back, _ = await read_back(value)
    assert back == value


async def test_a_bulk_case_is_read_back_unchanged() -> None:
    """The packed policy is attached again."""
    case = case_of_a_thousand()
    memory = CaseSnapshot(case=case, policy=pack(case.policy))
    back, _ = await read_back(memory)
    assert isinstance(back, CaseSnapshot)
    assert back.with_policy() == memory


@pytest.mark.parametrize(
    ("value", "most"),
    [
        (case_of_a_thousand(), 9_000),
        (view_of(case_of_a_thousand()), 6_000),
        (bulk_start(case_of_a_thousand(), "case/x/T", False, "U0SATO", ()), 2_000),
        (a_start(1000, marks="v" * 1000, alive="1" * 1000, notices="s" * 1000), 4_000),
        (bulk_news(case_of_a_thousand(), Tally(total=1000, step=10, done=1000)).report, 600),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_thousand_subjects_are_small(value: Value, most: int) -> None:
    """Limits in bytes: case, view, start, carried state, report."""
    _, size = await read_back(value)
    assert size < most


def test_an_older_worker_reads_a_newer_case() -> None:
    """A case written before bulk decisions has none."""
    old = a_bulk_case().model_dump(mode="json")
    del old["bulk_decisions"]
    assert type(a_bulk_case()).model_validate(old).bulk_decisions == {}
    view = view_of(a_bulk_case()).model_dump(mode="json")
    del view["bulk"], view["bulk_decisions"]
    assert CardView.model_validate(view).bulk is None
    assert Bulk.model_validate({"id": "R1", "type": "user", "count": 3}).impact.sums == ()
    assert BulkStart.model_fields["marks"].default == ""
