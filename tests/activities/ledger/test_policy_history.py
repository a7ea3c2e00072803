"""Changes of the policy folder in the ledger, on both databases."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from activities.ledger.alert_records import AlertRecords
from activities.ledger.database import Database
from activities.ledger.policies import SEEN_LASTS, PolicyHistory, StoredPolicies
from activities.ledger.schema import policy_changes, policy_versions
from activities.ledger.verification import Verifier
from activities.signatures import Signer
from tests.activities.ledger.test_alert_records import a_record
from tests.workflows.domain.builders import REED, SATO, T0, TANAKA, an_alert
from tests.workflows.domain.policy.folders import LOOSE, RICH, TIGHTER, book, limits
from workflows.domain.policy.bands import Trial
from workflows.domain.policy.changes import (
    UNREADABLE,
    NotConfirmed,
    Origin,
    PolicyNotice,
    PolicyRecord,
    RecordKind,
)
from workflows.domain.policy.differences import PolicySet
from workflows.domain.policy.matching import RecordKind as RecordKindOfAlert
from workflows.ports.policies import AnnouncementStart

FIRST, NEXT = ("2026", b"1" * 32), ("2027", b"2" * 32)
COMMIT = Origin(
    commit="1e82edd9d8",
    author="Maya",
    email="maya@market.example",
    authors=("maya@market.example",),
)


class Clock:
    """A worker's time."""

    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> datetime:
        return self.now

    def later(self, lasts: timedelta) -> None:
        """Moves the time on."""
        self.now += lasts


@pytest.fixture
def clock() -> Clock:
    """The time of all workers."""
    return Clock()


@pytest.fixture
def history(database: Database, clock: Clock) -> PolicyHistory:
    """The history of a worker with a key."""
    database.audit.signer = Signer([FIRST])
    return PolicyHistory(database, database.audit.signer, clock)


async def load(
    history: PolicyHistory,
    version: str,
    content: PolicySet = RICH,
    changed: bool = True,
    origin: Origin = COMMIT,
) -> PolicyRecord | None:
    """A load by a worker that has seen the folder change."""
    last = await history.last()
    previous = last.version if changed and last is not None else None
    return await history.load(version, content, lambda since: origin, previous)


async def kinds(database: Database) -> list[tuple[str, str | None, str]]:
    """Kind and versions of every record, the oldest first."""
    columns = policy_changes.c["kind", "version_before", "version"]
    query = sa.select(*columns).order_by(policy_changes.c.id)
    return [tuple(row.values()) for row in await database.rows(query)]  # type: ignore[misc]


async def findings(database: Database) -> tuple[str, ...]:
    """What `koban audit verify` finds."""
    await database.write(database.audit.seal)
    return (await Verifier(database).run()).findings


async def notices(history: PolicyHistory, record: int) -> tuple[PolicyNotice, ...]:
    """The messages about a record."""
    return await history.plan_policy_notices(AnnouncementStart(record=record))


async def ended(history: PolicyHistory, record: int) -> tuple[PolicyNotice, ...]:
    """The messages that have to be updated once those of a record were posted."""
    return await history.end_policy_notices(AnnouncementStart(record=record))


# -- loads --------------------------------------------------------------------------------


async def test_several_processes_record_a_load_once(
    history: PolicyHistory, database: Database
) -> None:
    """All workers see the same folder within a second."""
    first = await asyncio.gather(*(load(history, "v1") for _ in range(4)))
    changed = await asyncio.gather(*(load(history, "v2", TIGHTER) for _ in range(4)))
    assert sum(each is not None for each in first) == 1
    assert sum(each is not None for each in changed) == 1
    assert await kinds(database) == [
        ("policy_loaded", None, "v1"),
        ("policy_changed", "v1", "v2"),
    ]


async def test_a_record_has_who_and_what(history: PolicyHistory) -> None:
    """It is the same after its way through the database."""
    await load(history, "v1")
    made = await load(history, "v2", TIGHTER)
    assert made is not None
    assert await history.last() == made
    assert (made.commit, made.author, made.email) == (
        "1e82edd9d8",
        "Maya",
        "maya@market.example",
    )
    ((path, before, after),) = [(each.path, each.before, each.after) for each in made.changes]
    assert (path, before, after) == (("bulk",), "5", "3")
    assert await history.content("v2") == TIGHTER


async def test_a_version_that_comes_back_is_a_new_record(
    history: PolicyHistory, database: Database
) -> None:
    """Taken back is a change as well: here it loosens, and waits."""
    await load(history, "v1")
    await load(history, "v2", TIGHTER)
    back = await load(history, "v1")
    assert back is not None
    assert (back.kind, back.restored, back.in_force) == (RecordKind.HELD, True, "v2")
    assert [each[0] for each in await kinds(database)] == [
        "policy_loaded",
        "policy_changed",
        "policy_held",
    ]


async def test_a_process_with_an_older_folder_changes_nothing(
    history: PolicyHistory, database: Database, clock: Clock
) -> None:
    """An old replica starts again in the middle of a rollout."""
    await load(history, "v1")
    await load(history, "v2", TIGHTER)
    assert await load(history, "v1", changed=False) is None
    assert len(await kinds(database)) == 2
    clock.later(SEEN_LASTS - timedelta(seconds=1))
    assert await load(history, "v2", TIGHTER, changed=False) is None  # it still has the new one
    clock.later(SEEN_LASTS)
    assert await load(history, "v1", changed=False) is None
    clock.later(timedelta(seconds=1))
    assert await load(history, "v1", changed=False) is not None


async def test_a_new_folder_at_a_start_counts_at_once(history: PolicyHistory) -> None:
    """A deployment with an unknown version."""
    await load(history, "v1", changed=False)
    made = await load(history, "v2", TIGHTER, changed=False)
    assert made is not None
    assert made.in_force == "v2"


# -- confirmation -------------------------------------------------------------------------


async def test_a_change_waits_until_a_lead_confirms(history: PolicyHistory) -> None:
    """Then it is in force, and the record has who it was."""
    await load(history, "v1")
    held = await load(history, "v2", LOOSE)
    assert held is not None
    assert (held.in_force, held.waiting) == ("v1", "v2")
    made = await history.confirm(TANAKA, held.id)
    assert isinstance(made, PolicyRecord)
    last = await history.last()
    assert last is not None
    assert (last.in_force, last.waiting, last.actor) == ("v2", None, "U0TANAKA")


async def test_a_refused_confirmation_has_no_effect(
    history: PolicyHistory, database: Database
) -> None:
    """Neither of a specialist, nor of the author, nor by an old button."""
    mine = limits(loosening={"approval": "lead", "authors": {"maya@market.example": "U0TANAKA"}})
    await load(history, "v1", mine)
    held = await load(history, "v2", LOOSE)
    assert held is not None
    before = await kinds(database)
    assert await history.confirm(SATO, held.id) is NotConfirmed.ROLE_NEEDED
    assert await history.confirm(TANAKA, held.id) is NotConfirmed.OWN_CHANGE
    assert await history.confirm(REED, held.id - 1) is NotConfirmed.NOT_WAITING
    assert await kinds(database) == before
    last = await history.last()
    assert last is not None
    assert (last.in_force, last.waiting) == ("v1", "v2")


async def test_two_leads_confirm_at_the_same_time(
    history: PolicyHistory, database: Database
) -> None:
    """One of them does."""
    await load(history, "v1")
    held = await load(history, "v2", LOOSE)
    assert held is not None
    outcomes = await asyncio.gather(*(history.confirm(by, held.id) for by in (TANAKA, REED)))
    assert outcomes.count(NotConfirmed.NOT_WAITING) == 1
    assert [each[0] for each in await kinds(database)].count("policy_confirmed") == 1


async def test_a_change_while_a_lead_confirms(history: PolicyHistory, database: Database) -> None:
    """The lead has confirmed what was shown, or nothing."""
    await load(history, "v1")
    held = await load(history, "v2", LOOSE)
    assert held is not None
    looser = limits(bulk=90)
    outcome, _ = await asyncio.gather(history.confirm(TANAKA, held.id), load(history, "v3", looser))
    last = await history.last()
    assert last is not None
    first = "v1" if outcome is NotConfirmed.NOT_WAITING else "v2"
    assert (last.kind, last.in_force, last.waiting) == (RecordKind.HELD, first, "v3")
    confirmed = [each for each in await kinds(database) if each[0] == "policy_confirmed"]
    assert confirmed == ([] if first == "v1" else [("policy_confirmed", "v1", "v2")])


async def test_the_newest_record_without_its_changes(history: PolicyHistory) -> None:
    """Workers read it every second."""
    await load(history, "v1")
    made = await load(history, "v2", TIGHTER)
    assert made is not None
    assert await history.last(whole=False) == made.model_copy(update={"changes": ()})


async def test_which_versions_were_in_force(history: PolicyHistory) -> None:
    """One that only waited was not, also after its messages."""
    await load(history, "v1")
    await load(history, "v2", LOOSE)
    await ended(history, 2)
    await load(history, "v3", TIGHTER)
    assert await history.versions() == {"v1", "v3"}
    found = [await history.was_in_force(each) for each in ("v1", "v2", "v3", "v4")]
    assert found == [True, False, True, False]


async def test_the_rule_of_the_version_in_force_says_who(history: PolicyHistory) -> None:
    """The waiting version can't appoint others."""
    await load(history, "v1")
    everybody = limits(bulk=9, loosening={"approval": "specialist"})
    held = await load(history, "v2", everybody)
    assert held is not None
    assert await history.confirm(SATO, held.id) is NotConfirmed.ROLE_NEEDED
    assert await history.confirming_role() == "lead"


async def test_a_restored_folder_ends_the_wait(history: PolicyHistory) -> None:
    """The button is of no use any more."""
    await load(history, "v1")
    held = await load(history, "v2", LOOSE)
    assert held is not None
    made = await load(history, "v1")
    assert made is not None
    assert (made.kind, made.in_force, made.waiting) == (RecordKind.WITHDRAWN, "v1", None)
    assert await history.confirm(TANAKA, held.id) is NotConfirmed.NOT_WAITING


# -- tampering ----------------------------------------------------------------------------


async def change(database: Database, table: sa.Table, **values: Any) -> None:
    """Changes rows behind Koban's back."""
    await database.execute(sa.update(table).values(**values))


async def test_an_untouched_history_verifies(history: PolicyHistory, database: Database) -> None:
    """Also after workers have written that they still have a version."""
    await load(history, "v1")
    await load(history, "v2", LOOSE)
    await change(database, policy_versions, seen_at=T0 + timedelta(hours=1))
    assert await findings(database) == ()


async def test_a_changed_record_is_found(history: PolicyHistory, database: Database) -> None:
    """For example the author of a change."""
    await load(history, "v1")
    await load(history, "v2", TIGHTER)
    await change(database, policy_changes, git_author="Somebody")
    assert await findings(database) == (
        "Policy change 1 was changed.",
        "Policy change 2 was changed.",
    )


async def test_a_removed_record_is_found(history: PolicyHistory, database: Database) -> None:
    """The version that it made is still there."""
    await load(history, "v1")
    await load(history, "v2", TIGHTER)
    await database.execute(sa.delete(policy_changes).where(policy_changes.c.id == 2))
    assert await findings(database) == ("Policy change 2 was deleted.",)


async def test_a_changed_version_is_found_and_not_used(
    history: PolicyHistory, database: Database
) -> None:
    """Every load after it waits for a lead, whatever it changes."""
    await load(history, "v1")
    await load(history, "v2", TIGHTER)
    (loose,) = await database.rows(
        sa.select(policy_versions.c.data).where(policy_versions.c.version == "v1")
    )
    await change(database, policy_versions, data=loose["data"])
    assert await history.content("v2") is None
    held = await load(history, "v3", limits(bulk=2))
    assert held is not None
    assert (held.kind, held.changes, held.in_force) == (RecordKind.HELD, (UNREADABLE,), "v2")
    assert await history.confirm(SATO, held.id) is NotConfirmed.ROLE_NEEDED
    assert await findings(database) == (
        "Policy version v2 was changed.",
        "Version v2 of the policy was changed.",
    )


async def test_versions_are_signed_again_with_a_new_key(
    history: PolicyHistory, database: Database
) -> None:
    """Then the old key is not needed."""
    await load(history, "v1")
    rotated = Signer([NEXT, FIRST])
    assert await StoredPolicies(database, rotated).sign_again(unsigned=False) == (1, 0)
    assert await PolicyHistory(database, Signer([NEXT])).content("v1") == RICH


# -- messages and pages -------------------------------------------------------------------


async def test_what_was_not_announced_is_known(history: PolicyHistory) -> None:
    """The first load is announced nowhere."""
    await load(history, "v1")
    await load(history, "v2", TIGHTER)
    await load(history, "v3", limits(bulk=2))
    assert [each.id for each in await history.unannounced()] == [2, 3]
    assert await ended(history, 2) == ()
    assert await ended(history, 2) == ()
    assert [each.id for each in await history.unannounced()] == [3]


async def test_a_message_that_asks_is_updated_with_what_became_of_it(
    history: PolicyHistory,
) -> None:
    """By the messages of the next record, or by its own if they come later."""
    await load(history, "v1")
    await load(history, "v2", LOOSE)
    (asking,) = await notices(history, 2)
    assert (asking.asks, asking.outcome) == (True, None)
    assert await ended(history, 2) == ()
    await history.confirm(TANAKA, 2)
    for record in (4, 2):  # 3 is the record that 2 was announced
        found = await ended(history, record)
        assert [(each.key, each.outcome and each.outcome.actor) for each in found] == [
            (asking.key, "U0TANAKA")
        ]


async def test_a_playbook_leaves_shadow_mode_with_its_comparison_in_view(
    database: Database, history: PolicyHistory
) -> None:
    """The leads see what it did on trial; the message of its channel has no button and no trial."""
    records = AlertRecords(database, lambda: T0 - timedelta(hours=1))
    trial = {"kind": RecordKindOfAlert.SHADOW, "preset": "mute", "beside": True}
    await records.add([a_record(an_alert(n, f"u_{n}"), **trial) for n in (1, 2, 3)])
    await load(history, "v1", book(mode="shadow"))
    made = await load(history, "v2", book(mode="live"))
    assert made is not None
    assert made.kind is RecordKind.HELD
    asking, told = await notices(history, made.id)
    assert asking.trials == (Trial(playbook="off_platform", alerts=3, subjects=3, acts=3),)
    assert (told.channel, told.asks, told.trials) == ("ts-live", False, ())


async def test_every_message_about_a_change_that_waited_is_updated(
    history: PolicyHistory,
) -> None:
    """Also those without a button."""
    await load(history, "v1")
    await load(history, "v2", looser_book())
    await load(history, "v1")
    found = [(each.channel, each.asks) for each in await ended(history, 3)]
    assert found == [(None, True), ("ts-live", False)]


async def test_a_confirmed_change_is_announced_where_it_applies(history: PolicyHistory) -> None:
    """With its lines, in the channel of the playbook."""
    await load(history, "v1")
    await load(history, "v2", looser_book())
    held = [each.channel for each in await notices(history, 2)]
    await history.confirm(TANAKA, 2)
    confirmed = await notices(history, 3)
    assert held == [None, "ts-live"]
    assert [each.channel for each in confirmed] == ["ts-live"]
    assert [each.path for each in confirmed[0].record.changes] == [
        ("protect", "hide_message", "for")
    ]


def looser_book() -> PolicySet:
    """A playbook with a longer protection."""
    rule = {"when": "severity == 'critical'", "action": "hide_message", "for": "20m"}
    return book(protect=[rule])


async def test_a_page_has_the_records_of_a_playbook(history: PolicyHistory) -> None:
    """The newest first, without those about others."""
    await load(history, "v1")
    await load(history, "v2", looser_book())
    await history.confirm(TANAKA, 2)
    await load(history, "v4", limits(bulk=3))
    own = await history.page("off_platform", 0, 10)
    other = await history.page("self_harm", 0, 10)
    assert [each.id for each in own] == [4, 3, 2, 1]
    assert [each.id for each in other] == [4, 1]
    assert [each.id for each in await history.page("off_platform", 2, 1)] == [2]
