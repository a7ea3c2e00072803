"""`koban export` and `koban feedback`: labels as files, and verdicts that were not delivered."""

import asyncio
import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from activities.ledger.cases import Ledger
from activities.ledger.database import Database, migrate
from activities.ledger.export import LABELS as LABELS_TABLE
from activities.ledger.export import Record
from activities.ledger.feedback import FeedbackLedger
from bot.cli.export import Format, table_file
from bot.cli.main import main
from deploy.sandbox.app import INGEST_SECRET
from tests.activities.ledger.recording import following, opening
from tests.activities.policy import folders
from tests.workflows.domain.builders import (
    SATO,
    T0,
    a_case,
    an_alert,
    follow,
    minutes,
    news,
    preset,
)
from workflows.domain.case import commands as cmd
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.snapshot import ReceivedAlert
from workflows.domain.feedback import FeedbackProblem, FeedbackProblemKind

Run = Callable[..., tuple[int, str, str]]
DOCS = Path(__file__).parents[3] / "docs" / "ledger.md"
GONE = FeedbackProblem(kind=FeedbackProblemKind.GONE, status=410)


@pytest.fixture
def koban(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; its exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A ledger with two judged cases; the verdicts about the live chat can't be delivered."""
    policy = folders.good(tmp_path)
    file = policy / "detectors" / "live-chat.yaml"
    address = "feedback: {url: {env: KOBAN_FEEDBACK_CHAT}}\n"
    file.write_text(f"{file.read_text('utf-8')}\n{address}", "utf-8")
    url = f"sqlite+aiosqlite:///{tmp_path}/koban.db"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KOBAN_POLICY", str(policy))
    monkeypatch.setenv("KOBAN_INGEST__SECRET", INGEST_SECRET)
    monkeypatch.setenv("KOBAN_LEDGER__URL", url)
    monkeypatch.setenv("KOBAN_TEMPORAL__ADDRESS", "127.0.0.1:9")
    asyncio.run(_filled(url))
    return url


async def _filled(url: str) -> None:
    database = Database(url)
    await migrate(database)
    ledger = Ledger(database, now=lambda: minutes(60), feedback=lambda: ["live-chat"])
    case = a_case()
    await ledger.record(opening(case))
    for minute, step in enumerate(("decide", "done", "undo"), 1):
        command: cmd.Command = {
            "decide": preset(SATO, "mute"),
            "done": news(case, ActionStatus.VERIFIED),
            "undo": cmd.Undo(by=SATO),
        }[step]
        await ledger.record(following(case, command, first=minute))
        case = follow(case, command, minutes(minute))
    other = a_case().model_copy(update={"id": "K00000001"})
    alert = ReceivedAlert(alert=an_alert(7, score=None), at=T0)
    write = opening(other, key="run-2").model_copy(update={"alerts": (alert,)})
    await ledger.record(write)
    clear = following(other, cmd.MarkNoViolation(by=SATO), key="run-2", first=30)
    await ledger.record(clear)
    messages = FeedbackLedger(database)
    for message in await messages.due("live-chat", minutes(60), 10):
        if message.alert_id == "chat-000007":
            await messages.failed(message, minutes(60), GONE)
    await database.aclose()


LABELS = [
    "detector,alert_id,kind,score,occurred_at,case_id,playbook,policy_version,clause,verdict,"
    "source,auto,overturned,decided_at,version",
    "live-chat,chat-000007,off_platform,,2026-11-23T02:59:58+00:00,K00000001,off_platform,v1,,"
    "no_violation,decision,false,false,2026-11-23T03:30:00+00:00,3",
    "live-chat,chat-000001,off_platform,0.98,2026-11-23T02:59:58+00:00,K7Q2F9XM0,off_platform,v1,"
    "MKT-4.2,violation,decision,false,true,2026-11-23T03:03:00+00:00,6",
]


def test_labels_are_one_row_a_judged_alert(ledger: str, koban: Run, tmp_path: Path) -> None:
    """With the verdict that holds: an undone one is overturned."""
    code, out, _ = koban("export", "--to", "out", "--format", "csv")
    assert (code, out) == (0, "decisions: 3 rows.\nlabels: 2 rows.\n")
    assert (tmp_path / "out" / "labels.csv").read_text("utf-8").splitlines() == LABELS
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [
        *("decisions.csv", "labels.csv", "schema.json"),
    ]


def test_decisions_are_one_row_a_verdict(ledger: str, koban: Run, tmp_path: Path) -> None:
    """A reversal is a row of its own, with a later version."""
    koban("export", "--to", "out", "--format", "csv")
    with (tmp_path / "out" / "decisions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = ("case_id", "decision_id", "version", "verdict", "overturned")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("K00000001", "D1", "3", "no_violation", "false"),
        ("K7Q2F9XM0", "D1", "3", "violation", "false"),
        ("K7Q2F9XM0", "D1", "6", "violation", "true"),
    ]


def test_a_time_limits_the_rows(ledger: str, koban: Run) -> None:
    """By the time of the verdict; the end is not included."""
    until = ("--until", "2026-11-23T03:30:00")
    _, out, _ = koban("export", "--to", "out", "--format", "csv", *until)
    assert out == "decisions: 2 rows.\nlabels: 1 rows.\n"
    since = ("--since", "2026-11-23T03:30:00")
    _, out, _ = koban("export", "--to", "out", "--format", "csv", *since)
    assert out == "decisions: 1 rows.\nlabels: 1 rows.\n"
    code, _, err = koban("export", "--to", "out", *since, *until)
    assert (code, err) == (1, "There is nothing between --since and --until.\n")


def test_parquet_has_the_types_of_the_schema(ledger: str, koban: Run, tmp_path: Path) -> None:
    """schema.json names them for BigQuery and DuckDB."""
    assert koban("export", "--to", "out")[0] == 0
    schema = json.loads((tmp_path / "out" / "schema.json").read_text("utf-8"))["labels"]
    file = tmp_path / "out" / schema["file"]
    with duckdb.connect(":memory:") as connection:
        found = connection.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()
        rows = connection.execute(f"SELECT alert_id, score, overturned FROM '{file}'").fetchall()
    types = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
    assert [(row[0], row[1]) for row in found] == [
        (each["name"], types.get(each["duckdb"], each["duckdb"])) for each in schema["columns"]
    ]
    assert rows == [("chat-000007", None, False), ("chat-000001", 0.98, True)]
    assert {each["name"]: each["bigquery"] for each in schema["columns"]}["score"] == "FLOAT64"


def test_the_examples_of_the_documentation_are_true(
    ledger: str, koban: Run, tmp_path: Path
) -> None:
    """Its rows are those of this ledger, and its query runs on the exported file."""
    text = DOCS.read_text("utf-8")
    [rows] = re.findall(r"```csv\n(.*?)```", text, re.DOTALL)
    assert rows.splitlines() == LABELS
    [query] = re.findall(r"```duckdb\n(.*?)```", text, re.DOTALL)
    koban("export", "--to", "export")
    with duckdb.connect(":memory:") as connection:
        found = connection.execute(query).fetchall()
    assert found == [
        ("live-chat", "off_platform", 1.0, 1, 0.0),
        ("live-chat", "off_platform", None, 1, 0.0),
    ]


def a_row(alert: str) -> Record:
    """A row of the labels; its other columns are empty."""
    return {**dict.fromkeys(LABELS_TABLE.columns), "alert_id": alert, "decided_at": T0}


ODD = ["x,y", 'say "hi"', "l\nm", "c\r\nd", "a\tb", 'back\\slash"x', "'a'", "#x", "a;b|c", "NULL"]


def test_parquet_has_the_texts_of_every_row(tmp_path: Path) -> None:
    """Also where the first text with a quote comes after 25,000 rows without."""
    alerts = [*(f"a{number}" for number in range(25_000)), *ODD]
    with table_file(tmp_path, LABELS_TABLE, Format.PARQUET) as file:
        file.write([a_row(alert) for alert in alerts])
    with duckdb.connect(":memory:") as connection:
        found = connection.execute(f"SELECT alert_id FROM '{tmp_path}/labels.parquet'").fetchall()
    assert [alert for (alert,) in found] == alerts
    assert [each.name for each in tmp_path.iterdir()] == ["labels.parquet"]


def _fail(to: Path, format: Format) -> None:
    with table_file(to, LABELS_TABLE, format) as file:
        file.write([a_row("a2")])
        raise RuntimeError("the ledger is away")


@pytest.mark.parametrize("format", list(Format))
def test_an_export_that_fails_leaves_the_last_complete_file(tmp_path: Path, format: Format) -> None:
    """And no unfinished one."""
    with table_file(tmp_path, LABELS_TABLE, format) as file:
        file.write([a_row("a1")])
    complete = (tmp_path / f"labels.{format}").read_bytes()
    with pytest.raises(RuntimeError, match="the ledger is away"):
        _fail(tmp_path, format)
    assert [each.name for each in tmp_path.iterdir()] == [f"labels.{format}"]
    assert (tmp_path / f"labels.{format}").read_bytes() == complete


def test_a_folder_that_can_not_be_made_is_named(ledger: str, koban: Run, tmp_path: Path) -> None:
    """One sentence, and no traceback."""
    (tmp_path / "out").write_text("a file")
    code, _, err = koban("export", "--to", "out", "--format", "csv")
    assert (code, err) == (1, "The folder out can't be made (File exists).\n")


def test_undelivered_verdicts_are_listed(ledger: str, koban: Run) -> None:
    """Those that wait are counted, the dead ones are named with the reason."""
    code, out, _ = koban("feedback")
    assert code == 0
    assert out.splitlines() == [
        "live-chat: 2 waiting, 1 dead; last failure: the receiver takes no more messages (410);"
        " next attempt at 2026-11-23T04:00:00Z.",
        "  dead: chat-000007, case K00000001, no_violation: the receiver takes no more messages"
        " (410)",
    ]
    assert koban("feedback", "live-chat")[1] == out


def test_dead_verdicts_wait_again_also_while_temporal_is_away(ledger: str, koban: Run) -> None:
    """They are in the ledger: a worker sends them within a minute."""
    code, _, err = koban("feedback", "live-chat", "--resend")
    assert code == 2
    assert err.startswith("Temporal does not answer: the messages are sent within a minute")
    assert koban("feedback")[1].startswith("live-chat: 3 waiting, 0 dead")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody",), "nobody gets no feedback by the policy (live-chat).\n"),
        (("--resend",), "Name the detector: koban feedback NAME --resend.\n"),
    ],
)
def test_a_detector_without_feedback_is_named(
    ledger: str, koban: Run, arguments: tuple[str, ...], said: str
) -> None:
    """Nothing is sent again."""
    code, _, err = koban("feedback", *arguments)
    assert (code, err) == (1, said)
    assert "2 waiting, 1 dead" in koban("feedback")[1]
