"""Determinism: workflow code uses no clock, randomness or I/O."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

WORKFLOWS = Path(__file__).parents[2] / "workflows"
MODULES = frozenset(
    [
        "time",
        "random",
        "secrets",
        "os",
        "socket",
        "subprocess",
        "threading",
        "multiprocessing",
        "concurrent",
        "sqlite3",
        "urllib",
        "http",
        "httpx",
        "aiohttp",
        "slack_sdk",
        "sqlalchemy",
    ]
)
"""Modules that a workflow must not import, because their results differ in a replay."""
NAMES = frozenset(
    [
        "now",
        "utcnow",
        "today",
        "fromtimestamp",
        "uuid1",
        "uuid4",
        "time_ns",
        "monotonic",
        "perf_counter",
        "urandom",
    ]
)
"""Calls that it must not make, except on `workflow`, whose results are in the history."""
OURS = frozenset({"workflow", "self", "_clock", "clock"})
BUILTINS = frozenset({"open", "input", "hash", "print"})


def faults(source: str) -> Iterator[str]:
    """Yields the calls and imports in `source` that may differ in a replay."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names if each.name.split(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in MODULES:
                yield module
            case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
                yield name
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in NAMES:
                if _last_name(value) not in OURS:
                    yield f"{_last_name(value)}.{name}"


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


@pytest.mark.parametrize("path", sorted(WORKFLOWS.rglob("*.py")), ids=lambda path: path.name)
def test_a_workflow_module_is_deterministic(path: Path) -> None:
    """There is no sandbox at run time: this test replaces it."""
    assert list(faults(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time", ["time"]),
        ("from os import environ", ["os"]),
        ("import httpx", ["httpx"]),
        ("at = datetime.now(UTC)", ["datetime.now"]),
        ("at = datetime.datetime.utcnow()", ["datetime.utcnow"]),
        ("key = uuid4.uuid4()", ["uuid4.uuid4"]),
        ("text = open('x').read()", ["open"]),
        ("at = workflow.now()", []),
        ("key = workflow.uuid4().hex", []),
    ],
)
def test_nondeterminism_is_found(source: str, found: list[str]) -> None:
    """One line of each kind."""
    assert list(faults(source)) == found
