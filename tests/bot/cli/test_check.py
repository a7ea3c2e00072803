"""Checks of a deployment: by `koban check`, `koban doctor`, and before `koban serve` starts."""

import shutil
from pathlib import Path

import pytest

from bot.cli.main import main
from tests.bot.conftest import FEEDBACK
from tests.bot.http.fakes import COMMON, LIVE_CHAT


@pytest.mark.parametrize("broken", [False, True])
def test_check_ends_with_one_on_any_mistake(
    folder: Path,
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    broken: bool,
) -> None:
    """`koban check FOLDER` prints file and line for what is wrong."""
    if broken:
        (folder / "roles.yaml").write_text("rolls: {}\n", "utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["check", str(folder)])
    output = capsys.readouterr().out
    assert ended.value.code == int(broken)
    assert ("roles.yaml:1: " in output) is broken
    assert output.endswith(": fine\n") is not broken


def test_check_names_a_secret_that_is_missing(
    folder: Path, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`koban check` without a folder checks the deployment, secrets included."""
    environment.setenv("KOBAN_POLICY", str(folder))
    with pytest.raises(SystemExit) as ended:
        main(["check"])
    assert ended.value.code == 1
    assert capsys.readouterr().out == "CHAT_SECRET is missing: the detector live-chat signs so.\n"


def check_output(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, list[str]]:
    """Exit code and lines of `koban check`."""
    with pytest.raises(SystemExit) as ended:
        main(["check", *arguments])
    return ended.value.code, capsys.readouterr().out.splitlines()


def test_check_says_what_a_change_would_do(
    folder: Path,
    tmp_path: Path,
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Against another folder: what differs, and whether it waits; the exit code is of mistakes."""
    old = str(shutil.copytree(folder, tmp_path / "old"))
    assert check_output(capsys, str(folder), "--against", old) == (
        0,
        [f"{folder}: fine", f"{folder}: means the same as {old}"],
    )
    limits = folder / "limits.yaml"
    for number, line, ending in (
        (3, "Limits › bulk decisions: `5` → `3`", "would apply at once"),
        (9, "⚠️ Limits › bulk decisions: `5` → `9` (needs approval)", "would wait for a lead"),
    ):
        text = limits.read_text("utf-8").splitlines()
        lines = [f"bulk: {number}" if each.startswith("bulk:") else each for each in text]
        limits.write_text("\n".join(lines), "utf-8")
        assert check_output(capsys, str(folder), "--against", old) == (
            0,
            [f"{folder}: fine", line, f"{folder}: {ending}"],
        )
    (tmp_path / "old" / "roles.yaml").write_text("rolls: {}\n", "utf-8")
    code, said = check_output(capsys, str(folder), "--against", old)
    assert code == 1
    assert any(each.startswith(f"{old}/roles.yaml:1: ") for each in said)


def test_check_warns_that_a_lead_can_approve_an_own_change(
    folder: Path, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A deployment that has not named its authors; its exit code is 0."""
    environment.setenv("KOBAN_POLICY", str(folder))
    environment.setenv("CHAT_SECRET", LIVE_CHAT)
    limits = folder / "limits.yaml"
    text = limits.read_text("utf-8")
    known = "loosening: {approval: lead, authors: {maya@market.example: U0MORI}}"
    for rule, warned in (("loosening: {approval: lead}", True), (known, False), ("", False)):
        limits.write_text(text.replace("loosening: {approval: lead}", rule), "utf-8")
        code, said = check_output(capsys)
        assert code == 0
        assert any(each.startswith("warning: limits.yaml: `loosening`") for each in said) is warned


def test_doctor_says_what_to_do(
    folder: Path, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each dependency; exit 2 where one does not answer; no traceback."""
    environment.setenv("KOBAN_POLICY", str(folder))
    environment.setenv("KOBAN_TEMPORAL__ADDRESS", "127.0.0.1:1")
    environment.setenv("KOBAN_SLACK__BOT_TOKEN", "xoxb-nobody")
    environment.setenv("KOBAN_SLACK__API_URL", "http://127.0.0.1:1/api/")
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])
    assert ended.value.code == 2
    assert capsys.readouterr().out.splitlines() == [
        "policy    ok",
        "temporal  Temporal at 127.0.0.1:1 does not answer: "
        "start it or set KOBAN_TEMPORAL__ADDRESS.",
        "ledger    The file of the ledger at sqlite+aiosqlite:///koban.db is missing: koban work "
        "makes it at its first start; later restore it from a backup, or run koban doctor --fix.",
        "stores    The ledger and Temporal are not compared: one of them does not answer.",
        "slack     Slack at http://127.0.0.1:1/api/ does not answer: look at the network.",
        "platform  KOBAN_PLATFORM__BASE_URL is missing: "
        "set it to the https address of the platform's API (http only on this machine).",
        "warning   Everybody who reaches Temporal can decide as a lead: set "
        "KOBAN_TEMPORAL__ENCRYPTION_KEYS.",
        "warning   Enforcements and snapshots are not signed: set KOBAN_TEMPORAL__SIGNING_KEYS "
        "for koban work.",
    ]


def test_check_names_an_address_that_is_missing(
    folder: Path, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its exit code is 1, as for a secret."""
    (folder / "detectors" / "live-chat.yaml").write_text("detector: live-chat\n" + FEEDBACK)
    environment.setenv("KOBAN_POLICY", str(folder))
    environment.setenv("KOBAN_INGEST__SECRET", COMMON)
    with pytest.raises(SystemExit) as ended:
        main(["check"])
    assert ended.value.code == 1
    said = "CHAT_FEEDBACK is missing: the feedback of live-chat goes there.\n"
    assert capsys.readouterr().out == said


def test_serve_does_not_start_where_a_detector_could_not_sign(
    folder: Path, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The missing secret is named before the port is opened."""
    environment.setenv("KOBAN_POLICY", str(folder))
    environment.setenv("KOBAN_HTTP__PORT", "0")
    environment.setenv("KOBAN_SLACK__BOT_TOKEN", "xoxb-nobody")
    environment.setenv("KOBAN_SLACK__SIGNING_SECRET", "secret-of-slack")
    environment.setenv("KOBAN_PLATFORM__BASE_URL", "http://127.0.0.1:1/")
    with pytest.raises(SystemExit) as ended:
        main(["serve"])
    assert ended.value.code == 1
    assert capsys.readouterr().err == "CHAT_SECRET is missing: the detector live-chat signs so.\n"
