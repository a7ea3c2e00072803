"""Feedback in the ledger: verdicts are queued with the events of their case, on both databases."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from activities.detectors.feedback import content_of
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.erasure import SubjectEraser
from activities.ledger.export import LABELS, LedgerExport
from activities.ledger.feedback import FeedbackLedger
from activities.ledger.schema import feedback
from activities.signatures import Signer
from tests.activities.ledger.recording import KEY, count, following, opening
from tests.workflows.domain.builders import (
    SATO,
    T0,
    TANAKA,
    a_case,
    an_alert,
    follow,
    minutes,
    news,
    preset,
)
from workflows.domain.alerts import Subject, brief
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.evolve import apply_all
from workflows.domain.case.model import Case
from workflows.domain.case.projection import case_row
from workflows.domain.case.snapshot import ReceivedAlert
from workflows.domain.feedback import (
    LASTS,
    FeedbackCount,
    FeedbackMessage,
    FeedbackProblem,
    FeedbackProblemKind,
)
from workflows.domain.policy.playbook import Severity
from workflows.ports.cases import ClaimAlerts, LedgerWrite

CHAT = "live-chat"
DOWN = FeedbackProblem(kind=FeedbackProblemKind.NO_ANSWER)
GONE = FeedbackProblem(kind=FeedbackProblemKind.GONE, status=410)
NOW = minutes(60)


class Told:
    """Ledgers with feedback, and the detectors that were named as having new messages."""

    def __init__(self, database: Database, *detectors: str) -> None:
        self.detectors: list[frozenset[str]] = []
        self.ledger = Ledger(
            database,
            now=lambda: NOW,
            feedback=lambda: detectors,
            queued=self.detectors.append,
        )
        self.messages = FeedbackLedger(database)

    async def due(self) -> tuple[FeedbackMessage, ...]:
        """What is due for the live chat."""
        return await self.messages.due(CHAT, NOW, 1000)


@pytest.fixture
def told(database: Database) -> Told:
    """The live chat gets feedback."""
    return Told(database, CHAT, "other")


async def judged(told: Told, *commands: cmd.Command, case: Case | None = None) -> Case:
    """Records a case and these commands, one write each."""
    case = case or a_case()
    await told.ledger.record(opening(case))
    for minute, command in enumerate(commands, 1):
        await told.ledger.record(following(case, command, first=minute))
        case = follow(case, command, minutes(minute))
    return case


async def test_a_verdict_is_queued_once_for_each_alert(told: Told, database: Database) -> None:
    """A repeated write queues nothing more; the message has what a detector needs."""
    case = await judged(told, cmd.MarkNoViolation(by=SATO))
    await told.ledger.record(following(a_case(), cmd.MarkNoViolation(by=SATO)))
    [message] = await told.due()
    assert message == FeedbackMessage(
        detector=CHAT,
        alert_id="chat-000001",
        case_id=case.id,
        version=3,
        kind="off_platform",
        subject=case.subject,
        verdict=Verdict.NO_VIOLATION,
        clause=None,
        decided_at=minutes(1),
        source=message.source,
        auto=False,
        overturned=False,
        queued_at=NOW,
        tries=0,
    )
    assert told.detectors == [frozenset({CHAT})]
    assert await count(database, feedback) == 1


async def test_a_case_without_a_verdict_queues_nothing(told: Told, database: Database) -> None:
    """Neither does a decision before its approval."""
    await judged(told, cmd.Claim(by=SATO), preset(SATO, "ban"))
    assert await count(database, feedback) == 0
    assert told.detectors == []


async def test_a_detector_without_feedback_gets_none(database: Database) -> None:
    """The policy names those that do."""
    told = Told(database, "other")
    await judged(told, cmd.MarkNoViolation(by=SATO))
    assert await count(database, feedback) == 0


async def test_a_reversal_is_a_later_version(told: Told) -> None:
    """Both are queued, in their order."""
    case = await judged(told, preset(SATO, "mute"))
    done = following(case, news(case, ActionStatus.VERIFIED), first=2)
    await told.ledger.record(done)
    case = follow(case, news(case, ActionStatus.VERIFIED), minutes(2))
    await told.ledger.record(following(case, cmd.Undo(by=SATO), first=3))
    found = [(each.verdict.value, each.overturned, each.clause) for each in await told.due()]
    assert found == [("violation", False, "MKT-4.2"), ("violation", True, "MKT-4.2")]
    first, second = await told.due()
    assert first.version < second.version
    assert first.id != second.id


async def test_an_alert_that_joins_later_gets_the_verdict_that_holds(told: Told) -> None:
    """It is queued with the event of the alert."""
    case = await judged(told, preset(SATO, "ban"), cmd.Approve(by=TANAKA))
    claim = ClaimAlerts(case=case.id, at=minutes(5), alerts=(an_alert(2),))
    await told.ledger.claim_alerts(claim)
    joins = cmd.JoinAlert(alert=brief(an_alert(2)), severity=Severity.CRITICAL)
    await told.ledger.record(following(case, joins, first=5))
    found = {each.alert_id: each.version for each in await told.due()}
    assert set(found) == {"chat-000001", "chat-000002"}
    assert len(set(found.values())) == 1


async def test_alerts_of_a_merged_case_get_the_verdict_of_the_other(told: Told) -> None:
    """The case that continues it is the one that is decided."""
    other = a_case().model_copy(update={"id": "K00000001"})
    write = opening(other, key="run-2")
    alert = ReceivedAlert(alert=an_alert(7), at=T0)
    await told.ledger.record(write.model_copy(update={"alerts": (alert,)}))
    case = a_case()
    await told.ledger.record(opening(case))
    absorbed = ev.CaseAbsorbed(at=minutes(1), case=other.id, alerts=1)
    event = ev.Recorded(seq=2, event=absorbed)
    await told.ledger.record(LedgerWrite(case=case.id, owner_key=KEY, events=(event,)))
    case = case.model_copy(update={"version": 2})
    await told.ledger.record(following(case, cmd.MarkNoViolation(by=SATO), first=2))
    assert {(each.alert_id, each.case_id) for each in await told.due()} == {
        ("chat-000001", case.id),
        ("chat-000007", case.id),
    }


async def joined(told: Told, case: Case, number: int, minute: float) -> Case:
    """Records an alert that joins the case."""
    claim = ClaimAlerts(case=case.id, at=minutes(minute), alerts=(an_alert(number),))
    await told.ledger.claim_alerts(claim)
    joins = cmd.JoinAlert(alert=brief(an_alert(number)), severity=Severity.CRITICAL)
    await told.ledger.record(following(case, joins, first=minute))
    return follow(case, joins, minutes(minute))


async def labelled(database: Database) -> list[tuple[str, str, str, bool]]:
    """Alert, case, verdict and whether it is overturned, of each exported label."""
    rows = LedgerExport(database).rows(LABELS, T0, minutes(10_000))
    names = ("alert_id", "case_id", "verdict", "overturned")
    return [tuple(row[name] for name in names) async for row in rows]  # type: ignore[misc]


REOPEN = cmd.Reopen(by=SATO, reason="new facts")


async def test_an_alert_of_a_reopened_case_waits_for_the_next_verdict(
    told: Told, database: Database
) -> None:
    """Nobody judged it: it gets no old verdict, as a message or a label."""
    case = await judged(told, cmd.MarkNoViolation(by=SATO), REOPEN)
    case = await joined(told, case, 2, minute=5)
    assert [each.alert_id for each in await told.due()] == ["chat-000001"]
    assert await labelled(database) == [("chat-000001", case.id, "no_violation", False)]
    await told.ledger.record(following(case, preset(SATO, "mute"), first=6))
    found = [(each.alert_id, each.verdict.value) for each in await told.due()]
    assert sorted(found) == [
        ("chat-000001", "no_violation"),
        ("chat-000001", "violation"),
        ("chat-000002", "violation"),
    ]
    assert await labelled(database) == [
        ("chat-000001", case.id, "violation", False),
        ("chat-000002", case.id, "violation", False),
    ]


async def absorbs(told: Told, case: Case, other: Case, minute: float) -> Case:
    """Records that a case takes over the alerts of another one."""
    absorbed = ev.CaseAbsorbed(at=minutes(minute), case=other.id, alerts=1)
    case = apply_all(case, [absorbed])
    event = ev.Recorded(seq=case.version, event=absorbed)
    write = LedgerWrite(case=case.id, owner_key=KEY, events=(event,), row=case_row(case))
    await told.ledger.record(write)
    return case


async def a_second_case(told: Told) -> Case:
    """Records a case about the seventh alert."""
    other = a_case().model_copy(update={"id": "K00000001"})
    write = opening(other, key="run-2")
    alert = ReceivedAlert(alert=an_alert(7), at=T0)
    await told.ledger.record(write.model_copy(update={"alerts": (alert,)}))
    return other


async def test_a_merged_alert_gets_no_verdict_from_before_the_merge(
    told: Told, database: Database
) -> None:
    """It is as old as the verdict, but was not there when people judged the case."""
    case = await judged(told, cmd.MarkNoViolation(by=SATO), REOPEN)
    await absorbs(told, case, await a_second_case(told), minute=5)
    assert [each.alert_id for each in await told.due()] == ["chat-000001"]
    assert [each[0] for each in await labelled(database)] == ["chat-000001"]


async def test_labels_are_one_row_an_alert_also_of_a_merged_case(
    told: Told, database: Database
) -> None:
    """The verdict of the case that continues counts, not an earlier one of the merged case."""
    other = await a_second_case(told)
    for minute, step in enumerate((cmd.MarkNoViolation(by=SATO), REOPEN), 1):
        await told.ledger.record(following(other, step, key="run-2", first=minute))
        other = follow(other, step, minutes(minute))
    case = await judged(told)
    merged = ev.CaseMerged(at=minutes(3), by="U0SATO", into=case.id)
    event = ev.Recorded(seq=other.version + 1, event=merged)
    await told.ledger.record(LedgerWrite(case=other.id, owner_key="run-2", events=(event,)))
    case = await absorbs(told, case, other, minute=3)
    assert await labelled(database) == []
    await told.ledger.record(following(case, preset(SATO, "mute"), first=4))
    assert await labelled(database) == [
        ("chat-000001", case.id, "violation", False),
        ("chat-000007", case.id, "violation", False),
    ]


@pytest.mark.parametrize("of_last_part", ["event", "alert"])
async def test_a_verdict_in_a_part_of_a_backlog_is_queued(told: Told, of_last_part: str) -> None:
    """Parts but the last have no rows: the ledger was away."""
    case = a_case()
    await told.ledger.record(opening(case))
    clears = cmd.MarkNoViolation(by=SATO)
    write = following(case, clears)
    await told.ledger.record(write.model_copy(update={"row": None, "actions": ()}))
    assert [each.alert_id for each in await told.due()] == ["chat-000001"]
    case = follow(case, clears, minutes(1))
    last = LedgerWrite(case=case.id, owner_key=KEY, row=case_row(case))
    if of_last_part == "event":
        last = following(case, cmd.AddNote(by=SATO, note="x"), first=2)
    await told.ledger.record(last)
    assert [each.alert_id for each in await told.due()] == ["chat-000001"]


@pytest.mark.parametrize(
    ("command", "verdicts"), [(preset(SATO, "ban"), 0), (preset(SATO, "mute"), 1)]
)
async def test_a_part_that_ends_with_a_decision_waits_for_the_next_one(
    told: Told, command: cmd.Command, verdicts: int
) -> None:
    """The next event may ask for an approval: then the decision is no verdict."""
    case = a_case()
    await told.ledger.record(opening(case))
    whole = following(case, command)
    kinds = [each.event.kind for each in whole.events]
    cut = kinds.index("decided") + 1
    part = {"row": None, "actions": ()}
    first = whole.model_copy(update={**part, "events": whole.events[:cut]})
    await told.ledger.record(first)
    assert await told.due() == ()
    await told.ledger.record(whole.model_copy(update={"events": whole.events[cut:]}))
    assert len(await told.due()) == verdicts
    assert len(told.detectors) == verdicts


async def test_an_alert_that_joins_costs_one_message_not_a_case(
    told: Told, database: Database
) -> None:
    """A case of a storm has thousands of alerts that have their verdicts."""
    case = await judged(told, preset(SATO, "mute"))
    case = await joined(told, case, 2, minute=4)
    chosen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        chosen.append(statement)

    engine = getattr(database, "_one_thread") or database.engine.sync_engine  # noqa: B009
    sa.event.listen(engine, "before_cursor_execute", note)
    await joined(told, case, 3, minute=5)
    [insert] = [each for each in chosen if each.startswith("INSERT INTO feedback")]
    assert "(alerts.detector, alerts.alert_id) IN" in insert
    assert len(await told.due()) == 3


async def test_a_failed_message_waits_longer_each_time(told: Told) -> None:
    """What is delivered is not due again."""
    await judged(told, cmd.MarkNoViolation(by=SATO))
    [message] = await told.due()
    await told.messages.failed(message, NOW, DOWN)
    assert await told.due() == ()
    assert await told.messages.next_at(CHAT) == NOW + timedelta(seconds=10)
    later = NOW + timedelta(seconds=10)
    [again] = await told.messages.due(CHAT, later, 10)
    assert (again.tries, again.problem, again.id) == (1, DOWN, message.id)
    await told.messages.failed(again, later, DOWN)
    assert await told.messages.next_at(CHAT) == later + timedelta(seconds=20)
    await told.messages.delivered(again, later)
    assert await told.messages.next_at(CHAT) is None
    assert await told.messages.counts() == {}
    assert await told.messages.waiting() == ()


async def another(told: Told, number: int) -> None:
    """Records another case without a violation, about this alert."""
    case, key = a_case().model_copy(update={"id": f"K{number:08d}"}), f"run-{number}"
    alert = ReceivedAlert(alert=an_alert(number), at=T0)
    write = opening(case, key=key).model_copy(update={"alerts": (alert,)})
    await told.ledger.record(write)
    await told.ledger.record(following(case, cmd.MarkNoViolation(by=SATO), key=key))


async def test_messages_that_were_never_tried_come_first(told: Told) -> None:
    """One that fails for a day does not stand before them."""
    await another(told, 1)
    [refused] = await told.due()
    await told.messages.failed(refused, NOW - timedelta(hours=1), DOWN)
    await another(told, 2)
    assert [each.alert_id for each in await told.due()] == ["chat-000002", "chat-000001"]
    [first] = await told.messages.due(CHAT, NOW, 1)
    assert first.alert_id == "chat-000002"
    assert await told.messages.untried(NOW) == (CHAT,)
    await told.messages.delivered(first, NOW)
    assert await told.messages.untried(NOW) == ()


async def test_resent_messages_are_as_new(told: Told) -> None:
    """So a delivery that pauses learns of them, also where its signal was lost."""
    await another(told, 1)
    [message] = await told.due()
    await told.messages.failed(message, NOW, DOWN)
    assert await told.messages.untried(NOW + timedelta(days=1)) == ()
    assert await told.messages.resend(CHAT, NOW) == 1
    assert await told.messages.untried(NOW) == (CHAT,)
    [again] = await told.due()
    assert (again.tries, again.id, again.queued_at) == (0, message.id, message.queued_at)


async def test_after_the_last_attempt_old_messages_are_dead_until_they_are_resent(
    told: Told,
) -> None:
    """One that was not tried shares the fate of the one that was; resent, both are due."""
    await judged(told, preset(SATO, "mute"))
    case = a_case().model_copy(update={"id": "K00000001"})
    write = opening(case, key="run-2")
    alert = ReceivedAlert(alert=an_alert(7), at=T0)
    await told.ledger.record(write.model_copy(update={"alerts": (alert,)}))
    await told.ledger.record(following(case, cmd.MarkNoViolation(by=SATO), key="run-2"))
    first, second = await told.due()
    over = NOW + LASTS
    await told.messages.failed(first, over, DOWN)
    assert await told.messages.due(CHAT, over, 10) == ()
    assert await told.messages.counts() == {
        CHAT: FeedbackCount(detector=CHAT, dead=2, oldest=NOW, problem=DOWN)
    }
    assert {each.id for each in await told.messages.dead(CHAT, 10)} == {first.id, second.id}
    assert await told.messages.resend(CHAT, over) == 2
    assert {each.id for each in await told.messages.due(CHAT, over, 10)} == {first.id, second.id}
    assert (await told.messages.counts())[CHAT].waiting == 2
    assert await told.messages.waiting() == (CHAT,)


async def test_a_message_after_an_erasure_has_no_subject(told: Told, database: Database) -> None:
    """A detector that gets it later, or again, does not learn the id once more."""
    case = await judged(told, cmd.MarkNoViolation(by=SATO))
    [message] = await told.due()
    assert message.subject == case.subject
    other = Subject(type="user", id="u_9")
    eraser = SubjectEraser(database, Signer())
    await eraser.erase_subject(other, "ticket 6", minutes(30))
    assert [each.subject for each in await told.due()] == [case.subject]
    await eraser.erase_subject(case.subject, "ticket 7", minutes(30))
    [left] = await told.due()
    assert left == message.model_copy(update={"subject": None})
    assert json.loads(content_of(left))["data"]["subject"] is None


async def test_a_late_result_changes_no_newer_state(told: Told) -> None:
    """An attempt that was given up ends after its repetition, or after a person's."""
    await another(told, 1)
    [message] = await told.due()
    await told.messages.delivered(message, NOW)
    await told.messages.failed(message, NOW, DOWN)
    assert await told.messages.counts() == {}
    await another(told, 2)
    [message] = await told.due()
    await told.messages.failed(message, NOW, DOWN)
    later = NOW + timedelta(minutes=1)
    [again] = await told.messages.due(CHAT, later, 10)
    await told.messages.failed(again, later, GONE)
    await told.messages.resend(CHAT, later)
    await told.messages.failed(message, later + LASTS, DOWN)
    [waiting] = await told.messages.due(CHAT, later, 10)
    assert (waiting.tries, waiting.queued_at) == (0, later)
    assert (await told.messages.counts())[CHAT].dead == 0


async def test_deaths_are_counted_once_a_day(told: Told) -> None:
    """Also after a crash between two of them, and after weeks with an old one."""
    for number in (1, 2, 3):
        await another(told, number)
    first, second, third = await told.due()
    await told.messages.failed(first, NOW, GONE)
    for _ in range(2):  # the attempt is repeated
        assert await told.messages.deaths(CHAT, NOW) == 1
    later = NOW + timedelta(hours=1)
    assert await told.messages.deaths(CHAT, later) == 0
    await told.messages.failed(second, later, GONE)
    assert await told.messages.deaths(CHAT, later) == 0
    weeks = NOW + timedelta(days=20)
    await told.messages.failed(third, weeks, GONE)
    assert await told.messages.deaths(CHAT, weeks) == 3
    assert await told.messages.deaths("other", weeks) == 0


async def test_a_receiver_that_is_gone_ends_one_message(told: Told) -> None:
    """Others are asked for themselves; a message of another detector is untouched."""
    await judged(told, preset(SATO, "mute"))
    [message] = await told.due()
    await told.messages.failed(message, NOW, GONE)
    [dead] = await told.messages.dead(CHAT, 10)
    assert (dead.problem, dead.tries) == (GONE, 1)
    assert await told.messages.resend("other", NOW) == 0
    assert await told.due() == ()


async def test_old_rows_are_read_by_people(told: Told, database: Database) -> None:
    """A delivered message stays as the record of what its detector was sent."""
    await judged(told, cmd.MarkNoViolation(by=SATO))
    [message] = await told.due()
    await told.messages.delivered(message, NOW)
    async with database.reading() as connection:
        row = (await connection.execute(sa.select(feedback))).mappings().one()
    assert (row["status"], row["tries"], row["tried_at"]) == ("delivered", 1, NOW)
    assert (row["problem"], row["next_at"]) == (None, None)
