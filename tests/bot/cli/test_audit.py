"""`koban audit verify`, `anchor` and `sign`, as commands over a ledger in a file."""

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from activities.ledger.database import Database, migrate
from activities.ledger.erasure import SubjectEraser
from activities.ledger.policies import StoredPolicies
from activities.ledger.queries import Look, Queries
from activities.ledger.recovery import Recovery
from activities.ledger.schema import audit, audit_heads, events, lookups, metadata
from activities.ledger.verification import Verifier
from activities.signatures import Signer
from bot.cli.main import main
from bot.ledger import seal_heads
from bot.tasks import in_background
from deploy.sandbox.slack.person import wait_until
from tests.activities.ledger.sealed_ledger import a_ledger
from tests.workflows.domain.builders import T0
from workflows.domain.alerts import Subject

KEY, NEXT = (f"{name}:{base64.b64encode(name.encode() * 8).decode()}" for name in ("2026", "2027"))

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of a ledger that is not there yet; the process has a signing key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KOBAN_LEDGER__URL", f"sqlite+aiosqlite:///{tmp_path}/koban.db")
    monkeypatch.setenv("KOBAN_TEMPORAL__SIGNING_KEYS", KEY)
    return tmp_path / "koban.db"


@pytest.fixture
def koban(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; its exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def look(file: Path, *why: str) -> None:
    """Writes look-ups as `koban serve` does: without a key."""

    async def write() -> None:
        database = Database(f"sqlite+aiosqlite:///{file}")
        await migrate(database)
        await Recovery(database, StoredPolicies(database, Signer())).identify("i1")
        for each in why:
            await Queries(database).look_up(Look(T0, "U0SATO", "user", "u_123", each))
        await database.aclose()

    asyncio.run(write())


def forged(file: Path, *statements: sa.Executable) -> None:
    """Runs statements in the ledger's file."""
    with sa.create_engine(f"sqlite:///{file}").begin() as connection:
        for each in statements:
            connection.execute(each)


def test_a_ledger_is_anchored_and_verified(file: Path, koban: Run, tmp_path: Path) -> None:
    """Each anchor is a line of JSON; a cut tail is found by it."""
    anchors = tmp_path / "anchors.jsonl"
    look(file, "first")
    assert koban("audit", "anchor", "--to", str(anchors)) == (0, "", "")
    look(file, "second")
    code, line, _ = koban("audit", "anchor")
    assert (code, json.loads(line)["number"]) == (0, 2)
    assert koban("audit", "anchor", "--to", str(anchors)) == (0, "", "")
    assert anchors.read_text().splitlines()[1] == line.strip()
    verify = ("audit", "verify", "--anchors", str(anchors))
    assert koban(*verify) == (0, "0 cases, 0 events, 2 heads: everything holds\n", "")
    forged(
        file,
        sa.delete(lookups).where(lookups.c.id == 2),
        sa.delete(audit).where(audit.c.head == 2),
        sa.delete(audit_heads).where(audit_heads.c.number == 2),
    )
    code, out, err = koban(*verify)
    assert (code, out) == (1, "0 cases, 0 events, 1 heads: 1 fault\n")
    assert err.startswith("Head 2 of ")
    assert koban("audit", "anchor", "--to", str(anchors))[0] == 1
    assert len(anchors.read_text().splitlines()) == 2


def test_a_deleted_look_up_is_named(file: Path, koban: Run) -> None:
    """Exit code 1, and a sentence with the row."""
    look(file, "first", "second")
    koban("audit", "anchor")
    forged(file, sa.delete(lookups).where(lookups.c.id == 1))
    code, out, err = koban("audit", "verify")
    assert (code, err) == (1, "Look-up 1 was deleted.\n")
    assert out == "0 cases, 0 events, 1 heads: 1 fault\n"


def test_a_missing_ledger_is_not_created(file: Path, koban: Run, tmp_path: Path) -> None:
    """The answer says what was anchored; there is still no file."""
    code, out, err = koban("audit", "verify")
    assert (code, out) == (1, "")
    assert f"There is no ledger at {file}." in err
    look(file, "first")
    koban("audit", "anchor", "--to", str(tmp_path / "anchors.jsonl"))
    file.unlink()
    code, out, err = koban("audit", "verify", "--anchors", str(tmp_path / "anchors.jsonl"))
    assert (code, out) == (1, "")
    assert "Head 1 was anchored: the database was removed." in err
    assert not file.exists()


def test_an_empty_ledger_says_so(file: Path, koban: Run, tmp_path: Path) -> None:
    """It never holds; with an anchor it is a fault, and there is nothing to anchor."""
    look(file)
    empty = "0 cases, 0 events, 0 heads: the ledger is empty, nothing was checked\n"
    assert koban("audit", "verify") == (0, empty, "")
    assert koban("audit", "anchor")[0] == 1
    anchor = {"number": 7, "at": T0.isoformat(), "hash": "f" * 64, "signature": "old:0"}
    log = tmp_path / "work.log"
    lines = ({"event": "working"}, {"event": "audit_head", **anchor})
    log.write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    code, out, err = koban("audit", "verify", "--anchors", str(log))
    assert (code, out) == (1, "0 cases, 0 events, 0 heads: 1 fault\n")
    assert err == (
        f"Head 7 of 2026-11-23T03:00:00.000000+00:00 is missing ({log}, line 2): the ledger ends "
        "at head 0. Its end was cut, or it is another database.\n"
    )


@pytest.mark.parametrize("text", ["", "{}\n", "no JSON\n", '{"event": "working"}\n', "[1]\n"])
def test_a_file_without_anchors_is_refused(
    file: Path, koban: Run, tmp_path: Path, text: str
) -> None:
    """It would verify nothing."""
    look(file, "first")
    (tmp_path / "anchors").write_text(text)
    code, out, err = koban("audit", "verify", "--anchors", str(tmp_path / "anchors"))
    assert (code, out) == (1, "")
    assert "no anchor" in err


def test_the_audit_log_is_signed_with_the_next_key(
    file: Path, koban: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `koban audit sign` the old key is not needed."""
    look(file, "first")
    koban("audit", "anchor")
    monkeypatch.setenv("KOBAN_TEMPORAL__SIGNING_KEYS", f"{NEXT},{KEY}")
    assert koban("audit", "sign") == (0, "1 signed, 0 refused\n", "")
    assert koban("audit", "sign") == (0, "0 signed, 0 refused\n", "")
    monkeypatch.setenv("KOBAN_TEMPORAL__SIGNING_KEYS", NEXT)
    assert koban("audit", "verify")[0] == 0
    monkeypatch.setenv("KOBAN_TEMPORAL__SIGNING_KEYS", KEY)
    code, _, err = koban("audit", "verify")
    assert (code, err) == (1, "Head 1 is not signed by Koban.\n")


async def test_a_worker_seals_and_logs_heads(file: Path) -> None:
    """`koban work` seals what `koban serve` wrote; the line in its log is an anchor."""
    database = Database(f"sqlite+aiosqlite:///{file}", Signer([("2026", b"2026" * 8)]))
    await migrate(database)
    await Queries(database).look_up(Look(T0, "U0SATO", "user", "u_123", "first"))
    with capture_logs() as logged:
        async with in_background(seal_heads(database)):
            await wait_until(lambda: bool(logged), what="the head in the log")
    (line,) = logged
    head = await Verifier(database).newest()
    assert head is not None
    assert (line["event"], line["number"], line["hash"]) == ("audit_head", 1, head.hash)
    assert line["signature"] == head.signature
    await database.aclose()


async def test_a_worker_goes_on_sealing_after_a_failure(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected error is logged with its traceback, and the next attempt follows."""
    monkeypatch.setattr("bot.ledger.SEAL_EVERY", 0)
    database = Database(f"sqlite+aiosqlite:///{file}")
    with capture_logs() as logged:  # the tables are missing
        async with in_background(seal_heads(database)):
            await wait_until(lambda: len(logged) > 1, what="two failures")
    assert {each["event"] for each in logged} == {"audit_not_sealed"}
    await database.aclose()


def test_a_look_at_a_case_only_reads(file: Path, koban: Run) -> None:
    """A missing ledger, or another database in its place, is named; nothing is made or changed."""
    missing = f"There is no ledger at {file}."
    assert koban("audit", "show", "K7Q2M4XPA")[::2] == (1, f"{missing}\n")
    assert not file.exists()
    with sa.create_engine(f"sqlite:///{file}").begin() as connection:
        connection.execute(sa.text("CREATE TABLE shop (id INTEGER)"))
    code, _, err = koban("audit", "show", "K7Q2M4XPA")
    assert (code, "has no ledger: check its address." in err) == (1, True)
    with sa.create_engine(f"sqlite:///{file}").begin() as connection:
        assert sa.inspect(connection).get_table_names() == ["shop"]
    file.unlink()
    look(file, "first")
    forged(file, sa.insert(events).values(**AN_EVENT))
    before = rows_of(file)
    code, out, _ = koban("audit", "show", "k7q2m4xpa")
    assert (code, "case_merged" in out) == (0, True)
    assert rows_of(file) == before


AN_EVENT = {
    **{"case_id": "K7Q2M4XPA", "seq": 1, "at": T0, "kind": "case_merged", "actor": "U0SATO"},
    **{"data": {}, "salt": "", "data_digest": "", "prev_hash": "", "hash": ""},
}


def rows_of(file: Path) -> list[object]:
    """All that is in a SQLite file, its schema included."""
    with sa.create_engine(f"sqlite:///{file}").connect() as connection:
        return list(connection.connection.driver_connection.iterdump())


def test_every_kind_of_signature_is_made_again(
    file: Path, koban: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `koban audit sign` no row is left that only the old key verifies."""
    key = Signer([("2026", b"2026" * 8)])
    asyncio.run(fill(file, key))
    signed = signatures(file)
    assert {place for place, _ in signed} == SIGNED
    assert {key for _, key in signed} == {"2026"}
    monkeypatch.setenv("KOBAN_TEMPORAL__SIGNING_KEYS", f"{NEXT},{KEY}")
    code, out, err = koban("audit", "sign")
    assert (code, out, err) == (0, f"{len(signed)} signed, 0 refused\n", "")
    again = signatures(file)
    assert len(again) == len(signed)
    assert {key for _, key in again} == {"2027"}
    monkeypatch.setenv("KOBAN_TEMPORAL__SIGNING_KEYS", NEXT)
    assert koban("audit", "verify")[::2] == (0, "")


SIGNED = {
    *("audit/actions", "audit/appeals", "audit/bulk_decisions", "audit/cases", "audit/covers"),
    *("audit/erasures", "audit/events", "audit/lookups", "audit/automation"),
    "audit/overruns",
    *("audit_heads", "cases", "policies"),
}
"""Every column with a signature; of the audit log by the table that an entry is about."""


async def fill(file: Path, key: Signer) -> None:
    """A row or more of every kind, with an erasure, sealed by a worker."""
    database = Database(f"sqlite+aiosqlite:///{file}", key)
    await migrate(database)
    await Recovery(database, StoredPolicies(database, key)).identify("i1")
    await a_ledger(database)
    await SubjectEraser(database, key).erase_subject(OTHER, "ticket 7", T0)
    await database.write(database.audit.seal)
    await database.aclose()


OTHER = Subject(type="user", id="chargeback")
"""Named in the reason of a look-up."""


def signatures(file: Path) -> list[tuple[str, str]]:
    """Place and key of every signature, in every column of the schema that has some."""
    found = []
    with sa.create_engine(f"sqlite:///{file}").connect() as connection:
        for table in metadata.sorted_tables:
            for column in (each for each in table.c if each.name.endswith("signature")):
                for row in connection.execute(sa.select(table).where(column != "")).mappings():
                    place = f"audit/{row['source']}" if table is audit else table.name
                    found.append((place, row[column.name].partition(":")[0]))
    return found
