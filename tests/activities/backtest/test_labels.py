"""Labels of alerts in JSONL, CSV and Parquet."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.activities.backtest.files import (
    CSV,
    ROW,
    alert,
    bodies,
    labels,
    parquet,
    read,
    sentence,
    written,
)

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
