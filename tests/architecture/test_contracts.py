"""Tests of the import contracts: one copy of the tree in which every forbidden use is planted."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.contracts import Use, clocks, is_allowed, package_of, uses

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")

DOMAIN, WORKFLOW = "workflows.domain.ids", "workflows.case.inbox"
USES = [
    *((DOMAIN, "import asyncpg", "asyncpg"), (WORKFLOW, "import asyncpg", "asyncpg")),
    *((DOMAIN, "import fastapi", "fastapi"), (WORKFLOW, "import fastapi", "fastapi")),
    *((DOMAIN, "from PIL import Image", "PIL.Image"), (WORKFLOW, "import PIL.Image", "PIL.Image")),
    (DOMAIN, "import prometheus_client", "prometheus_client"),
    (WORKFLOW, "from prometheus_client import Counter", "prometheus_client.Counter"),
    *((DOMAIN, "import httpx", "httpx"), (WORKFLOW, "import httpx", "httpx")),
    *((DOMAIN, "import time", "time"), (WORKFLOW, "import time", "time")),
    *((DOMAIN, "import random", "random"), (WORKFLOW, "import random", "random")),
    *((DOMAIN, "import importlib", "importlib"), (WORKFLOW, "import importlib", "importlib")),
    (DOMAIN, "from os import environ", "os.environ"),
    (DOMAIN, "from pathlib import Path", "pathlib.Path"),
    (DOMAIN, "from temporalio import workflow", "temporalio.workflow"),
    (DOMAIN, "text = open('x').read()", "builtins.open"),
    (WORKFLOW, "text = open('x').read()", "builtins.open"),
    (WORKFLOW, "print(1)", "builtins.print"),
    (DOMAIN, "loaded = __import__('os')", "builtins.__import__"),
    (DOMAIN, "found = eval('1')", "builtins.eval"),
    (DOMAIN, "import datetime as d; at = d.datetime.now()", "datetime.datetime.now"),
    (WORKFLOW, "pause = asyncio.sleep(1)", "asyncio.sleep"),
    (WORKFLOW, "from temporalio.client import Client", "temporalio.client.Client"),
    ("activities.policy.loader", "env = os.environb", "os.environb"),
    ("activities.policy.loader", "env = os.path.expandvars('$HOME')", "os.path.expandvars"),
    ("activities.slack.blocks", "import importlib", "importlib"),
    ("activities.slack.blocks", "import sqlalchemy", "sqlalchemy"),
    ("activities.ledger.rows", "import slack_sdk", "slack_sdk"),
    ("bot.services.cases", "from os import environb", "os.environb"),
    ("bot.services.team", "import importlib", "importlib"),
    ("bot.cli.main", "env = os.environ", "os.environ"),
]
"""(module, planted line, refused name)."""

CLOCKS = [
    (DOMAIN, "at = event.at.now()", "at.now"),
    (DOMAIN, "read = moment.utcnow", "moment.utcnow"),
    (WORKFLOW, "from uuid import uuid4; key = uuid4.uuid4()", "uuid4.uuid4"),
]

IMPORTS = [
    (DOMAIN, "workflows.conditions"),
    ("workflows.domain.case.model", "workflows.domain.appeal.model"),
    ("workflows.shared.machine", "workflows.appeal.notices"),
    ("workflows.shared.machine", "workflows.case.inbox"),
    ("workflows.ports.cases", "workflows.client"),
    ("workflows.case.inbox", "activities.errors"),
    ("activities.policy.schemas", "activities.ledger.search"),
    ("activities.policy.schemas", "activities.slack.escape"),
    ("activities.slack.escape", "activities.ledger.rows"),
    ("activities.errors", "activities.slack.blocks"),
    ("activities.errors", "bot.errors"),
    ("bot.services.team", "bot.slack.replies"),
    ("bot.services.team", "bot.http.metrics"),
    ("bot.slack.replies", "bot.http.app"),
    ("bot.policies", "bot.services.lookups"),
    ("bot.errors", "deploy.sandbox.app"),
    ("bot.errors", "tests.busy"),
]
"""(importer, imported)."""


def copied(root: Path) -> Path:
    """A copy of the code and the contracts."""
    for package in ("bot", "workflows", "activities", "deploy", "tests"):
        for path in (ROOT / package).rglob("*.py"):
            target = root / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def plant(root: Path, module: str, line: str) -> None:
    """Adds a line to a module."""
    path = (root / module.replace(".", "/")).with_suffix(".py")
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """The output of `lint-imports`, in lines that are long enough."""
    return subprocess.run(
        [LINT, "--no-cache"],
        cwd=root,
        env={**os.environ, "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the contracts say about the copy with all planted lines."""
    root = copied(tmp_path_factory.mktemp("planted"))
    for module, line, _ in (*USES, *CLOCKS):
        plant(root, module, line)
    for importer, imported in IMPORTS:
        plant(root, importer, f"import {imported}")
    (root / "bot" / "elsewhere.py").write_text('"""Module without a layer."""\n', "utf-8")
    result = lint(root)
    assert result.returncode == 1, result.stdout
    return result.stdout


def test_the_tree_keeps_its_contracts(tmp_path: Path) -> None:
    """A copy without planted lines passes."""
    result = lint(copied(tmp_path))
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("module", "line", "name"), [*USES, *CLOCKS])
def test_a_forbidden_use_is_refused(refused: str, module: str, line: str, name: str) -> None:
    """The module is named with the library, function or builtin that its list does not have."""
    found = [
        each
        for each in refused.splitlines()
        if each.startswith(f"{module} (l.") and each.endswith(f": {name}")
    ]
    assert found, f"{line!r} in {module}"


@pytest.mark.parametrize(("importer", "imported"), IMPORTS)
def test_an_import_against_the_layers_is_refused(
    refused: str, importer: str, imported: str
) -> None:
    """The chain of the import is named."""
    assert f"{importer} -> {imported} (l." in refused


def test_a_module_without_a_layer_is_refused(refused: str) -> None:
    """A new module has to get its place in the layers."""
    assert "- bot.elsewhere" in refused


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import os as o\no.environb", ["os", "os.environb"]),
        ("from os import path\npath.expandvars('x')", ["os.path", "os.path.expandvars"]),
        ("import os\nread = getattr(os, 'environ')", ["os", "os", "builtins.getattr"]),
        ("import os.path\nos.environ", ["os.path", "os.environ"]),
        ("def f(open): open()", []),
        ("class A:\n open: int\n def f(self): open('x')", ["builtins.int", "builtins.open"]),
        ("open = 1\nopen", []),
        ("__builtins__['open']", ["builtins.__builtins__"]),
        ("from . import case", []),
        ("def f():\n import time\n time.time()", ["time", "time.time"]),
    ],
)
def test_names_are_found(source: str, names: list[str]) -> None:
    """Aliases, inner imports and shadowed builtins are followed."""
    assert sorted(use.name for use in uses(source)) == sorted(names)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("at = datetime.now(UTC)", ["datetime.now"]),
        ("at = datetime.datetime.utcnow()", ["datetime.utcnow"]),
        ("key = uuid4.uuid4()", ["uuid4.uuid4"]),
        ("clock = date.today", ["date.today"]),
        ("at = moments[0].now()", ["….now"]),
        ("at = workflow.now()", []),
        ("key = workflow.uuid4().hex", []),
    ],
)
def test_clocks_are_found(source: str, found: list[str]) -> None:
    """Only the clock and the random values of Temporal are left."""
    assert [use.name for use in clocks(source)] == found


@pytest.mark.parametrize(
    ("use", "patterns", "allowed"),
    [
        (Use(1, "os", module=True), ["os.urandom"], True),
        (Use(1, "os"), ["os.urandom"], False),
        (Use(1, "os.environ"), ["os.urandom"], False),
        (Use(1, "datetime.datetime"), ["datetime.datetime"], True),
        (Use(1, "datetime.datetime.now"), ["datetime.datetime"], False),
        (Use(1, "typing"), ["typing.*"], True),
        (Use(1, "typing.Any"), ["typing.*"], True),
        (Use(1, "typing_extensions", module=True), ["typing.*"], False),
    ],
)
def test_a_pattern_allows_no_more_than_it_says(
    use: Use, patterns: list[str], allowed: bool
) -> None:
    """A name counts whole; `.*` adds what is below it."""
    assert is_allowed(use, patterns) is allowed


def test_the_most_specific_package_counts() -> None:
    """The domain has a list of its own; a package is no prefix of another name."""
    packages = {"workflows": [], "workflows.domain": [], "bot": []}
    assert package_of("workflows.domain.ids", packages) == "workflows.domain"
    assert package_of("workflows.case.inbox", packages) == "workflows"
    assert package_of("workflows_old.case", packages) is None
