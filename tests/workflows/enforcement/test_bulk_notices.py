"""Notices of a bulk decision: each subject's is sent once, retried, cancelled, repeated."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from bot.workflow_guards import GuardedRunner
from deploy.sandbox.slack.person import wait_until
from tests.workflows.domain.builders import CATALOG
from tests.workflows.enforcement.environment import (
    REFUSED,
    Market,
    enforcing,
    letter,
    reported,
    said,
)
from workflows.activity_options import platform_queue
from workflows.bulk_workflow import BulkWorkflow
from workflows.domain.alerts import Subject
from workflows.domain.case import bulk_progress
from workflows.domain.case.bulk_progress import NOTICE_MARKS
from workflows.domain.case.decision import NoticeStatus
from workflows.domain.case.enforcement import (
    ActionStatus,
    Ask,
    AskKind,
    EnforcementReport,
    NoticeState,
    Proof,
    terms_of,
)
from workflows.domain.ids import enforcement_workflow_id
from workflows.enforcement_workflow import EnforcementWorkflow
from workflows.ports.bulk import BulkJob, BulkPart, BulkRow, BulkRows, BulkStart, Member


class BulkRecords:
    """Ledger of one bulk decision for the users u_0, u_1, …"""

    def __init__(self) -> None:
        self.rows: dict[int, BulkRow] = {}
        self.notices: dict[int, NoticeStatus | None] = {}
        self.count = 0

    @activity.defn(name="bulk_part")
    async def bulk_part(self, part: BulkPart) -> tuple[Member, ...]:
        """Returns the members with their rows."""
        return tuple(
            Member(
                place=place,
                subject=Subject(type="user", id=f"u_{place}"),
                in_force=tuple(row.action for row in self._of(place) if row.status in _IN_FORCE),
                proofs=tuple(job.proof for job in part.jobs),
                rows=self._of(place),
            )
            for place in part.places
        )

    def _of(self, place: int) -> tuple[BulkRow, ...]:
        return (self.rows[place],) if place in self.rows else ()

    @activity.defn(name="bulk_statuses")
    async def bulk_statuses(self, bulk: str) -> str:
        """Returns the letters of the members."""
        statuses = ([row.status for row in self._of(place)] for place in range(self.count))
        return "".join(bulk_progress.of(each).value for each in statuses)

    @activity.defn(name="bulk_notices")
    async def bulk_notices(self, bulk: str) -> str:
        """Returns the letters of the notices."""
        known = (self.notices.get(place) for place in range(self.count))
        return "".join("." if each is None else NOTICE_MARKS[each].value for each in known)

    @activity.defn(name="record_bulk")
    async def record_bulk(self, written: BulkRows) -> None:
        """Keeps the latest rows."""
        self.rows |= {row.place: row for row in written.rows}
        self.notices |= written.notices

    async def has(self, *notices: NoticeStatus | None) -> None:
        """Waits until the ledger has these notices."""

        async def written() -> bool:
            return [self.notices.get(place) for place in range(self.count)] == list(notices)

        await wait_until(written, what=f"the notices {notices}")


_IN_FORCE = (ActionStatus.DONE, ActionStatus.VERIFIED)
SENT, FAILED, RETRYING = NoticeStatus.SENT, NoticeStatus.FAILED, NoticeStatus.RETRYING


@asynccontextmanager
async def in_bulk(temporal: str) -> AsyncIterator[tuple[Client, Market, BulkRecords]]:
    """Runs bulk decisions for a platform and a ledger of their own."""
    market, records = Market(), BulkRecords()
    known = [
        *(records.bulk_part, records.bulk_statuses, records.bulk_notices, records.record_bulk),
    ]
    calls = [market.carry_out, market.send_notice]
    async with enforcing(temporal, *calls) as client:
        lists = {"workflows": [BulkWorkflow, EnforcementWorkflow], "activities": known}
        platform = Worker(client, task_queue=platform_queue("bulk"), activities=calls)
        bulk = Worker(client, task_queue="bulk", workflow_runner=GuardedRunner(), **lists)
        async with bulk, platform:
            yield client, market, records


async def begin_bulk(
    client: Client, records: BulkRecords, count: int, name: str = "warn", **more: object
) -> WorkflowHandle[BulkWorkflow, EnforcementReport]:
    """Starts the bulk decision; by default nothing was done before."""
    records.count = count
    terms = terms_of(CATALOG.actions[name]).model_copy(update={"verified": False})
    lasts = timedelta(hours=24) if name == "mute_user" else None
    proof = Proof(playbook="harassment", policy="v1")
    job = BulkJob(action=name, lasts=lasts, terms=terms, proof=proof)
    given = {
        **{"case": "K1", "workflow_id": "case/x", "decision": "D1", "actor": "U0SATO"},
        **{"bulk": "R1", "count": count, "jobs": (job,), "notice": letter(), "fresh": True},
    }
    start = BulkStart.model_validate({**given, **more})
    # The subjects' enforcements report to this id.
    workflow_id = enforcement_workflow_id("K1", "D1")
    return await client.start_workflow(BulkWorkflow.run, start, id=workflow_id, task_queue="bulk")


def addressees(market: Market) -> list[str]:
    return sorted(each.person.id for each in market.notices)


async def wait_bulk(client: Client, status: NoticeStatus, sent: int) -> None:
    """Waits until the case knows this state of all notices."""

    async def is_reported() -> bool:
        return any(
            each.notice is not None
            and (each.notice.status, each.tally and each.tally.notices_sent) == (status, sent)
            for each in await reported(client)
        )

    await wait_until(is_reported, what=f"{status} with {sent} sent")


async def test_each_subject_of_a_bulk_decision_gets_its_notice_once(temporal: str) -> None:
    """In two waves; what the platform refused to do has none."""
    async with in_bulk(temporal) as (client, market, records):
        market.refuses = {"u_3"}
        handle = await begin_bulk(client, records, 27)
        await wait_bulk(client, SENT, 26)
        assert addressees(market) == sorted(f"u_{n}" for n in range(27) if n != 3)
        assert {said(each).ja for each in market.notices} == {"措置: 警告"}
        assert {each.decision for each in market.notices} == {"D1"}
        assert records.notices == {place: SENT for place in range(27) if place != 3}
        await handle.signal("ask", Ask(kind=AskKind.GIVE_UP, by="U0SATO"))
        report = await handle.result()
        assert report.tally is not None
        assert (report.tally.given_up, report.tally.notices) == (1, 26)
        assert len(market.notices) == 26


async def test_a_bulk_decision_without_a_notice_sends_none(temporal: str) -> None:
    """A dry run, `no_notice`, or subjects without an addressee."""
    async with in_bulk(temporal) as (client, market, records):
        report = await (await begin_bulk(client, records, 3, notice=None)).result()
        assert report.tally is not None
        assert (report.tally.done, report.tally.notices, report.notice) == (3, 0, None)
        assert (market.tries, records.notices) == (0, {})


async def test_notices_of_a_bulk_decision_are_retried_behind_its_actions(temporal: str) -> None:
    """The actions end; the notices follow when the platform is back, each once."""
    async with in_bulk(temporal) as (client, market, records):
        market.away = True
        handle = await begin_bulk(client, records, 3)
        await wait_bulk(client, RETRYING, 0)
        [first] = [each for each in await reported(client) if each.actions][:1]
        assert [news.status for news in first.actions] == [ActionStatus.DONE]
        market.away = False
        report = await handle.result()
        assert report.notice == NoticeState(status=SENT)
        assert addressees(market) == ["u_0", "u_1", "u_2"]
        assert records.notices == dict.fromkeys(range(3), SENT)


async def test_only_the_failed_notices_of_a_bulk_decision_are_repeated(temporal: str) -> None:
    """By a new run, which reads from the ledger which ones they are; no action is repeated."""
    async with in_bulk(temporal) as (client, market, records):
        market.unknown = {"u_1", "u_2"}
        report = await (await begin_bulk(client, records, 4)).result()
        assert report.notice == NoticeState(status=FAILED, problem=REFUSED)
        assert addressees(market) == ["u_0", "u_3"]
        market.unknown, market.refuses = {"u_2"}, {"warn"}
        again = {"fresh": False, "asks": (Ask(kind=AskKind.TELL, by="U0SATO"),), "step": 5}
        report = await (await begin_bulk(client, records, 4, **again)).result()
        assert report.notice == NoticeState(status=FAILED, problem=REFUSED)
        assert report.tally is not None
        assert (report.tally.done, report.tally.notices_sent) == (4, 3)
        assert report.tally.notices_failed == 1
        assert addressees(market) == ["u_0", "u_1", "u_3"]
        assert records.notices == {0: SENT, 1: SENT, 2: FAILED, 3: SENT}
        assert {row.status for row in records.rows.values()} == {ActionStatus.DONE}


async def test_running_enforcements_of_a_bulk_decision_repeat_their_notice(temporal: str) -> None:
    """Mutes that wait for their lift receive the signal."""
    async with in_bulk(temporal) as (client, market, records):
        market.unknown = {"u_1"}
        handle = await begin_bulk(client, records, 2, "mute_user")
        await wait_bulk(client, FAILED, 1)
        market.unknown = set()
        await handle.signal("ask", Ask(kind=AskKind.TELL, by="U0SATO"))
        await wait_bulk(client, SENT, 2)
        assert addressees(market) == ["u_0", "u_1"]
        assert {said(each).en for each in market.notices} == {"Measure: Mute (1440 min)"}


async def test_an_undo_of_a_bulk_decision_cancels_its_notices(temporal: str) -> None:
    """Those that were not sent yet."""
    async with in_bulk(temporal) as (client, market, records):
        market.away = True
        handle = await begin_bulk(client, records, 2)
        await wait_bulk(client, RETRYING, 0)
        await handle.signal("ask", Ask(kind=AskKind.UNDO, by="U0SATO"))
        report = await handle.result()
        assert report.tally is not None
        assert (report.tally.undone, report.tally.notices) == (2, 0)
        market.away = False
        assert (market.notices, records.notices) == ([], {0: None, 1: None})


async def test_a_terminated_bulk_decision_sends_no_notice_twice(temporal: str) -> None:
    """The next run goes on from the ledger; an enforcement that still tries reports to it."""
    async with in_bulk(temporal) as (client, market, records):
        market.busy = {"u_1"}
        handle = await begin_bulk(client, records, 2)
        await records.has(SENT, RETRYING)
        await handle.terminate()
        handle = await begin_bulk(client, records, 2, fresh=False, step=9)
        await wait_bulk(client, RETRYING, 1)
        market.busy = set()
        report = await handle.result()
        assert report.notice == NoticeState(status=SENT)
        assert addressees(market) == ["u_0", "u_1"]


async def test_a_long_bulk_decision_keeps_its_notices(
    temporal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Continue-as-new loses no notice and sends none twice; one is still being retried."""
    monkeypatch.setattr("workflows.bulk_workflow.LONG", 50)
    async with in_bulk(temporal) as (client, market, records):
        market.busy, market.unknown = {"u_0"}, {"u_1"}
        handle = await begin_bulk(client, records, 30)
        await wait_bulk(client, FAILED, 28)
        later = await client.get_workflow_handle(handle.id).describe()
        assert later.run_id != handle.first_execution_run_id
        market.busy = set()
        report = await handle.result()
        assert report.tally is not None
        assert (report.tally.notices_sent, report.tally.notices_failed) == (29, 1)
        assert report.notice == NoticeState(status=FAILED, problem=REFUSED)
        assert addressees(market) == sorted(f"u_{n}" for n in range(30) if n != 1)


async def test_a_rebuilt_bulk_decision_sends_what_was_not_sent(temporal: str) -> None:
    """Temporal lost every enforcement of these mutes; a person repeats the failed notice."""
    async with in_bulk(temporal) as (client, market, records):
        done = ActionStatus.DONE
        records.rows = {n: BulkRow(place=n, action="mute_user", status=done) for n in range(3)}
        records.notices = {0: SENT, 1: RETRYING, 2: FAILED}
        rebuilt = {"fresh": False, "rebuilt": True, "step": 7}
        handle = await begin_bulk(client, records, 3, "mute_user", **rebuilt)
        await wait_bulk(client, FAILED, 2)
        assert addressees(market) == ["u_1"]
        await handle.signal("ask", Ask(kind=AskKind.TELL, by="U0SATO"))
        await wait_bulk(client, SENT, 3)
        assert addressees(market) == ["u_1", "u_2"]
        assert {said(each).en for each in market.notices} == {"Measure: Mute (1440 min)"}
