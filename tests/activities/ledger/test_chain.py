"""Hash chain of a case, and migrations compared with the schema."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st

from activities.ledger.database import Database, config
from activities.ledger.rows import GENESIS, Broken, Link, digest_of, first_break, hash_of
from activities.ledger.schema import metadata

T0 = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def chain_of(count: int) -> list[Link]:
    """A valid chain."""
    links: list[Link] = []
    for seq in range(1, count + 1):
        previous = links[-1].hash if links else GENESIS
        data, digest = {"n": seq}, digest_of("5a17", {"n": seq})
        link = Link(
            "K7Q2F9XM0", seq, T0, "case_claimed", "U0SATO", data, "5a17", digest, previous, ""
        )
        links.append(replace(link, hash=hash_of(link)))
    return links


def test_the_formula_is_the_documented_one() -> None:
    """The documented formula and a plain SHA-256 reproduce every hash."""
    digest = sha256(b'["5a17",{"n":1}]').hexdigest()
    said = (
        '["' + "0" * 64 + '","K7Q2F9XM0",1,"2026-11-23T03:00:00.000000+00:00",'
        f'"case_claimed","U0SATO","{digest}"]'
    )
    assert hash_of(chain_of(1)[0]) == sha256(said.encode()).hexdigest()


CHANGES: dict[str, Any] = {
    "at": T0 + timedelta(microseconds=1),
    "kind": "case_released",
    "actor": None,
    "data": {"n": -1},
    "salt": None,
    "data_digest": "f" * 64,
    "case_id": "K00000000",
    "prev_hash": "f" * 64,
    "hash": "f" * 64,
    "seq": 99,
}


@given(st.integers(1, 8), st.data(), st.sampled_from(sorted(CHANGES)))
def test_any_change_of_any_field_is_found(count: int, data: st.DataObject, name: str) -> None:
    """A change of any field of any event breaks the chain."""
    links = chain_of(count)
    assert first_break(links) is None
    place = data.draw(st.integers(0, count - 1))
    links[place] = replace(links[place], **{name: CHANGES[name]})
    assert first_break(links) is not None


def test_an_erased_event_holds_only_with_its_entry() -> None:
    """An event without its data is a break, unless the audit log has what is left of it."""
    links = chain_of(3)
    links[1] = replace(links[1], data={"n": None}, salt=None)
    assert first_break(links) == Broken("K7Q2F9XM0", 2, "its data was changed or removed")
    assert first_break(links, {2: digest_of(None, {"n": None})}) is None
    assert first_break(links, {2: digest_of(None, None)}) is not None
    assert first_break(links, {1: digest_of(None, {"n": None})}) is not None


def shape_of(connection: sa.Connection) -> dict[str, str]:
    """Columns, keys and indexes of each table, in a comparable form."""
    seen = sa.inspect(connection)
    return {
        name: repr(
            [
                seen.get_columns(name),
                seen.get_pk_constraint(name),
                sorted(seen.get_unique_constraints(name), key=str),
                sorted(seen.get_indexes(name), key=str),
            ]
        )
        for name in seen.get_table_names()
        if name != "alembic_version"
    }


async def test_the_migrations_make_exactly_the_tables_and_take_them_away(
    database: Database,
) -> None:
    """The upgrade creates the schema's tables; the downgrade removes all of them."""

    def shapes(connection: sa.Connection) -> tuple[dict[str, str], ...]:
        context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
        assert list(compare_metadata(context, metadata)) == []
        migrated = shape_of(connection)
        with Operations.context(context):
            for each in ScriptDirectory.from_config(config()).walk_revisions():
                each.module.downgrade()
        emptied = shape_of(connection)
        metadata.create_all(connection)
        return migrated, emptied, shape_of(connection)

    async with database.writing() as connection:
        migrated, emptied, declared = await connection.run_sync(shapes)
    assert emptied == {}
    assert set(declared) == set(metadata.tables)
    assert migrated == declared
