"""`koban send`: alerts from a file to a running server."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli.main import main
from bot.cli.send import batches, read_items
from bot.errors import InputWrong
from tests.bot.http.conftest import AlertServer, front, server
from tests.bot.http.fakes import COMMON, LIVE_CHAT, alert, secret_of

__all__ = ["front", "server"]


@pytest.fixture(autouse=True)
def settings(tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """The sender's settings: the common secret, and a detector's own."""
    with pytest.MonkeyPatch.context() as environment:
        environment.chdir(tmp_path)
        environment.setenv("KOBAN_INGEST__SECRET", COMMON)
        environment.setenv("LIVE_CHAT_SECRET", LIVE_CHAT)
        yield environment


def write(*lines: object) -> str:
    """A JSONL file with these values."""
    return write_text("\n".join(json.dumps(line) for line in lines) + "\n")


def write_text(text: str) -> str:
    """A file with this text."""
    Path("alerts.jsonl").write_text(text, "utf-8")
    return "alerts.jsonl"


async def sent(server: AlertServer, *arguments: str) -> int | str | None:
    """The exit code of `koban send` with these arguments against the server."""
    command = ["send", *arguments, "--url", str(server.http.base_url).rstrip("/")]
    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(main, command)
    return ended.value.code


async def test_every_alert_of_a_file_arrives(
    server: AlertServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """All lines are sent, and the results are printed."""
    file = write(*(alert(f"a{number}") for number in range(450)))
    assert await sent(server, file) == 0
    assert sorted(server.cases.ids) == sorted(f"a{number}" for number in range(450))
    assert capsys.readouterr().out == "450 accepted, 0 duplicate, 0 invalid\n"


async def test_running_it_again_resumes(
    server: AlertServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alerts from the first run are duplicates; the others are accepted."""
    await sent(server, write(alert("a1")))
    capsys.readouterr()
    assert await sent(server, write(alert("a1"), alert("a2"))) == 0
    assert capsys.readouterr().out == "1 accepted, 1 duplicate, 0 invalid\n"
    assert server.cases.ids == ["a1", "a2"]


async def test_an_invalid_line_is_named_and_the_others_are_sent(
    server: AlertServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, with file, line and field."""
    assert await sent(server, write(alert("a1"), alert("a2", colour=1), alert("a3"))) == 1
    output = capsys.readouterr()
    assert "alerts.jsonl:2: /colour: Unknown field.\n" in output.err
    assert output.out == "2 accepted, 0 duplicate, 1 invalid\n"


async def test_detectors_are_sent_apart(server: AlertServer) -> None:
    """A request has one detector's alerts, so a mixed file becomes several."""
    file = write(alert("a1", detector="x"), alert("a2", detector="y"), alert("a3", detector="x"))
    assert await sent(server, file) == 0
    assert [taken.key for taken, _ in server.cases.taken] == ["x/a1", "y/a2", "x/a3"]


async def test_a_detectors_own_secret_is_used_by_its_name(server: AlertServer) -> None:
    """`--secret-env` names the variable."""
    assert await sent(server, write(alert("a1")), "--secret-env", "LIVE_CHAT_SECRET") == 0
    assert [taken.key for taken, _ in server.cases.taken] == ["live-chat/a1"]


async def test_a_wrong_secret_gets_a_sentence(
    server: AlertServer, settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1; nothing was accepted."""
    settings.setenv("KOBAN_INGEST__SECRET", secret_of("z"))
    assert await sent(server, write(alert("a1"))) == 1
    assert "Koban refused the signature: the secret here and there must be the same.\n" in (
        capsys.readouterr().err
    )
    assert server.cases.taken == []


def test_a_missing_server_gets_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, with advice."""
    with pytest.raises(SystemExit) as ended:
        main(["send", write(alert("a1")), "--url", "http://127.0.0.1:1"])
    assert ended.value.code == 2
    output = capsys.readouterr().err
    assert "Koban at http://127.0.0.1:1 does not answer: start koban serve or give --url" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"id": "a1"}\n\nnot json\n', "f:3: not JSON: write one alert a line."),
        ('{"id": "a1"', "f:1: not JSON: write one alert a line."),
    ],
)
def test_a_line_that_is_not_json_stops_before_anything_is_sent(text: str, sentence: str) -> None:
    """The error has the line."""
    Path("f").write_text(text)
    with pytest.raises(InputWrong) as stopped:
        read_items(Path("f"))
    assert str(stopped.value) == sentence


@pytest.mark.parametrize(
    ("value", "places"),
    [
        (alert("a1"), ["f: alert 1"]),
        ([alert("a1"), alert("a2")], ["f: alert 1", "f: alert 2"]),
        ({"alerts": [alert("a1")]}, ["f: alert 1"]),
    ],
)
def test_a_json_file_has_one_alert_or_a_list(value: object, places: list[str]) -> None:
    """All documented formats are read."""
    Path("f").write_text(json.dumps(value))
    assert [item.place for item in read_items(Path("f"))] == places


def test_a_batch_stays_below_the_cap_of_a_request() -> None:
    """Large alerts make smaller batches."""
    large = alert("a", evidence=[{"kind": "text", "text": "x" * 200_000}])
    Path("f").write_text("\n".join(json.dumps(large) for _ in range(5)))
    assert [len(batch) for batch in batches(read_items(Path("f")))] == [2, 2, 1]


async def test_a_broken_line_does_not_stop_its_neighbours(
    server: AlertServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """NaN, half an emoji and a field that is there twice are the server's to refuse."""
    lines = [json.dumps(alert(f"a{number}")) for number in range(5)]
    lines[1] = lines[1].replace('"kind"', '"score": NaN, "kind"')
    lines[2] = lines[2].replace('"kind"', '"title": "\\ud83d", "kind"')
    lines[3] = lines[3].replace('"kind"', '"id": "x", "kind"')
    assert await sent(server, write_text("\n".join(lines))) == 1
    output = capsys.readouterr()
    assert output.out == "2 accepted, 0 duplicate, 3 invalid\n"
    assert "alerts.jsonl:2: /score: NaN is not a number in JSON.\n" in output.err
    assert "alerts.jsonl:3: /title: This text has half of a surrogate pair.\n" in output.err
    assert "alerts.jsonl:4: /id: This field is there twice.\n" in output.err
    assert server.cases.ids == ["a0", "a4"]


def test_a_file_that_can_not_be_read_gets_its_reason(tmp_path: Path) -> None:
    """Missing, another encoding, a folder."""
    Path("sjis").write_bytes("誘導".encode("shift_jis"))
    Path("folder").mkdir()
    for file, sentence in (
        ("nowhere", "There is no file nowhere: look at its path."),
        ("sjis", "sjis is not UTF-8: save it as UTF-8 text."),
        ("folder", "folder can't be read (Is a directory): look at its path."),
    ):
        with pytest.raises(InputWrong) as stopped:
            read_items(Path(file))
        assert str(stopped.value) == sentence


async def test_a_wrong_path_gets_a_sentence(
    server: AlertServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1: to try later would not help."""
    url = f"{str(server.http.base_url).rstrip('/')}/koban"
    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(main, ["send", write(alert("a1")), "--url", url])
    assert ended.value.code == 1
    assert capsys.readouterr().err.endswith(
        f"There is no Koban at {url}/v1/alerts (404): give --url with the address of koban serve, "
        "as http://127.0.0.1:8400.\n"
    )


def test_a_terminal_that_is_not_utf_8_shows_escapes(tmp_path: Path) -> None:
    """The command does not end in an error of its own."""
    Path("f.jsonl").write_text('{"id": "誘導"', "utf-8")
    Path("誘導.jsonl").write_text("x", "utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    koban = Path(sys.executable).with_name("koban")
    ended = subprocess.run(
        [koban, "send", "誘導.jsonl"], capture_output=True, env=environment, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr == b"\\u8a98\\u5c0e.jsonl:1: not JSON: write one alert a line.\n"
