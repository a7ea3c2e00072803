"""Case queries for Slack over a real ledger."""

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from activities.errors import Unavailable
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.queries import Look, Queries
from activities.ledger.schema import cases, events
from activities.ledger.team import ActiveCover, Covers
from bot.services.cases import LedgerReader
from tests.bot.slack.fakes import CASE, CATALOG, NOW, PLAYBOOK, ROUTE, FakePolicies
from workflows.domain.alerts import Alert, Subject, brief
from workflows.domain.case.approval import Purpose
from workflows.domain.case.commands import AddNote, ChoosePreset, JoinAlert
from workflows.domain.case.decide import decide
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.events import CaseOpened, Event, Recorded
from workflows.domain.case.evolve import apply_all, numbered, opened
from workflows.domain.case.model import Case, HoldKind, Phase
from workflows.domain.case.projection import action_rows, case_row
from workflows.domain.case.snapshot import CardRef, ReceivedAlert
from workflows.domain.people import Actor, Cover, Role
from workflows.domain.policy.playbook import Policy, Severity
from workflows.ports.cases import LedgerWrite

SUBJECT = Subject(type="user", id="u_123")
ALERT = Alert(id="1", detector="chat", kind="off_platform", subject=SUBJECT, occurred_at=NOW)
CARD = CardRef(channel="C0LIVE", ts="1763900000.000100")


def decided_case() -> tuple[Case, tuple[Event, ...]]:
    """A case that 佐藤 decided by the preset `mute`."""
    first = CaseOpened(
        at=NOW,
        case=CASE,
        playbook="off_platform",
        subject=SUBJECT,
        severity=Severity.HIGH,
        alert=brief(ALERT),
    )
    case = opened(ROUTE, Policy(version="1", playbook=PLAYBOOK, catalog=CATALOG), first)
    sato = Actor(id="U0SATO", roles=frozenset({Role.SPECIALIST}))
    outcome = decide(case, ChoosePreset(by=sato, preset="mute"), NOW + timedelta(minutes=2))
    assert isinstance(outcome, tuple)
    return apply_all(case, outcome), (first, *outcome)


@pytest.fixture
async def ledger(migrated: Path, tmp_path: Path) -> AsyncIterator[Database]:
    file = shutil.copy(migrated, tmp_path / "ledger.db")
    database = Database(f"sqlite+aiosqlite:///{file}")
    case, decided = decided_case()
    recorded = tuple(Recorded(seq=seq, event=event) for seq, event in enumerate(decided, 1))
    first = ReceivedAlert(alert=ALERT, at=NOW)
    await Ledger(database).record(_write(case, recorded, first))
    yield database
    await database.aclose()


async def test_a_recorded_case_is_read_back(ledger: Database):
    """Story, queue and history agree with the decision."""
    reader = LedgerReader(Queries(ledger), FakePolicies())
    story = await reader.story(CASE)
    assert story is not None
    assert story.line.phase is Phase.ENFORCING
    assert (story.line.owner, story.decision_by) == ("U0SATO", "U0SATO")
    assert story.line.card == CARD
    assert story.decision_title == PLAYBOOK.presets[0].title
    assert [action.status for action in story.actions] == [ActionStatus.PENDING]
    assert [event.kind for event in story.events] == ["case_opened", "case_claimed", "decided"]
    assert [line.id for line in await reader.queue()] == [CASE]
    past = await reader.past(SUBJECT)
    assert [line.id for line in past.cases] == [CASE]
    assert [action.title for action in past.actions] == [CATALOG.actions["mute_user"].title]
    assert await reader.story("K00000000") is None


async def test_a_queue_has_hold_and_barred_approvers(ledger: Database):
    """A row of an older version has no hold, and bars the decider."""
    reader = LedgerReader(Queries(ledger), FakePolicies())
    [line] = await reader.queue()
    assert (line.workflow_id, line.version) == (ROUTE, 3)
    assert (line.hold, line.purpose, line.barred) == (None, None, {"U0SATO"})
    change = {"hold": "waiting", "hold_until": NOW, "approval_purpose": "review"}
    barred = {"approval_barred": ["U0REED"]}
    async with ledger.writing() as connection:
        await connection.execute(sa.update(cases).values(**change, **barred))
    [line] = await reader.queue()
    assert (line.hold, line.hold_until) == (HoldKind.WAITING, NOW)
    assert (line.purpose, line.barred) == (Purpose.REVIEW, {"U0REED"})


async def test_covers_are_kept(ledger: Database):
    """A cover is visible to both people, and ends once."""
    covers = Covers(ledger)
    until = NOW + timedelta(hours=1)
    cover = Cover(role=Role.LEAD, person="U0TANAKA", until=until)
    await covers.begin("U0SATO", cover, NOW)
    assert await covers.of("U0SATO", NOW) == (cover,)
    both = ActiveCover(person="U0SATO", covers_for="U0TANAKA", role=Role.LEAD, until=until)
    assert await covers.around("U0TANAKA", NOW) == (both,)
    assert [await covers.end("U0TANAKA", NOW) for _ in range(2)] == [1, 0]


async def test_covers_need_the_ledger():
    """Every call raises `Unavailable`."""
    covers = Covers(Database("sqlite+aiosqlite:////nowhere/at/all.db"))
    cover = Cover(role=Role.LEAD, person="U0TANAKA", until=NOW)
    for call in (
        covers.begin("U0SATO", cover, NOW),
        covers.end("U0TANAKA", NOW),
        covers.of("U0SATO", NOW),
        covers.around("U0SATO", NOW),
    ):
        with pytest.raises(Unavailable):
            await call


async def test_a_look_up_is_kept(ledger: Database):
    """A failure to record it is raised."""
    reader = LedgerReader(Queries(ledger), FakePolicies())
    note = Look(NOW, "U0SATO", "user", "u_123", "/koban user in C0LIVE")
    await reader.looked_up(note)
    away = LedgerReader(Queries(Database("sqlite+aiosqlite:////nowhere/at/all.db")), FakePolicies())
    with pytest.raises(Unavailable):
        await away.looked_up(note)


async def test_a_timeline_is_read_a_page_at_a_time(ledger: Database):
    """The default is the last page; events without a thread message are left out."""
    reader = LedgerReader(Queries(ledger), FakePolicies())
    await _noted(ledger, 5)
    page = await reader.timeline(CASE, None, 3)
    assert page is not None
    assert (page.first, page.total) == (6, 8)
    assert [each.line.kind for each in page.lines] == ["note_added", "note_added"]
    first = await reader.timeline(CASE, 0, 3)
    assert first is not None
    assert [each.line.kind for each in first.lines] == ["case_opened", "case_claimed", "decided"]
    assert first.opened == page.opened == decided_case()[1][0]
    assert all(each.whole is not None for each in first.lines)
    assert await reader.timeline("K00000000", None, 3) is None


async def test_an_event_that_can_not_be_read_keeps_its_line(ledger: Database):
    """An event of a newer version of Koban."""
    reader = LedgerReader(Queries(ledger), FakePolicies())
    async with ledger.writing() as connection:
        await connection.execute(
            sa.update(events).where(events.c.seq == 2).values(kind="something_newer")
        )
    page = await reader.timeline(CASE, None, 20)
    assert page is not None
    assert [each.whole is None for each in page.lines] == [False, True, False]
    assert page.lines[1].line.kind == "something_newer"


async def test_a_timeline_needs_the_ledger():
    """The call raises `Unavailable`."""
    database = Database("sqlite+aiosqlite:////nowhere/at/all.db")
    with pytest.raises(Unavailable):
        await LedgerReader(Queries(database), FakePolicies()).timeline(CASE, None, 20)


async def _noted(ledger: Database, times: int) -> None:
    """Records `times` notes and `times` joined alerts."""
    case, _ = decided_case()
    sato = Actor(id="U0SATO", roles=frozenset({Role.SPECIALIST}))
    for number in range(times):
        joined = JoinAlert(alert=brief(ALERT), severity=Severity.HIGH)
        for command in (joined, AddNote(by=sato, note=f"メモ{number}")):
            outcome = decide(case, command, NOW + timedelta(minutes=3))
            assert isinstance(outcome, tuple)
            recorded = numbered(case, outcome)
            case = apply_all(case, outcome)
            await Ledger(ledger).record(_write(case, recorded))


def _write(case: Case, events: tuple[Recorded, ...], *alerts: ReceivedAlert) -> LedgerWrite:
    """The write of the case's workflow."""
    return LedgerWrite(
        case=case.id,
        owner_key="k",
        events=events,
        row=case_row(case),
        actions=tuple(action_rows(case)),
        alerts=alerts,
        card=CARD,
    )
