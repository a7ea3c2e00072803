"""`koban backtest`: past alerts by a policy folder, from files or the ledger."""

import asyncio
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from activities.backtest.run import Progress
from activities.ledger.cases import Ledger
from activities.ledger.database import Database, migrate
from bot.cli.backtest import bar
from bot.cli.main import main
from deploy.sandbox.app import POLICY
from deploy.sandbox.traffic import phishing
from tests.activities.ledger.recording import opening
from tests.bench.backtest import write, write_records

Run = Callable[..., tuple[int, str, str]]
MANY = 120_000
"""Alerts of a run that does not end before the test acts."""
LATER = ("nice", "-n", "5")
"""On a busy machine the test itself has to run before the command that it interrupts."""
ALERT = {
    "id": "a-1",
    "kind": "phishing",
    "subject": {"type": "user", "id": "u_1"},
    "score": 0.98,
    "occurred_at": "2026-11-01T00:00:00Z",
}


@pytest.fixture
def backtest(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `koban backtest`; its exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["backtest", *map(str, arguments)])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture
def shills(tmp_path: Path) -> Path:
    """The real shill bidding records as alerts."""
    write_records(tmp_path / "shill.csv")
    return tmp_path / "shill.csv"


def a_file(folder: Path, *alerts: dict[str, Any], name: str = "alerts.jsonl") -> Path:
    """A file of alerts."""
    lines = "".join(json.dumps(each) + "\n" for each in alerts or (ALERT,))
    (folder / name).write_text(lines, "utf-8")
    return folder / name


def changed(folder: Path, old: str, new: str, more: str = "") -> Path:
    """The example policy with another playbook of shill bidding."""
    policy = Path(shutil.copytree(POLICY, folder / "changed"))
    own = policy / "playbooks" / "shill_bidding.yaml"
    text = own.read_text("utf-8")
    assert old in text
    own.write_text(text.replace(old, new) + more, "utf-8")
    return policy


def test_real_records_have_precision_and_recall(backtest: Run, shills: Path) -> None:
    """Every record has a card: all 336 shills are found, and 9 of 10 cards are wrong."""
    code, out, _ = backtest(POLICY, "--alerts", shills, "--labels", "Class", "--json", "-")
    found = json.loads(out)
    labels = found["labels"]
    assert code == 0
    assert (found["alerts"], found["cases"]) == (3186, 3186)
    assert (labels["tp"], labels["fp"], labels["fn"], labels["tn"]) == (336, 2850, 0, 0)
    assert (round(labels["precision"], 4), labels["recall"]) == (0.1055, 1.0)
    assert [round(labels["curve"][8][key], 4) for key in ("threshold", "precision", "recall")] == [
        0.4,
        0.8452,
        0.9911,
    ]


def test_a_band_changes_precision_and_recall(backtest: Run, shills: Path, tmp_path: Path) -> None:
    """With a card from 0.4 on, most cards are right, and three shills are missed."""
    bands = "bands:\n  - {detector: default, review: alert.score >= 0.4}\n"
    policy = changed(tmp_path, "0.6", "0.6", bands)
    code, out, _ = backtest(
        policy, "--alerts", shills, "--labels", "Class", "--against", POLICY, "--json", "-"
    )
    found = json.loads(out)
    labels = found["labels"]
    assert code == 0
    assert (labels["tp"], labels["fp"], labels["fn"], labels["tn"]) == (333, 61, 3, 2789)
    assert (found["cases"], found["logged"], found["against"]["cases"]) == (394, 2792, 3186)
    assert found["against"]["counts"]["handling"] == 2792


def test_a_threshold_changed_a_little_shows_what_differs(
    backtest: Run, shills: Path, tmp_path: Path
) -> None:
    """13 of 3,186 alerts get another severity; ten of them are named."""
    policy = changed(tmp_path, "high: alert.score >= 0.6", "high: alert.score >= 0.55")
    given = ("--against", POLICY, "--alerts", shills, "--labels", "Class", "--json", "-")
    code, out, _ = backtest(policy, *given)
    against = json.loads(out)["against"]
    assert code == 0
    assert against["counts"] == {"playbook": 0, "handling": 0, "severity": 13, "actions": 0}
    assert len(against["changed"]) == 10
    assert {(each["kind"], each["before"], each["after"]) for each in against["changed"]} == {
        ("severity", "medium", "high")
    }


def test_the_worst_minute_of_phishing_is_few_cases(backtest: Run, tmp_path: Path) -> None:
    """377 reports about 12 accounts, whose number is made up, are 12 cases."""
    file = a_file(tmp_path, *phishing.scene(phishing.worst().reports).alerts)
    code, out, _ = backtest(POLICY, "--alerts", file, "--json", "-")
    found = json.loads(out)
    assert (code, found["alerts"], found["cases"]) == (0, 377, 12)
    assert found["by_severity"] == {"critical": 4, "high": 8}


def test_the_json_has_the_documented_keys(backtest: Run, tmp_path: Path) -> None:
    """Scripts rely on them."""
    code, out, _ = backtest(POLICY, "--alerts", a_file(tmp_path), "--json", "-", "--people", 1)
    found = json.loads(out)
    assert code == 0
    assert list(found) == [
        *("alerts", "cases", "logged", "silenced", "unmatched", "invalid", "duplicates", "fault"),
        *("by_playbook", "by_severity", "actions", "withheld", "auto", "shadow", "approvals"),
        *("escalations", "per_hour", "breaker_trips", "trips", "labels", "against", "staffing"),
        *("since", "until", "unfinished", "seconds"),
    ]
    assert found["by_playbook"] == {"phishing": 1}
    assert found["by_severity"] == {"critical": 1}
    assert found["per_hour"] == [{"hour": "2026-11-01T00:00:00Z", "alerts": 1, "cases": 1}]
    assert found["staffing"]["people"] == 1


def test_it_takes_several_files(backtest: Run, tmp_path: Path) -> None:
    """Files after one option, as the shell gives them, and a repeated option are one input."""
    first = a_file(tmp_path)
    second = a_file(tmp_path, {**ALERT, "id": "a-2"}, name="more.jsonl")
    third = a_file(tmp_path, {**ALERT, "id": "a-2"}, {"id": "a-3"}, name="last.jsonl")
    arguments = ("--alerts", first, second, "--alerts", third, "--json", "-")
    code, out, _ = backtest(POLICY, *arguments)
    found = json.loads(out)
    assert (code, found["alerts"], found["duplicates"], found["invalid"]) == (0, 2, 1, 1)


def test_the_first_invalid_alert_is_explained(backtest: Run, tmp_path: Path) -> None:
    """The others are played."""
    file = a_file(tmp_path, {**ALERT, "score": 2}, ALERT)
    code, out, err = backtest(POLICY, "--alerts", file, "--json", "-")
    found = json.loads(out)
    assert (code, found["alerts"], found["invalid"]) == (0, 1, 1)
    assert found["fault"] == "score: Input should be less than or equal to 1"
    assert err == (
        "Invalid alerts: 1; the first fault is score: Input should be less than or equal to 1.\n"
    )


@pytest.mark.parametrize("line", ["[{}]", "no JSON", '{"id": "a-2"}', ""])
def test_a_line_without_an_alert_is_explained(backtest: Run, tmp_path: Path, line: str) -> None:
    """Its reason is the same for all; an empty line is none."""
    file = a_file(tmp_path)
    file.write_text(file.read_text("utf-8") + line + "\n", "utf-8")
    code, out, _ = backtest(POLICY, "--alerts", file, "--json", "-")
    found = json.loads(out)
    fault = "occurred_at: no time, or the line is no JSON object" if line else None
    assert (code, found["alerts"], found["invalid"]) == (0, 1, int(bool(line)))
    assert found["fault"] == fault


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:30:00Z"])
def test_a_time_far_away_is_invalid(backtest: Run, tmp_path: Path, at: str) -> None:
    """The other alerts are played, also with people and a page."""
    file = a_file(tmp_path, {**ALERT, "id": "a-2", "occurred_at": at}, ALERT)
    page = tmp_path / "report.html"
    given = ("--alerts", file, "--people", 1, "--html", page, "--json", "-")
    code, out, _ = backtest(POLICY, *given)
    found = json.loads(out)
    assert (code, found["alerts"], found["invalid"]) == (0, 1, 1)


def test_labels_that_are_none_are_explained(backtest: Run, tmp_path: Path) -> None:
    """The numbers are there, without precision and recall."""
    file = a_file(tmp_path, {**ALERT, "truth": "perhaps"})
    code, out, err = backtest(POLICY, "--alerts", file, "--labels", "truth", "--json", "-")
    assert (code, json.loads(out)["labels"]["precision"]) == (0, None)
    assert err == "No alert has a label: truth needs 1 or 0, true or false.\n"


def test_a_column_that_is_no_field_leads_to_labels(backtest: Run, shills: Path) -> None:
    """Every row is invalid: exit 1."""
    code, _, err = backtest(POLICY, "--alerts", shills, "--json", "-")
    assert (code, err) == (
        1,
        "Invalid alerts: 3,186; the first fault is Class: Extra inputs are not permitted. "
        "Correct it, or name a column with labels by --labels.\n",
    )


def test_it_writes_a_page_and_prints_a_summary(backtest: Run, tmp_path: Path) -> None:
    """The page names the folder and the file."""
    page = tmp_path / "report.html"
    code, out, err = backtest(POLICY, "--alerts", a_file(tmp_path), "--html", page)
    written = page.read_text("utf-8")
    assert (code, err) == (0, "")
    assert out.splitlines()[1].split() == ["Alerts", "1"]
    assert "alerts.jsonl" in written
    assert "<title>" in written


def test_it_reads_the_ledger(
    backtest: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alerts that Koban has received in a time."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'koban.db'}"
    monkeypatch.setenv("KOBAN_LEDGER__URL", url)

    async def fill() -> None:
        database = Database(url)
        await migrate(database)
        await Ledger(database).record(opening())
        await database.aclose()

    asyncio.run(fill())
    code, out, _ = backtest(POLICY, "--ledger", "2020-01-01..2040-01-01", "--json", "-")
    assert (code, json.loads(out)["alerts"]) == (0, 1)
    code, out, _ = backtest(POLICY, "--ledger", "2020-01-01..2020-01-02", "--json", "-")
    assert (code, json.loads(out)["alerts"]) == (0, 0)


def test_a_ledger_out_of_reach_is_one_sentence(
    backtest: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 2, and nothing is made."""
    monkeypatch.setenv("KOBAN_LEDGER__URL", f"sqlite+aiosqlite:///{tmp_path / 'none.db'}")
    code, out, err = backtest(POLICY, "--ledger", "2020-01-01..2040-01-01")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Name the alerts by either --alerts or --ledger."),
        (("--alerts", "{file}", "--ledger", "2020..2021"), "Name the alerts by either --alerts or"),
        (("--ledger", "yesterday"), "--ledger takes two times with .. between them"),
        (("--ledger", "2021-01-01..2020-01-01"), "The first time of --ledger must be before"),
        (("--ledger", "2020-01-01..2021-01-01", "--labels", "x"), "--labels is for files"),
        (("--alerts", "{tmp}/none.jsonl"), "none.jsonl"),
        (("--alerts", "{file}", "--labels", "Class"), "No file has the label column Class"),
        (("--alerts", "{file}", "--against", "{tmp}"), "actions.yaml"),
        (("--alerts", "{file}", "--html", "{tmp}/no/report.html"), "report.html can't be written"),
        (("--alerts", "{file}", "--json", "{file}"), "is named twice: the result needs its own"),
        (("--alerts", "{file}", "--json", "{tmp}/x", "--html", "{tmp}/x"), "is named twice"),
        (
            ("--alerts", "{file}", "--labels", "subject.id"),
            "a field of alerts: name another column",
        ),
        (("--alerts", "{file}", "--labels", "score"), "a field of alerts: name another column"),
        (("--ledger", "0001-01-01T00:00:00+14:00..2026-01-01"), "--ledger takes two times"),
        (("--alerts", "{file}", "--people", "0"), "Invalid value for '--people'"),
    ],
)
def test_wrong_input_is_one_sentence(
    backtest: Run, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    """Exit 1."""
    given = {"file": a_file(tmp_path), "tmp": tmp_path}
    code, _, err = backtest(POLICY, *(each.format(**given) for each in arguments))
    assert code == 1
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_a_folder_is_needed(backtest: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an argument or by KOBAN_POLICY."""
    file = a_file(tmp_path)
    monkeypatch.delenv("KOBAN_POLICY", raising=False)
    code, _, err = backtest("--alerts", file)
    assert (code, err) == (1, "Name a policy folder, or set KOBAN_POLICY.\n")
    monkeypatch.setenv("KOBAN_POLICY", str(POLICY))
    code, out, _ = backtest("--alerts", file, "--json", "-")
    assert (code, json.loads(out)["cases"]) == (0, 1)


def test_the_bar_has_the_time_left() -> None:
    """A quarter in 10 seconds leaves 30."""
    assert bar(Progress(25, 100, 10.0), 8) == "[##------]  25%  0:30 left"
    assert bar(Progress(100, 100, 61.0), 8) == "[########] 100%  0:00 left"
    assert bar(Progress(0, 0, 0.0), 8) == "[########] 100%  0:00 left"


def test_an_interruption_prints_what_was_played(tmp_path: Path) -> None:
    """Ctrl-C on a terminal ends it with exit code 130 and a part of the numbers."""
    write(tmp_path / "alerts.jsonl", MANY)
    command = (*LATER, sys.executable, "-m", "bot.cli.main", "backtest", str(POLICY))
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [*command, "--alerts", str(tmp_path / "alerts.jsonl"), "--json", "-"],
        stdout=subprocess.PIPE,
        stderr=end,
        start_new_session=True,
    )
    os.close(end)
    shown = b""
    while b"left" not in shown:
        shown += os.read(terminal, 1000)
    # A terminal sends it to all processes of the command.
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate()
    os.close(terminal)
    found = json.loads(out)
    assert process.returncode == 130
    assert found["unfinished"] is True
    assert 0 < found["alerts"] < MANY


def test_a_terminated_run_leaves_nothing(tmp_path: Path) -> None:
    """No process, and no temporary file of the alerts."""
    write(tmp_path / "alerts.jsonl", MANY)
    command = (*LATER, sys.executable, "-m", "bot.cli.main", "backtest", str(POLICY))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [*command, "--alerts", str(tmp_path / "alerts.jsonl")],
        stdout=subprocess.DEVNULL,
        stderr=end,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    os.close(end)
    shown = b""
    while b"left" not in shown:
        shown += os.read(terminal, 1000)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers != []
    process.terminate()
    assert process.wait() == 143
    os.close(terminal)
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []
    assert list(temporary.iterdir()) == []
