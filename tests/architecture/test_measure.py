"""Tests of measure.py on a small tree in which one thing is wrong at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("measure.py")
GOOD = {
    "workflows/__init__.py": "",
    "workflows/domain.py": '"""Cases: pure rules."""\n',
    "activities/__init__.py": "",
    "activities/cards.py": '"""Cards of a case."""\n\nimport workflows.domain\n',
    "bot/__init__.py": "",
    "bot/app.py": '"""Slack listeners."""\n\nimport activities.cards\n',
    "bot/main.py": '"""Command line."""\n\n\ndef main():\n    pass\n\n\ndef stop():\n    pass\n',
    "deploy/demo.py": '"""Demo traffic."""\n',
}


def measured(root: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Output and exit code of the script over a tree of these files."""
    for name, source in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, "utf-8")
    command = [sys.executable, str(SCRIPT), str(root)]
    return subprocess.run(command, capture_output=True, text=True, cwd=root)


def test_a_clean_tree_passes_with_its_figures(tmp_path: Path) -> None:
    """The exit code is 0, and the figures count neither migrations nor empty `__init__.py`."""
    result = measured(tmp_path, GOOD | {"activities/ledger/migrations/r0001.py": "x = 1\n"})
    assert (result.returncode, result.stderr) == (0, "")
    figures = dict(line.rsplit("  ", 1) for line in result.stdout.splitlines())
    read = {name.strip(): value.strip() for name, value in figures.items()}
    assert read["product files"] == "4 (at most 288)"
    assert read["product lines"] == "16"
    assert read["largest file"] == "9 (bot/main.py)"
    assert read["functions, median"] == "2 (at most 7)"
    assert (read["import circles"], read["up-arrows"]) == ("0", "0")


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        pytest.param(
            {
                "bot/app.py": '"""App."""\nimport bot.one\n',
                "bot/one.py": '"""One."""\nfrom bot import two\n',
                "bot/two.py": '"""Two."""\n\n\ndef late():\n    import bot.app\n',
            },
            "import circle: bot.app -> bot.one -> bot.two -> bot.app",
            id="circle",
        ),
        pytest.param(
            {"workflows/domain.py": '"""Domain."""\nimport activities.cards\n'},
            "up-arrow: workflows.domain -> activities.cards",
            id="workflow imports activity",
        ),
        pytest.param(
            {"activities/other.py": '"""Other."""\nimport bot.app\n'},
            "up-arrow: activities.other -> bot.app",
            id="activity imports bot",
        ),
        pytest.param(
            {"bot/app.py": '"""What the bot receives."""\n'},
            "bot/app.py: docstring starts with 'What'",
            id="docstring of the product",
        ),
        pytest.param(
            {"deploy/demo.py": '"""How: a demo."""\n'},
            "deploy/demo.py: docstring starts with 'How'",
            id="docstring of deploy",
        ),
        pytest.param(
            {"tests/test_app.py": '"""Whether the app answers."""\n'},
            "tests/test_app.py: docstring starts with 'Whether'",
            id="docstring of tests",
        ),
        pytest.param({"bot/app.py": "x = 1\n"}, "bot/app.py: no module docstring", id="none"),
        pytest.param(
            {"bot/app.py": '"""App."""\n' + "x = 1\n" * 600},
            "bot/app.py: 601 lines, more than 600",
            id="long file",
        ),
        pytest.param(
            {f"bot/b{n}.py": '"""App."""\n' for n in range(21)},
            "25 files of at most 50 lines, more than 20",
            id="small files",
        ),
        pytest.param(
            {f"bot/b{n}.py": '"""App."""\n' for n in range(286)},
            "290 product files, more than 288",
            id="many files",
        ),
        pytest.param(
            {"bot/main.py": '"""Main."""\n' + ("def main():\n" + "    x = 1\n" * 9) * 2},
            "median function of 10 lines, above 7",
            id="long functions",
        ),
        pytest.param(
            {
                "bot/app.py": '"""App."""\n'
                + "def short():\n    pass\n" * 8
                + ("def long():\n" + "    x = 1\n" * 20) * 2
            },
            "90th percentile of functions 21 lines, above 16",
            id="some long functions",
        ),
    ],
)
def test_each_problem_is_found(tmp_path: Path, files: dict[str, str], problem: str) -> None:
    """The script names the problem and exits with 1."""
    result = measured(tmp_path, GOOD | files)
    assert result.returncode == 1
    assert f"✗ {problem}" in result.stderr.splitlines()
