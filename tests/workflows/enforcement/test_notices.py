"""Notice of a decision: sent once an action took effect, retried, cancelled, repeated."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from bot.workflow_guards import GuardedRunner
from deploy.sandbox.slack.person import wait_until
from tests.workflows.domain.builders import CATALOG, a_case
from tests.workflows.domain.wording import WORDING
from tests.workflows.enforcement.environment import Listener, enforcing
from workflows.activity_options import platform_queue
from workflows.bulk_workflow import BulkWorkflow
from workflows.domain.alerts import Subject
from workflows.domain.case import bulk_progress
from workflows.domain.case.bulk_progress import NOTICE_MARKS
from workflows.domain.case.decision import (
    Measure,
    NoticeStatus,
    PersonNotice,
    PlannedAction,
    person_notice_text,
)
from workflows.domain.case.enforcement import (
    ActionState,
    ActionStatus,
    Ask,
    AskKind,
    EnforcementReport,
    NoticeState,
    Problem,
    ProblemKind,
    Proof,
    terms_of,
)
from workflows.domain.ids import enforcement_workflow_id
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.values import Text
from workflows.enforcement_workflow import EnforcementWorkflow
from workflows.inputs import EnforcementStart, Job
from workflows.ports import cases
from workflows.ports.appeals import Notice
from workflows.ports.bulk import BulkJob, BulkPart, BulkRow, BulkRows, BulkStart, Member

REFUSED = Problem(kind=ProblemKind.REFUSED, status=404)
U_123 = a_case().subject


class Market:
    """Platform that `refuses` actions by name or subject, and takes no notices while `away`."""

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.answers: list[Problem | None] = []
        self.unknown: set[str] = set()
        self.busy: set[str] = set()
        self.away = False
        self.notices: list[Notice] = []
        self.tries = 0

    @activity.defn(name="carry_out")
    async def carry_out(self, order: cases.Order) -> cases.Result:
        """Makes the change, or refuses it."""
        if order.direction is cases.Direction.UNDO:
            return cases.Result(status=ActionStatus.UNDONE)
        if self.refuses & {order.planned.action, order.planned.subject.id}:
            return cases.Result(status=ActionStatus.FAILED, problem=REFUSED)
        return cases.Result(status=ActionStatus.DONE)

    @activity.defn(name="send_notice")
    async def send_notice(self, notice: Notice) -> Problem | None:
        """Accepts the notice unless `away`, and returns the problem set by the test."""
        self.tries += 1
        if self.away or notice.person.id in self.busy:
            raise ApplicationError("503", Problem(kind=ProblemKind.UNREACHABLE, status=503))
        if notice.person.id in self.unknown:
            return REFUSED
        self.notices.append(notice)
        return self.answers.pop(0) if self.answers else None


def said(notice: Notice) -> Text:
    """The accepted notices."""
    assert notice.letter is not None
    return person_notice_text(notice.letter, WORDING)


@asynccontextmanager
async def running(temporal: str) -> AsyncIterator[tuple[Client, Market]]:
    """Runs enforcements for a platform of their own."""
    market = Market()
    async with enforcing(temporal, market.carry_out, market.send_notice) as client:
        yield client, market


def letter(*done: Measure) -> PersonNotice:
    frame = Text(ja="措置: {actions}", en="Measure: {actions}")
    call = NoticeCall(path="/v1/users/{subject.id}/notices")
    return PersonNotice(person=U_123, call=call, frame=frame, done=done)


def a_start(*names: str, notice: PersonNotice | None = None, **more: object) -> EnforcementStart:
    """Returns the enforcement of these actions, with a notice."""
    jobs = tuple(
        Job(
            planned=PlannedAction(
                action=name,
                subject=U_123,
                lasts=timedelta(hours=24) if name == "mute_user" else None,
            ),
            terms=terms_of(CATALOG.actions[name]).model_copy(update={"verified": False}),
            proof=Proof(playbook="harassment", policy="v1"),
        )
        for name in names
    )
    given = {"case": "K1", "workflow_id": "case/x", "decision": "D1", "actor": None, **more}
    return EnforcementStart(jobs=jobs, notice=notice or letter(), **given)  # type: ignore[arg-type]


async def begin(client: Client, start: EnforcementStart):
    return await client.start_workflow(
        EnforcementWorkflow.run, start, id=f"e/{uuid4().hex}", task_queue="koban"
    )


async def reported(client: Client) -> list[EnforcementReport]:
    """Returns the reports to the case."""
    return await client.get_workflow_handle_for(Listener.run, "case/x").query(Listener.reports)


def statuses(reports: list[EnforcementReport]) -> list[str | None]:
    return [each.notice.status.value if each.notice else None for each in reports]


async def wait_reported(client: Client, *expected: str | None) -> None:
    """Waits for such a report."""

    async def is_reported() -> bool:
        return statuses(await reported(client)) == list(expected)

    await wait_until(is_reported, what=f"{expected}")


async def test_a_notice_is_in_the_same_report_as_the_actions(temporal: str) -> None:
    """It costs one call, and no signal."""
    async with running(temporal) as (client, market):
        report = await (await begin(client, a_start("warn"))).result()
        assert (statuses([report]), await reported(client)) == (["sent"], [])
        [notice] = market.notices
        assert (said(notice).ja, notice.person, notice.decision) == ("措置: 警告", U_123, "D1")


async def test_a_notice_waits_until_no_action_can_fail(temporal: str) -> None:
    """It has what is in effect in the end, without what was given up."""
    async with running(temporal) as (client, market):
        market.refuses = {"warn"}
        handle = await begin(client, a_start("warn", "suspend"))
        await wait_reported(client, None)
        assert market.notices == []
        await handle.signal("ask", Ask(kind=AskKind.GIVE_UP, by="U0SATO"))
        report = await handle.result()
        assert statuses([report]) == ["sent"]
        assert [said(each).en for each in market.notices] == ["Measure: Suspend"]


async def test_no_notice_if_nothing_was_done(temporal: str) -> None:
    """Everything failed, and was given up."""
    async with running(temporal) as (client, market):
        market.refuses = {"warn"}
        handle = await begin(client, a_start("warn"))
        await wait_reported(client, None)
        await handle.signal("ask", Ask(kind=AskKind.GIVE_UP, by="U0SATO"))
        report = await handle.result()
        assert (statuses([report]), market.notices) == ([None], [])


async def test_no_notice_of_what_was_rolled_back(temporal: str) -> None:
    """Nothing is in effect any more."""
    async with running(temporal) as (client, market):
        start = a_start("warn", undo=True)
        await (await begin(client, start)).result()
        assert market.notices == []


async def test_a_notice_is_retried_beside_everything_else(temporal: str) -> None:
    """The decision is reported at once, and the notice later."""
    async with running(temporal) as (client, market):
        market.away = True
        handle = await begin(client, a_start("warn"))
        await wait_reported(client, "retrying")
        [first] = await reported(client)
        assert [news.status for news in first.actions] == [ActionStatus.DONE]
        market.away = False
        report = await handle.result()
        assert statuses([report]) == ["sent"]
        await wait_reported(client, "retrying", "sent")
        assert len(market.notices) == 1


async def test_an_undo_cancels_the_notice(temporal: str) -> None:
    """No notice is sent about what is not in effect."""
    async with running(temporal) as (client, market):
        market.away = True
        handle = await begin(client, a_start("warn"))
        await wait_reported(client, "retrying")
        await handle.signal("ask", Ask(kind=AskKind.UNDO, by="U0SATO"))
        report = await handle.result()
        assert [news.status for news in report.actions] == [ActionStatus.UNDONE]
        assert (report.notice, market.notices) == (None, [])


async def test_a_running_enforcement_repeats_a_failed_notice(temporal: str) -> None:
    """A mute that waits for its lift receives the signal."""
    async with running(temporal) as (client, market):
        market.answers = [REFUSED]
        handle = await begin(client, a_start("mute_user"))
        await wait_reported(client, "failed")
        await handle.signal("ask", Ask(kind=AskKind.TELL, by="U0SATO"))
        await wait_reported(client, "failed", "sent")
        assert [said(each).en for each in market.notices] == ["Measure: Mute (1440 min)"] * 2
        await handle.terminate()


@pytest.mark.parametrize("name", ["warn", "mute_user"])
async def test_an_enforcement_of_the_notice_only(temporal: str, name: str) -> None:
    """Nothing is done or lifted again, and the case gets the report."""
    async with running(temporal) as (client, market):
        done = Measure(title=Text(ja="警告", en="Warn"))
        start = a_start(name, notice=letter(done), notice_only=True)
        report = await (await begin(client, start)).result()
        assert statuses([report]) == statuses(await reported(client)) == ["sent"]
        assert [said(each).ja for each in market.notices] == ["措置: 警告"]


async def test_an_undo_reaches_an_enforcement_of_the_notice_only(temporal: str) -> None:
    """It has the id of the decision's enforcement."""
    async with running(temporal) as (client, market):
        market.away = True
        start = a_start("warn", notice=letter(Measure(title=Text(ja="警告", en="Warn"))))
        handle = await begin(client, start.model_copy(update={"notice_only": True}))
        await wait_reported(client, "retrying")
        await handle.signal("ask", Ask(kind=AskKind.UNDO, by="U0SATO"))
        report = await handle.result()
        assert [news.status for news in report.actions] == [ActionStatus.UNDONE]
        assert report.notice is None


async def test_a_resumed_enforcement_keeps_a_failed_notice_for_a_person(temporal: str) -> None:
    """It was lost; the notice is not sent by itself, and a person can repeat it."""
    async with running(temporal) as (client, market):
        start = a_start("mute_user", notice_state=NoticeState(status=NoticeStatus.FAILED))
        job = start.jobs[0]
        done = ActionState(decision="D1", planned=job.planned, status=ActionStatus.DONE)
        resumed = job.model_copy(update={"state": done})
        handle = await begin(client, start.model_copy(update={"jobs": (resumed,)}))
        await wait_reported(client, "failed")
        assert market.tries == 0
        await handle.signal("ask", Ask(kind=AskKind.TELL, by="U0SATO"))
        await wait_reported(client, "failed", "sent")
        assert [said(each).en for each in market.notices] == ["Measure: Mute (1440 min)"]
        await handle.terminate()


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
