"""Alerts of a backtest: their order, text and labels from JSONL, CSV and Parquet, and errors."""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.backtest.alerts import AlertFiles, BacktestInputError, Line
from tests.workflows.domain.builders import an_alert
from workflows.domain.alerts import Alert

ALERT = an_alert().model_dump(mode="json", exclude_none=True)
CSV = "id,kind,subject.type,subject.id,occurred_at"
ROW = "a1,off_platform,user,u_1,2026-11-23T03:00:00Z"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty before and after."""
    made = tmp_path / "temporary"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    return made


def written(path: Path, *lines: str) -> Path:
    """A file with these lines."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def alert(id: str, at: str = "2026-11-23T03:00:00Z", **more: Any) -> str:
    """The JSON text of an alert."""
    return json.dumps({"id": id, "occurred_at": at, **more})


def read(*files: Path, label: str | None = None, size: int = 100) -> list[Line]:
    """All alerts of files."""
    return list(chain.from_iterable(AlertFiles(files, label).chunks(size)))


def bodies(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The alerts as data."""
    return [json.loads(line.body) for line in lines]


def ids(lines: Sequence[Line]) -> list[str]:
    """The ids of alerts."""
    return [body["id"] for body in bodies(lines)]


def sentence(*files: Path, label: str | None = None) -> str:
    """The error of reading files."""
    with pytest.raises(BacktestInputError) as caught:
        read(*files, label=label)
    return str(caught.value)


def parquet(path: Path, select: str) -> Path:
    """A Parquet file with the rows of a query."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.sql(select).write_parquet(str(path))
    return path


# -- order ---------------------------------------------------------------------------------


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


# -- JSONL ---------------------------------------------------------------------------------


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


# -- CSV -----------------------------------------------------------------------------------


def test_dotted_columns_of_csv_make_the_alert_of_the_contract(tmp_path: Path) -> None:
    """Objects and lists are nested; numbers and booleans are no texts."""
    header = (
        "id,detector,kind,subject.type,subject.id,related.0.type,related.0.id,score,occurred_at,"
        "title.ja,title.en,evidence.0.kind,evidence.0.text,evidence.0.sensitive,attributes.viewers,"
        "attributes.is_new,attributes.shop.rank"
    )
    row = (
        "7,live-chat,off_platform,user,0123,stream,s_9,0.98,2026-11-23T03:00:00Z,"
        '誘導,"Moved, to ""LINE""",text,"LINE ID\nください",TRUE,1240,false,-1.5e3'
    )
    (line,) = read(written(tmp_path / "a.csv", header, row))
    assert json.loads(line.body) == {
        "id": "7",
        "detector": "live-chat",
        "kind": "off_platform",
        "subject": {"type": "user", "id": "0123"},
        "related": [{"type": "stream", "id": "s_9"}],
        "score": 0.98,
        "occurred_at": "2026-11-23T03:00:00Z",
        "title": {"ja": "誘導", "en": 'Moved, to "LINE"'},
        "evidence": [{"kind": "text", "text": "LINE ID\nください", "sensitive": True}],
        "attributes": {"viewers": 1240, "is_new": False, "shop": {"rank": -1500.0}},
    }


def test_empty_cells_are_absent_fields(tmp_path: Path) -> None:
    """An object or list of empty cells is absent as well; places of a list close up."""
    header = (
        f"{CSV},score,title.ja,title.en,related.0.type,related.0.id,related.1.type,related.1.id"
    )
    first = f"{ROW},,,,,,stream,s_1"
    second = f"{ROW},,,,,,,"
    lines = bodies(read(written(tmp_path / "a.csv", header, first, second)))
    plain = {
        "id": "a1",
        "kind": "off_platform",
        "subject": {"type": "user", "id": "u_1"},
        "occurred_at": "2026-11-23T03:00:00Z",
    }
    assert lines == [{**plain, "related": [{"type": "stream", "id": "s_1"}]}, plain]
    assert Alert.model_validate(lines[0]).related[0].id == "s_1"


def test_an_attribute_of_csv_is_a_number_only_if_all_are(tmp_path: Path) -> None:
    """A telephone number, an id with zeros, and a column with words stay texts."""
    rows = [f"{ROW},1,007,12,1.5,", f"{ROW},2,8,new,,x"]
    header = f"{CSV},{','.join(f'attributes.{name}' for name in 'abcde')}"
    found = [
        body["attributes"] for body in bodies(read(written(tmp_path / "a.csv", header, *rows)))
    ]
    assert found == [
        {"a": 1, "b": "007", "c": "12", "d": 1.5},
        {"a": 2, "b": "8", "c": "new", "e": "x"},
    ]


def test_a_word_after_the_sample_is_a_text(tmp_path: Path) -> None:
    """The rows before it are numbers, and it is no error."""
    rows = [f"{ROW},1"] * 20_000 + [f"{ROW},new"]
    lines = read(written(tmp_path / "a.csv", f"{CSV},attributes.a", *rows))
    assert [body["attributes"]["a"] for body in bodies(lines[-2:])] == [1, "new"]


def test_a_cell_may_have_the_json_of_a_field(tmp_path: Path) -> None:
    """A warehouse writes objects and lists in this way; another text of the column stays a text."""
    rows = ["""{"type":"user","id":"u_1"}""", "[1]", """{"a":null}""", "{broken"]
    cells = ",".join('"' + row.replace('"', '""') + '"' for row in rows)
    file = written(
        tmp_path / "a.csv",
        "occurred_at,subject,related,attributes,title,note",
        f'2026-11-23T03:00:00Z,{cells},"{{""a"":1}}"',
    )
    assert bodies(read(file)) == [
        {
            "occurred_at": "2026-11-23T03:00:00Z",
            "subject": {"type": "user", "id": "u_1"},
            "related": [1],
            "attributes": {"a": None},
            "title": "{broken",
            "note": '{"a":1}',
        }
    ]


def test_tsv_is_separated_by_tabs(tmp_path: Path) -> None:
    """Commas belong to the cells."""
    file = written(tmp_path / "a.tsv", "id\toccurred_at", "a,b\t2026-11-23T03:00:00Z")
    assert ids(read(file)) == ["a,b"]


def test_rows_without_a_time_are_counted_in_csv(tmp_path: Path) -> None:
    """An empty cell, and one that is no time."""
    files = AlertFiles(
        [written(tmp_path / "a.csv", "id,occurred_at", "a,", "b,soon", "c,2026-11-23T03:00:00Z")]
    )
    assert [ids(chunk) for chunk in files.chunks(9)] == [["c"]]
    assert files.unreadable == 2


def test_a_row_of_csv_may_begin_with_a_number_sign(tmp_path: Path) -> None:
    """It is no comment."""
    file = written(tmp_path / "a.csv", "id,occurred_at", "#1,2026-11-23T03:00:00Z")
    assert ids(read(file)) == ["#1"]


# -- Parquet -------------------------------------------------------------------------------


def test_nested_columns_of_parquet_make_the_alert_of_the_contract(tmp_path: Path) -> None:
    """Times are ISO 8601 in UTC, and NULL is absent at every level."""
    file = parquet(
        tmp_path / "a.parquet",
        """
        SELECT 7 AS id, {'type': 'user', 'id': 42} AS subject, NULL::VARCHAR AS detector,
          [{'type': 'stream', 'id': 's_9'}, NULL, {'type': 'shop', 'id': NULL}] AS related,
          0.98::DECIMAL(5, 2) AS score, TIMESTAMPTZ '2026-11-23 12:00:00+09:00' AS occurred_at,
          {'ja': NULL::VARCHAR, 'en': NULL::VARCHAR} AS title,
          {'viewers': 1240::BIGINT, 'nothing': 'nan'::DOUBLE, 'is_new': true,
           'at': TIMESTAMP '2026-11-23 03:00:00.25', 'day': DATE '2026-11-23',
           'counts': MAP {'a': 1, 'b': NULL}, 'tags': [1, NULL, 2], 'raw': '{"x": [null]}'::JSON,
           'said': 'a "b"'} AS attributes
        """,
    )
    (line,) = read(file)
    assert line.at == datetime(2026, 11, 23, 3, tzinfo=UTC).timestamp()
    assert json.loads(line.body) == {
        "id": "7",
        "subject": {"type": "user", "id": "42"},
        "related": [{"type": "stream", "id": "s_9"}, {"type": "shop"}],
        "score": 0.98,
        "occurred_at": "2026-11-23T03:00:00.000000Z",
        "attributes": {
            "viewers": 1240,
            "is_new": True,
            "at": "2026-11-23T03:00:00.250000Z",
            "day": "2026-11-23",
            "counts": {"a": 1},
            "tags": [1, 2],
            "raw": {"x": [None]},
            "said": 'a "b"',
        },
    }


def test_dotted_columns_of_parquet_are_nested(tmp_path: Path) -> None:
    """Texts of Parquet stay texts, also if they look like numbers."""
    columns = """'2026-11-23T03:00:00Z' AS occurred_at, 'u_1' AS "subject.id",
        '12' AS "attributes.code", 12 AS "attributes.ratio" """
    assert bodies(read(parquet(tmp_path / "a.parquet", f"SELECT {columns}"))) == [
        {
            "occurred_at": "2026-11-23T03:00:00Z",
            "subject": {"id": "u_1"},
            "attributes": {"code": "12", "ratio": 12},
        }
    ]


# -- labels --------------------------------------------------------------------------------


LABELS: list[tuple[Any, bool | None]] = [
    (1, True),
    (0, False),
    (True, True),
    (False, False),
    ("1", True),
    ("0", False),
    ("Yes", True),
    ("no", False),
    ("TRUE", True),
    (1.0, True),
    (2, None),
    ("maybe", None),
    ("", None),
    (None, None),
]


def labels(lines: Sequence[Line]) -> list[bool | None]:
    """The labels of alerts."""
    return [line.label for line in lines]


def test_labels_of_jsonl(tmp_path: Path) -> None:
    """Objects and absent labels are none; the label is no part of the alert."""
    rows = [alert("a", is_fraud=value, n=None) for value, _ in LABELS]
    file = written(
        tmp_path / "a.jsonl", *rows, alert("a", n=None, is_fraud={"x": 1}), alert("a", n=None)
    )
    lines = read(file, label="is_fraud")
    assert labels(lines) == [*(expected for _, expected in LABELS), None, None]
    assert bodies(lines) == [json.loads(alert("a", n=None))] * len(lines)


def test_labels_of_csv(tmp_path: Path) -> None:
    """As people and programs write them."""
    rows = [f"{ROW},{'' if value is None else value}" for value, _ in LABELS]
    lines = read(written(tmp_path / "a.csv", f"{CSV},is_fraud", *rows), label="is_fraud")
    assert labels(lines) == [expected for _, expected in LABELS]
    assert all("is_fraud" not in line.body for line in lines)


@pytest.mark.parametrize(
    "column", ["1", "true", "'yes'", "1.0::DOUBLE", "1::DECIMAL(3, 1)", "1::TINYINT"]
)
def test_labels_of_parquet(column: str, tmp_path: Path) -> None:
    """Every type that a label may have."""
    select = f"SELECT 'a' AS id, now() AS occurred_at, {column} AS is_fraud"
    (line,) = read(parquet(tmp_path / "a.parquet", select), label="is_fraud")
    assert line.label is True
    assert json.loads(line.body).keys() == {"id", "occurred_at"}


def test_a_label_may_be_nested(tmp_path: Path) -> None:
    """In objects of JSONL, dotted columns of CSV, and structs of Parquet."""
    name = "attributes.review.bad"
    files = [
        written(
            tmp_path / "a.jsonl",
            alert("a", attributes={"x": 1, "review": {"bad": True}}),
            json.dumps({"id": "b", "occurred_at": "2026-11-23T03:00:00Z", name: "no"}),
            alert("c", attributes=[1]),
        ),
        written(tmp_path / "b.csv", f"id,occurred_at,{name}", "d,2026-11-23T03:00:00Z,1"),
        parquet(
            tmp_path / "c.parquet",
            "SELECT 'e' AS id, '2026-11-23T03:00:00Z' AS occurred_at, "
            "{'x': 1, 'review': {'bad': false}} AS attributes",
        ),
    ]
    lines = read(*files, label=name)
    assert labels(lines) == [True, False, None, True, False]
    assert [body.get("attributes") for body in bodies(lines)] == [
        {"x": 1, "review": {}},
        None,
        [1],
        None,
        {"x": 1},
    ]


def test_a_file_may_lack_the_label(tmp_path: Path) -> None:
    """Its alerts have none."""
    first = written(tmp_path / "a.csv", f"{CSV},bad", f"{ROW},1")
    second = written(tmp_path / "b.jsonl", alert("b"))
    assert labels(read(first, second, label="bad")) == [True, None]


def test_a_label_that_no_file_has_is_an_error(tmp_path: Path) -> None:
    """The sentence lists the first ten columns, without control characters."""
    file = written(tmp_path / "a.csv", f"{CSV},x\x1b1", f"{ROW},1")
    assert sentence(file, label="is_fraud") == (
        "No file has the label column is_fraud; "
        "there are id, kind, subject.type, subject.id, occurred_at, x␛1."
    )
    many = written(tmp_path / "b.jsonl", alert("a", **{f"k{n}": 1 for n in range(10)}), alert("b"))
    assert sentence(many, label="is_fraud") == (
        "No file has the label column is_fraud; "
        "there are id, occurred_at, k0, k1, k2, k3, k4, k5, k6, k7 and 2 more."
    )


@pytest.mark.parametrize(
    "name", ["a'b", 'a"b', "a/b", "a~1", "a;--", "[0]", "*", "$", "a\\b", "ラ"]
)
def test_a_label_may_have_any_name(name: str, tmp_path: Path) -> None:
    """Quotes, slashes and signs of SQL and JSON are parts of the name."""
    rows = [alert("a", **{name: 1}), alert("b", other=1)]
    quoted = '"' + name.replace('"', '""') + '"'
    csv = written(tmp_path / "b.csv", f"{CSV},{quoted}", f"{ROW},0")
    lines = read(written(tmp_path / "a.jsonl", *rows), csv, label=name)
    assert labels(lines) == [True, None, False]
    assert bodies(lines)[:2] == [json.loads(alert("a")), json.loads(rows[1])]
    assert bodies(lines)[2].keys() == {"id", "kind", "subject", "occurred_at"}


# -- hostile names and texts ---------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["a'b", 'a"b', "a[1]", "a*", "a?", "a;DROP TABLE loaded;--", "{}", "a b", "a=1", "外部"]
)
@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_a_file_may_have_any_name(name: str, kind: str, tmp_path: Path) -> None:
    """It is read alone, although its name as a pattern matches others, also of its folder."""
    inside = tmp_path / name
    inside.mkdir()
    for other in ("a1", "ab", "aXb"):
        written(inside / f"{other}.{kind}", "not an alert")
    file = inside / f"{name}.{kind}"
    if kind == "parquet":
        plain = parquet(tmp_path / "plain", "SELECT 'x' AS id, now() AS occurred_at")
        plain.rename(file)
    else:
        rows = [alert("x")] if kind == "jsonl" else ["id,occurred_at", "x,2026-11-23T03:00:00Z"]
        written(file, *rows)
    files = AlertFiles([file])
    assert files.count() == 1
    assert bodies(read(file))[0].keys() == {"id", "occurred_at"}
    assert ids(read(file)) == ["x"]


def test_a_link_is_read_by_its_own_name(tmp_path: Path) -> None:
    """The suffix of the link counts."""
    link = tmp_path / "a.jsonl"
    link.symlink_to(written(tmp_path / "data.0001", alert("a")))
    assert ids(read(link)) == ["a"]


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\0."), min_size=1, max_size=12
).filter(lambda name: name == name.strip())


@pytest.mark.property
@given(names=st.lists(NAMES, min_size=1, max_size=4, unique_by=str.casefold), value=NAMES)
def test_columns_may_have_any_name(names: list[str], value: str) -> None:
    """They are keys of the attributes; nothing of them is SQL."""

    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    columns = [cell(f"attributes.k{name}") for name in names]
    cells = [cell(f"v{value}")] * len(names)
    with tempfile.TemporaryDirectory() as folder:
        file = written(Path(folder, "a.csv"), ",".join([CSV, *columns]), ",".join([ROW, *cells]))
        (body,) = bodies(read(file))
    assert body["attributes"] == {f"k{name}": f"v{value}" for name in names}


def test_columns_may_have_the_names_of_the_query(tmp_path: Path) -> None:
    """They are not mixed up with its own."""
    header = "id,occurred_at,moment,body,label,loaded,rowid,json,attributes.e0"
    file = written(tmp_path / "a.csv", header, "a,2026-11-23T03:00:00Z,1,2,3,4,5,6,7")
    (body,) = bodies(read(file))
    assert [body[name] for name in ("moment", "body", "label", "loaded", "rowid", "json")] == [
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
    ]


def test_a_name_with_many_dots_has_few_levels(tmp_path: Path) -> None:
    """The eighth level has the rest of the name."""
    deep = "attributes." + ".".join("abcdefghij")
    (body,) = bodies(read(written(tmp_path / "a.csv", f"{CSV},{deep}", f"{ROW},x")))
    assert body["attributes"]["a"]["b"]["c"]["d"]["e"]["f"] == {"g.h.i.j": "x"}


def test_only_the_named_files_are_open_to_the_query(tmp_path: Path, folder: Path) -> None:
    """DuckDB itself refuses every other path."""
    file = written(tmp_path / "a.jsonl", alert("a"))
    other = written(tmp_path / "b.jsonl", alert("b"))
    with (
        AlertFiles([file])._opened() as (connection, _),
        pytest.raises(duckdb.PermissionException),
    ):
        connection.execute("SELECT * FROM read_text(?)", [str(other)])


# -- errors --------------------------------------------------------------------------------


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


# -- temporary files -----------------------------------------------------------------------


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
