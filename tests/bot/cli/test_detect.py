"""`koban detect`: the alerts of a query, printed without sending anything."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from bot.cli.main import main
from deploy.sandbox.app import INGEST_SECRET
from tests.activities.policy import folders

Run = Callable[..., tuple[int, str, str]]

DETECTOR = """\
detector: bids
sql:
  source: story
  query: "SELECT * FROM bids WHERE seen_at > :since AND seen_at <= :until ORDER BY id"
  every: 5m
  watermark: {column: seen_at}
alert:
  id: row.id
  kind: "'off_platform'"
  subject: {type: "'user'", id: row.bidder}
  score: row.p
  occurred_at: row.seen_at
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A policy folder with the detector; its source has a good row and one without an id."""
    file = tmp_path / "bids.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "CREATE TABLE bids (id text, bidder text, p double, seen_at timestamptz)"
        )
        for id_, bidder in (("b1", "u_1"), (None, "u_2")):
            connection.execute(
                "INSERT INTO bids VALUES (?, ?, 0.9, now() - INTERVAL 1 HOUR)", [id_, bidder]
            )
    policy = Path(shutil.copytree(folders.BASE, tmp_path / "policy"))
    (policy / "sources.yaml").write_text("sources:\n  story: {url: {env: KOBAN_SOURCE_STORY}}\n")
    (policy / "detectors" / "bids.yaml").write_text(DETECTOR)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KOBAN_POLICY", str(policy))
    monkeypatch.setenv("KOBAN_INGEST__SECRET", INGEST_SECRET)
    monkeypatch.setenv("KOBAN_SOURCE_STORY", f"duckdb:///{file}")
    monkeypatch.setenv("KOBAN_LEDGER__URL", f"sqlite+aiosqlite:///{tmp_path}/koban.db")
    return file


@pytest.fixture
def koban(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; its exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def test_a_dry_run_prints_the_alerts(source: Path, koban: Run) -> None:
    """One JSON line each; unusable rows are named beside them."""
    code, out, err = koban("detect", "bids", "--dry-run")
    alerts = [json.loads(line) for line in out.splitlines()]
    assert [(each["id"], each["detector"], each["score"]) for each in alerts] == [
        ("b1", "bids", 0.9)
    ]
    assert err.splitlines() == [
        "unusable: row 2, id: This field is required.",
        "2 rows, 1 alerts, 1 unusable.",
    ]
    assert code == 0


@pytest.mark.parametrize(
    ("accepts", "field", "reason"),
    [
        ("{kinds: [off_platform, other]}", None, None),
        ("{subjects: [listing]}", "subject/type", "This detector may send listing only."),
    ],
)
def test_a_row_outside_of_what_the_detector_may_send_is_unusable(
    source: Path, koban: Run, accepts: str, field: str | None, reason: str | None
) -> None:
    """It is named as one without an id is."""
    file = source.parent / "policy" / "detectors" / "bids.yaml"
    kind = DETECTOR.replace("'user'", "row.p > 0.5 ? 'user' : 'listing'")
    file.write_text(f"{kind}accepts: {accepts}\n")
    _, out, err = koban("detect", "bids", "--dry-run")
    assert len(out.splitlines()) == (1 if field is None else 0)
    named = [] if field is None else [f"unusable: row 1, {field}: {reason}"]
    assert err.splitlines()[: len(named)] == named


def test_a_dry_run_can_be_repeated(source: Path, koban: Run) -> None:
    """It moves no watermark."""
    assert koban("detect", "bids", "--dry-run") == koban("detect", "bids", "--dry-run")


def test_an_unknown_detector_is_named_with_those_that_exist(source: Path, koban: Run) -> None:
    """A detector that posts its alerts is none of them."""
    code, _, err = koban("detect", "live-chat", "--dry-run")
    assert (code, err) == (1, "live-chat is no SQL detector of the policy (bids).\n")


def test_the_sources_own_error_is_shown(source: Path, koban: Run) -> None:
    """In one sentence, with an exit code of its own for a wrong query."""
    with duckdb.connect(str(source)) as connection:
        connection.execute("ALTER TABLE bids RENAME TO offers")
    code, out, err = koban("detect", "bids", "--dry-run")
    assert (code, out) == (1, "")
    assert err.startswith("The source returned an error: Catalog Error: Table with name bids")


def test_bounds_are_for_dry_runs(source: Path, koban: Run) -> None:
    """A real run continues where the last one ended."""
    code, _, err = koban("detect", "bids", "--since", "2026-01-01")
    assert code == 1
    assert err == "A run continues at its watermark: use --since with --dry-run.\n"
