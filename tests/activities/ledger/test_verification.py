"""Verification of the ledger: every forgery of a row is found, on both databases."""

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.ledger.audit_log import Head
from activities.ledger.database import Database
from activities.ledger.erasure import CaseEraser
from activities.ledger.limits import overrun_key
from activities.ledger.schema import (
    actions,
    appeals,
    audit,
    audit_heads,
    automation,
    bulk_decisions,
    cases,
    covers,
    erasures,
    events,
    lookups,
    overruns,
    policies,
)
from activities.ledger.verification import Anchor, Audit, Verifier, verify
from activities.signatures import Signer
from tests.activities.ledger.sealed_ledger import KEYS, NOW, a_ledger, findings, newest
from tests.activities.ledger.test_bulk import BULK
from tests.workflows.domain.builders import POLICY, T0, minutes
from workflows.domain.case.erasure import OfKinds
from workflows.domain.policy.playbook import pack
from workflows.domain.policy.reports import Kept


@pytest.fixture
def signer() -> Signer:
    """The keys of the process."""
    return KEYS


async def test_an_untouched_ledger_holds(database: Database) -> None:
    """Nothing is found in the rows as Koban writes them, and all of them are compared."""
    await a_ledger(database)
    audited = await Verifier(database).run((Anchor("line 1", await newest(database)),), NOW)
    assert audited == Audit(cases=2, events=8, heads=1)
    assert audited.holds


OVERRUN = overrun_key({"power": "reports", "at": T0, "holder": "U0SATO", "key": "report/1"})
INVENTED = {"power": "reports", "at": T0, "holder": "U0CLARK", "key": "report/1"}
Change = Callable[[str], sa.Executable]
"""The statement of a forger; takes the case's id."""

FORGERIES: dict[str, tuple[Change, str]] = {
    "a deleted look-up": (
        lambda _: sa.delete(lookups).where(lookups.c.why == "chargeback"),
        "Look-up 2 was deleted.",
    ),
    "a deleted reveal": (
        lambda _: sa.delete(lookups).where(lookups.c.why != "chargeback"),
        "Look-up 1 was deleted.",
    ),
    "a look-up of somebody else": (
        lambda _: sa.update(lookups).where(lookups.c.id == 2).values(actor="U0TANAKA"),
        "Look-up 2 was changed.",
    ),
    "a deleted cover": (
        lambda _: sa.delete(covers).where(covers.c.id == 2),
        "Cover 2 was deleted.",
    ),
    "a longer cover": (
        lambda _: sa.update(covers).where(covers.c.id == 2).values(until=minutes(9000)),
        "Cover 2 was changed.",
    ),
    "a cover without its end": (
        lambda _: sa.update(covers).where(covers.c.id == 1).values(ended_at=None, ended_by=None),
        "The end of cover 1 was changed.",
    ),
    "an invented cover": (
        lambda _: sa.insert(covers).values(
            id=9, at=T0, person="U0CLARK", covers_for="U0TANAKA", role="lead", until=NOW
        ),
        "Cover 9 has no entry in the audit log.",
    ),
    "a deleted refused use": (
        lambda _: sa.delete(overruns),
        f"Refused use {OVERRUN} was deleted.",
    ),
    "a refused use of somebody else": (
        lambda _: sa.update(overruns).values(used=1),
        f"Refused use {OVERRUN} was changed.",
    ),
    "an invented refused use": (
        lambda _: sa.insert(overruns).values(**INVENTED, used=1, most=1, seconds=60, alerted=False),
        f"Refused use {overrun_key(INVENTED)} has no entry in the audit log.",
    ),
    "a deleted pause": (lambda _: sa.delete(automation), "Pause of automation 1 was deleted."),
    "a pause of somebody else": (
        lambda _: sa.update(automation).values(actor="U0SATO"),
        "Pause of automation 1 was changed.",
    ),
    "a removed member of a bulk decision": (
        lambda _: sa.delete(bulk_decisions).where(bulk_decisions.c.place == 2),
        f"Bulk decision {BULK} was changed.",
    ),
    "an edited notice of a bulk decision": (
        lambda _: sa.update(actions).where(actions.c.subject_id == "u_1").values(notice="sent"),
        f"Action of a bulk decision {BULK}/1/mute_user was changed.",
    ),
    "an invented notice of a single decision": (
        lambda _: sa.update(actions).where(actions.c.bulk_id == None).values(notice="sent"),  # noqa: E711
        "CASE: the action mute_user of D1 says otherwise than the events: notice.",
    ),
    "a deleted bulk decision": (
        lambda _: sa.delete(bulk_decisions),
        f"Bulk decision {BULK} was deleted.",
    ),
    "another status of a member": (
        lambda _: sa.update(actions).where(actions.c.bulk_id == BULK).values(status="undone"),
        f"Action of a bulk decision {BULK}/0/mute_user was changed.",
    ),
    "a deleted action": (
        lambda case: sa.delete(actions).where(actions.c.case_id == case, actions.c.bulk_id == None),  # noqa: E711
        "CASE: the action mute_user of D1 was deleted.",
    ),
    "another status of an action": (
        lambda case: sa.update(actions).where(actions.c.bulk_id == None).values(status="undone"),  # noqa: E711
        "CASE: the action mute_user of D1 says otherwise than the events: status.",
    ),
    "another decider in the row": (
        lambda case: sa.update(cases).values(decider="U0TANAKA", verdict="no_violation"),
        "CASE: its row says otherwise than the events: decider, verdict.",
    ),
    "another policy in the row": (
        lambda case: sa.update(cases).values(policy_version="none"),
        "Case CASE was changed.",
    ),
    "a deleted row of a case": (
        lambda case: sa.delete(cases),
        "CASE: event 6: its case is missing.",
    ),
    "a snapshot without its signature": (
        lambda case: sa.update(cases).values(snapshot_signature=None),
        "CASE: its snapshot is not signed by Koban.",
    ),
    "a changed policy": (
        lambda case: sa.update(policies).values(data=pack(POLICY).data + "x"),
        "The policy of off_platform, version VERSION, was changed.",
    ),
    "another answer of an appeal": (
        lambda case: sa.update(appeals).values(state="upheld", outcome="upheld"),
        "A0123456789AB: its row says otherwise than the events: state, outcome.",
    ),
    "another deadline of an appeal": (
        lambda case: sa.update(appeals).values(due_at=NOW),
        "Appeal A0123456789AB was changed.",
    ),
    "another number of erased rows": (
        lambda case: sa.update(erasures).values(counts={"notes": 1}),
        "Erasure retention/daily-1 was changed.",
    ),
    "a deleted run of retention": (
        lambda case: sa.delete(erasures),
        "Erasure retention/daily-1 was deleted.",
    ),
    "a deleted entry": (
        lambda case: sa.delete(audit).where(audit.c.source == "lookups", audit.c.key == "2"),
        "Look-up 2 has no entry in the audit log.",
    ),
    "deleted heads": (
        lambda case: sa.delete(audit_heads),
        "The entries of head 1 are there, and the head is missing.",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_every_forgery_is_found(database: Database, name: str) -> None:
    """The sentence names the row that was changed or deleted."""
    case = (await a_ledger(database)).id
    change, sentence = FORGERIES[name]
    await database.execute(change(case))
    expected = sentence.replace("CASE", case).replace("VERSION", POLICY.version)
    assert expected in await findings(database)


async def test_a_changed_snapshot_is_found_also_with_a_signature(database: Database) -> None:
    """A snapshot has to be the state that the events made."""
    case = (await a_ledger(database)).id
    row = (await database.rows(sa.select(cases)))[0]
    forged = {**row["snapshot"], "case": {**row["snapshot"]["case"], "owner": "U0CLARK"}}
    await database.execute(sa.update(cases).values(snapshot=forged))
    assert f"{case}: its snapshot says otherwise than its events: owner." in (
        await findings(database)
    )


async def test_a_deleted_case_is_found(database: Database) -> None:
    """A case without row, events and actions is still in the audit log."""
    case = (await a_ledger(database)).id
    for table, column in ((events, "case_id"), (cases, "id"), (actions, "case_id")):
        await database.execute(sa.delete(table).where(table.c[column] == case))
    found = await findings(database)
    assert f"Case {case} was deleted." in found
    assert f"{case}: event 0: its case is missing." in found


async def test_an_empty_database_does_not_hold(database: Database) -> None:
    """Nothing was checked; an anchor says that something was there."""
    audited = await Verifier(database).run((), NOW)
    assert (audited, audited.holds) == (Audit(), False)
    head = Head(3, T0, 0, "", "", "f" * 64, "2026:00")
    assert (await findings(database, Anchor("x, line 1", head)))[0].startswith("Head 3 of ")
    assert "The anchor in x, line 1 is not signed by Koban." in await findings(
        database, Anchor("x, line 1", head)
    )


async def test_a_database_without_tables_is_no_ledger(url: str) -> None:
    """It is not migrated, and does not hold."""
    database = Database(url, KEYS)
    async with database.writing(creates=True):
        pass
    audited = await Verifier(database).run((), NOW)
    assert len(audited.findings) == 1
    assert audited.findings[0].startswith("The database is no ledger: it lacks the tables actions,")
    assert not audited.holds
    async with database.reading() as connection:
        assert await connection.run_sync(lambda each: sa.inspect(each).get_table_names()) == []
    await database.aclose()


async def test_another_workflow_id_is_found(database: Database) -> None:
    """A repair would start the case in the place of another one."""
    await a_ledger(database)
    await database.execute(sa.update(cases).values(workflow_id="case/other/AAAA"))
    assert any("was changed" in each for each in (await Verifier(database).run()).findings)


ERASED_FORGERIES: dict[str, tuple[Change, str]] = {
    "another decider": (
        lambda _: sa.update(cases).values(decider="U0TANAKA"),
        "CASE: its row says otherwise than the events: decider.",
    ),
    "another action": (
        lambda case: sa.update(actions).where(actions.c.case_id == case).values(status="undone"),
        "CASE: the action mute_user of D1 says otherwise than the events: status.",
    ),
    "a deleted action": (
        lambda case: sa.delete(actions).where(actions.c.case_id == case),
        "CASE: the action mute_user of D1 was deleted.",
    ),
    "a snapshot without its signature": (
        lambda _: sa.update(cases).values(snapshot_signature=None),
        "CASE: its snapshot is not signed by Koban.",
    ),
    "another answer of an appeal": (
        lambda _: sa.update(appeals).values(state="upheld", outcome="upheld"),
        "A0123456789AB: its row says otherwise than the events: state, outcome.",
    ),
}


@pytest.mark.parametrize("name", ERASED_FORGERIES)
async def test_a_forgery_in_an_erased_case_is_found(database: Database, name: str) -> None:
    """Rows are compared with the facts that stayed of their events."""
    case = (await a_ledger(database)).id
    eraser = CaseEraser(database, database.audit.signer)
    await database.execute(sa.update(appeals).values(case_id=case))

    def clean(connection: sa.Connection) -> None:
        changes = eraser.changes(connection, case, OfKinds(frozenset(Kept)))
        assert changes.events.keys() == {case, "A0123456789AB"}
        eraser.write(connection, changes, [kind.value for kind in Kept], NOW)

    await database.write(clean)
    await database.execute(sa.update(appeals).values(case_id="K7Q2F9XM0"))
    await database.write(database.audit.seal)
    audited = await Verifier(database).run((), NOW)
    assert (audited.findings, audited.notes) == ((), ())
    change, sentence = ERASED_FORGERIES[name]
    await database.execute(change(case))
    assert await findings(database) == (sentence.replace("CASE", case),)


# -- any single change --------------------------------------------------------------------


OPEN_COLUMNS = {
    ("cases", "card_channel"),
    ("cases", "card_ts"),
    ("appeals", "card_channel"),
    ("appeals", "card_ts"),
    ("actions", "version"),
    ("audit", "salt"),
}
"""Columns that are no evidence: places in Slack, the version of a write."""


@pytest.fixture(scope="module")
async def filled(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    """A sealed ledger in SQLite, for changes that are rolled back."""
    file = shutil.copy(migrated, tmp_path_factory.mktemp("audit") / "ledger.db")
    database = Database(f"sqlite+aiosqlite:///{file}", KEYS)
    await a_ledger(database)
    await database.aclose()
    return sa.create_engine(f"sqlite:///{file}")


def other(value: Any, kind: sa.types.TypeEngine[Any]) -> Any:
    """Another value of a column."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1_000
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if value is None:
        return {int: 9, datetime: T0, str: "x"}.get(_python(kind), {"x": 1})
    return f"{value}x" if isinstance(value, str) else {"x": 1}


def _python(kind: sa.types.TypeEngine[Any]) -> type:
    if isinstance(kind, sa.JSON):
        return dict
    return datetime if kind.__class__.__name__ == "Utc" else kind.python_type


CHECKED = (
    *(events, audit, audit_heads, lookups, covers, automation),
    *(bulk_decisions, actions, cases, appeals, erasures),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_single_change_is_found(filled: sa.Engine, data: st.DataObject) -> None:
    """A row that is edited in any column, removed, or exchanged with another one is found."""
    with filled.connect() as connection:
        table = data.draw(st.sampled_from(CHECKED))
        found = connection.execute(sa.select(table)).mappings().all()
        row = data.draw(st.sampled_from(found))
        spoil(connection, table, row, found, data)
        audited = verify(connection, KEYS, (), NOW)
        connection.rollback()
    assert audited.findings != ()


def spoil(
    connection: sa.Connection,
    table: sa.Table,
    row: Any,
    found: Any,
    data: st.DataObject,
) -> None:
    """One change of one row, or the exchange of two."""
    keys = [column.name for column in table.primary_key]
    mine = [table.c[key] == row[key] for key in keys]
    how = data.draw(
        st.sampled_from(["edit", "remove", "exchange"] if len(found) > 1 else ["edit", "remove"])
    )
    if how == "remove":
        connection.execute(sa.delete(table).where(*mine))
    elif how == "edit":
        names = [c.name for c in table.c if (table.name, c.name) not in OPEN_COLUMNS]
        name = data.draw(st.sampled_from(names))
        value = other(row[name], table.c[name].type)
        connection.execute(sa.update(table).where(*mine).values({name: value}))
    else:
        second = data.draw(st.sampled_from([each for each in found if each is not row]))
        theirs = [table.c[key] == second[key] for key in keys]
        connection.execute(sa.delete(table).where(sa.or_(sa.and_(*mine), sa.and_(*theirs))))
        for content, place in ((row, second), (second, row)):
            connection.execute(
                sa.insert(table).values({**content, **{key: place[key] for key in keys}})
            )


# -- values that Koban never writes -----------------------------------------------------------


STRANGE = [
    "",
    "x",
    "K/1/2",
    "\u00b2/\u0661",
    0,
    -1,
    2**63 - 1,
    1.5,
    b"\x00\xff",
    "null",
    "[]",
    '{"x":1}',
]


@pytest.mark.wide(2)
@pytest.mark.parametrize("table", [*CHECKED, policies], ids=lambda table: table.name)
def test_a_value_of_another_form_is_a_finding(filled: sa.Engine, table: sa.Table) -> None:
    """A verification ends with a sentence whatever somebody wrote into the database."""
    columns = [c.name for c in table.c if (table.name, c.name) not in OPEN_COLUMNS]
    for name, value in product(columns, STRANGE):
        with filled.connect() as connection:
            before = content(connection, table)
            last = f"SELECT max(rowid) FROM {table.name} WHERE {name} IS NOT ?"
            change = f"UPDATE {table.name} SET {name} = ? WHERE rowid = ({last})"
            try:
                connection.exec_driver_sql(change, (value, value))
            except sa.exc.IntegrityError:
                continue
            changed = content(connection, table) != before
            findings = verify(connection, KEYS, (), NOW).findings
            connection.rollback()
        without_snapshot = (name, value) == ("snapshot", "null")  # as a case that is open has none
        assert findings != () or not changed or without_snapshot, (name, value)


def content(connection: sa.Connection, table: sa.Table) -> object:
    """The rows as Koban reads them; None if it can't."""
    try:
        return connection.execute(sa.select(table)).all()
    except (ValueError, TypeError):
        return None
