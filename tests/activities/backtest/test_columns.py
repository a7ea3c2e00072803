"""Alerts from columns of CSV and Parquet, and hostile names."""

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.backtest.alerts import AlertFiles
from tests.activities.backtest.files import (
    CSV,
    ROW,
    alert,
    bodies,
    ids,
    parquet,
    read,
    written,
)
from workflows.domain.alerts import Alert

# -- CSV ----------------------------------------------------------------------------------


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


# -- Parquet ------------------------------------------------------------------------------


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


# -- hostile names and texts --------------------------------------------------------------


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
