"""Alerts of files: their order, lines of JSONL, errors, and temporary files."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from threading import Timer

import pytest

from activities.backtest.alerts import AlertFiles, Line
from activities.backtest.files import BacktestInputError
from tests.activities.backtest.files import (
    CSV,
    ROW,
    alert,
    ids,
    parquet,
    read,
    sentence,
    written,
)

# -- order --------------------------------------------------------------------------------


def test_alerts_come_in_the_order_of_their_time(tmp_path: Path) -> None:
    """Zones count, over all files and kinds of files."""
    first = written(
        tmp_path / "a.jsonl",
        alert("noon", "2026-11-23T12:00:00Z"),
        alert("nine in Tokyo", "2026-11-23T09:00:00.500+09:00"),
    )
    second = written(tmp_path / "b.csv", "id,occurred_at", "one,2026-11-23T01:00:00+00:00")
    third = parquet(
        tmp_path / "c.parquet", "SELECT 'two' AS id, TIMESTAMPTZ '2026-11-23 02:00:00Z' occurred_at"
    )
    lines = read(first, second, third)
    assert ids(lines) == ["nine in Tokyo", "one", "two", "noon"]
    assert lines[0].at == datetime(2026, 11, 23, 0, 0, 0, 500_000, UTC).timestamp()


def test_equal_times_keep_the_order_of_files_and_rows(tmp_path: Path) -> None:
    """Also of many rows, and of files that are not in the order of their names."""
    files = [
        written(tmp_path / f"{name}.jsonl", *(alert(f"{name}{n}") for n in range(5000)))
        for name in ("z", "a", "m")
    ]
    expected = [f"{name}{n}" for name in ("z", "a", "m") for n in range(5000)]
    assert ids(read(*files)) == expected


def test_equal_times_in_csv_and_parquet_keep_the_order_of_rows(tmp_path: Path) -> None:
    """The rows of a large file stay in their order."""
    rows = (f"r{n},2026-11-23T03:00:00Z" for n in range(5000))
    csv = written(tmp_path / "a.csv", "id,occurred_at", *rows)
    columns = "'p' || range AS id, TIMESTAMP '2026-11-23 03:00:00' AS occurred_at"
    table = parquet(tmp_path / "b.parquet", f"SELECT {columns} FROM range(5000)")
    expected = [f"{name}{n}" for name in "rp" for n in range(5000)]
    assert ids(read(csv, table)) == expected


def test_only_the_last_chunk_is_shorter(tmp_path: Path) -> None:
    """Seven alerts in chunks of three."""
    file = written(tmp_path / "a.jsonl", *(alert(f"a{n}") for n in range(7)))
    files = AlertFiles([file])
    assert files.count() == 7
    assert [len(chunk) for chunk in files.chunks(3)] == [3, 3, 1]


@pytest.mark.parametrize(
    "at",
    [
        "2026-11-23t03:00:00z",
        "2026-11-23 03:00:00Z",
        "2026-11-23T03:00Z",
        "2026-11-23T12:00:00+09:00",
        "2026-11-23T03:00:00.000000000Z",
        "2026-11-23T03:00:00",
    ],
)
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_time_may_be_written_in_every_way_of_the_contract(
    kind: str, at: str, tmp_path: Path
) -> None:
    """A time without a zone is sorted as UTC, and stays as it is."""
    rows = [alert("a", at)] if kind == "jsonl" else ["id,occurred_at", f"a,{at}"]
    (line,) = read(written(tmp_path / f"a.{kind}", *rows))
    assert line.at == datetime(2026, 11, 23, 3, tzinfo=UTC).timestamp()
    assert json.loads(line.body) == {"id": "a", "occurred_at": at}


# -- JSONL --------------------------------------------------------------------------------


def test_jsonl_stays_as_it_is(tmp_path: Path) -> None:
    """Every byte of the line, with spaces, long numbers and escapes."""
    time = '"occurred_at":"2026-11-23T03:00:00Z"'
    text = f'{{"id":"a",  {time}, "n": 12345678901234567890123, "é": "\\u00e9 \\"外\\""}}'
    (line,) = read(written(tmp_path / "a.jsonl", text))
    assert line == Line(datetime(2026, 11, 23, 3, tzinfo=UTC).timestamp(), text, None)


def test_broken_lines_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    """No JSON, no object, no time, a time that is none, no UTF-8; empty lines are no rows."""
    file = tmp_path / "a.jsonl"
    lines = (
        alert("good").encode(),
        b'{"id": "broken"',
        b'["a list"]',
        b'"a text"',
        b'{"id": "no time"}',
        alert("no time", "yesterday").encode(),
        alert("no end", "infinity").encode(),
        b'{"id": "a number", "occurred_at": 1700000000}',
        b'{"id": "\xff", "occurred_at": "2026-11-23T03:00:00Z"}',
        b"",
        b"\x00",
        b'{"id": "one"} {"id": "two"}',
        alert("last").encode(),
    )
    file.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    files = AlertFiles([file])
    assert files.count() == 12
    assert ids(list(chain.from_iterable(files.chunks(1)))) == ["good", "last"]
    assert files.unreadable == 10


def test_reading_again_counts_again(tmp_path: Path) -> None:
    """Unreadable rows of the first reading are not added."""
    files = AlertFiles([written(tmp_path / "a.jsonl", alert("a"), "no JSON")])
    assert [list(files.chunks(5)), list(files.chunks(5))] == [[[*read(tmp_path / "a.jsonl")]]] * 2
    assert files.unreadable == 1


@pytest.mark.parametrize("suffix", [".json", ".ndjson", ".JSONL"])
def test_jsonl_has_several_suffixes(suffix: str, tmp_path: Path) -> None:
    """Capital letters are the same."""
    assert ids(read(written(tmp_path / f"a{suffix}", alert("a")))) == ["a"]


# -- errors -------------------------------------------------------------------------------


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    """Each sentence says what to do."""
    missing, empty, unknown = tmp_path / "a.jsonl", tmp_path / "b.csv", tmp_path / "c.xlsx"
    empty.touch()
    unknown.touch()
    assert sentence(missing) == f"{missing} does not exist: check its path."
    assert sentence(tmp_path) == f"{tmp_path} is a folder: name the files in it."
    assert sentence(empty) == f"{empty} is empty: write the alerts to it first."
    assert sentence(unknown) == (
        f"{unknown} is of no known kind: its name must end in "
        ".jsonl, .ndjson, .json, .csv, .tsv, .parquet."
    )
    assert sentence(Path("a\0.csv")) == "a␀.csv does not exist: check its path."
    odd = written(tmp_path / "a\\b.csv", CSV)
    assert sentence(odd) == f"{odd} has a backslash in its path: rename it."
    bytes_ = written(tmp_path / "a\udcff.csv", CSV)
    assert sentence(bytes_) == (
        f"{tmp_path}/a\ufffd.csv can't be opened: check its path and rights."
    )
    name = Path("a" * 300 + ".csv")
    assert sentence(name) == f"{'a' * 200}… can't be opened: check its path and rights."


def test_a_broken_csv_is_named_with_its_line(tmp_path: Path) -> None:
    """Of several files, the broken one."""
    good = written(tmp_path / "a.csv", CSV, ROW)
    rows = [ROW] * 30_000 + ["too,few"]
    short = written(tmp_path / "b.csv", CSV, *rows)
    assert sentence(good, short) == (
        f"{short} can't be read as CSV (line 30002): check quotes and the number of cells, "
        "and save it as UTF-8."
    )
    with pytest.raises(BacktestInputError, match=r"b\.csv can't be read as CSV"):
        AlertFiles([good, short]).count()


def test_csv_in_another_encoding_is_named(tmp_path: Path) -> None:
    """Spreadsheets in Japan save Shift JIS."""
    file = tmp_path / "a.csv"
    file.write_bytes(f"{CSV},title\n{ROW},外部\n".encode("shift_jis"))
    assert sentence(file).startswith(f"{file} can't be read as CSV")
    assert sentence(file).endswith("and save it as UTF-8.")


def test_a_broken_parquet_is_named(tmp_path: Path) -> None:
    """A file of another kind, and one that was cut."""
    file = written(tmp_path / "a.parquet", "no Parquet")
    expected = f"{file} can't be read: check that it is whole, and write it again."
    assert sentence(file) == expected
    parquet(file, "SELECT 'a' AS id, now() AS occurred_at FROM range(1000)")
    file.write_bytes(file.read_bytes()[:-20])
    assert sentence(file) == expected


def test_columns_without_a_time_are_an_error(tmp_path: Path) -> None:
    """It is the only column that every alert needs here."""
    file = written(tmp_path / "a.csv", "id,time", "a,2026-11-23T03:00:00Z")
    assert sentence(file) == f"{file} needs a column occurred_at; it has id, time."


def test_a_value_and_its_parts_are_an_error(tmp_path: Path) -> None:
    """One of them would be lost."""
    file = written(tmp_path / "a.csv", f"{CSV},subject", f"{ROW},u_1")
    assert sentence(file) == (
        f"{file} has a value and its parts in columns, of which one is subject: "
        "leave either of them out."
    )


def test_a_file_that_vanishes_is_named(tmp_path: Path) -> None:
    """After the first look at it."""
    file = written(tmp_path / "a.jsonl", alert("a"))
    files = AlertFiles([file])
    file.unlink()
    with pytest.raises(BacktestInputError, match=r"a\.jsonl can't be read"):
        files.count()


def test_duckdb_has_to_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the extra."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(BacktestInputError, match=r"^Backtests need koban\[duckdb\]\.$"):
        AlertFiles([written(tmp_path / "a.jsonl", alert("a"))])


# -- temporary files ----------------------------------------------------------------------


def large(tmp_path: Path) -> Path:
    """An unsorted file of 30 MB."""
    filler = "x" * 1000
    times = (f"2026-11-23T03:{n % 60:02}:00Z" for n in range(30_000))
    return written(
        tmp_path / "large.jsonl", *(alert(f"a{n}", at, x=filler) for n, at in enumerate(times))
    )


def started(tmp_path: Path) -> Iterator[list[Line]]:
    """Chunks of a file that does not fit into the memory, after the first one."""
    chunks = AlertFiles([large(tmp_path)], memory="80MB").chunks(10)
    next(chunks)
    return chunks


def test_sorting_on_disk_leaves_no_files(tmp_path: Path, folder: Path) -> None:
    """The order is right, and the folder of the sort is removed at the end."""
    found = 0
    last = 0.0
    for chunk in AlertFiles([large(tmp_path)], memory="80MB").chunks(1000):
        assert list(folder.iterdir()) != []
        times = [last, *(line.at for line in chunk)]
        assert times == sorted(times)
        found, last = found + len(chunk), times[-1]
    assert found == 30_000
    assert list(folder.iterdir()) == []


def test_an_iterator_that_is_closed_early_leaves_no_files(tmp_path: Path, folder: Path) -> None:
    """A person may stop a backtest."""
    chunks = started(tmp_path)
    assert list(folder.iterdir()) != []
    chunks.close()  # type: ignore[attr-defined]
    assert list(folder.iterdir()) == []


def test_an_error_leaves_no_files(tmp_path: Path, folder: Path) -> None:
    """Of a file, and of the code that reads the chunks."""
    sentence(written(tmp_path / "a.parquet", "no Parquet"))
    assert list(folder.iterdir()) == []

    def fail(chunk: list[Line]) -> None:
        raise RuntimeError(chunk[0].body)

    chunks = AlertFiles([written(tmp_path / "a.jsonl", alert("a"))]).chunks(1)
    with pytest.raises(RuntimeError):
        list(map(fail, chunks))
    del chunks
    assert list(folder.iterdir()) == []


def test_too_little_memory_is_said(tmp_path: Path, folder: Path) -> None:
    """The sentence names the folder that needs room."""
    with pytest.raises(BacktestInputError) as caught:
        list(AlertFiles([large(tmp_path)], memory="10MB").chunks(10))
    assert str(caught.value) == (
        f"The alerts can't be sorted: make room for three times their size in {folder}, "
        "or give fewer files at a time."
    )
    assert list(folder.iterdir()) == []


def test_control_c_ends_a_query(tmp_path: Path) -> None:
    """DuckDB takes the signal, and its own error is no fault of a file."""
    file = large(tmp_path)

    def read_forever() -> None:
        while True:
            next(AlertFiles([file]).chunks(1))

    timer = Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        read_forever()
    timer.join()
