"""The real ledger behind `/koban`: what was recorded is what is read."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from activities.ledger.database import Database
from activities.ledger.ledger import Ledger
from activities.ledger.migrating import migrate
from activities.ledger.queries import Queries
from bot.slack.doors import LookedUp, Unavailable
from bot.slack.ledger_door import LedgerReader
from tests.bot.slack.fakes import CASE, CATALOG, NOW, PLAYBOOK, ROUTE, FakePolicies
from workflows.domain.alert import Alert, Subject, brief
from workflows.domain.case import decide
from workflows.domain.case_state import Case, Phase
from workflows.domain.commands import ChoosePreset
from workflows.domain.enforcement import ActionStatus
from workflows.domain.events import CaseOpened, Event, Recorded
from workflows.domain.history import apply_all, opened
from workflows.domain.memory import CardRef
from workflows.domain.people import Actor, Role
from workflows.domain.playbook.model import Policy, Severity
from workflows.ports import Entry

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
async def ledger(tmp_path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/ledger.db")
    await migrate(database)
    case, events = decided_case()
    recorded = tuple(Recorded(seq=seq, event=event) for seq, event in enumerate(events, 1))
    entry = Entry(case=case, owner_key="k", events=recorded, alerts=(ALERT,), card=CARD)
    await Ledger(database).record(entry)
    yield database
    await database.aclose()


async def test_a_recorded_case_is_read_back(ledger: Database):
    """Story, queue and past agree with what was decided."""
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


async def test_a_look_up_is_kept(ledger: Database):
    """Writing it down ends without an error, and only then."""
    reader = LedgerReader(Queries(ledger), FakePolicies())
    note = LookedUp(by="U0SATO", kind="user", id="u_123", why="/koban user in C0LIVE", at=NOW)
    await reader.looked_up(note)
    away = LedgerReader(Queries(Database("sqlite+aiosqlite:////nowhere/at/all.db")), FakePolicies())
    with pytest.raises(Unavailable):
        await away.looked_up(note)
