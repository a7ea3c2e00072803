"""Cost of an extension: files that one real example of each touches, as CONTRIBUTING lists them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from activities.slack.actions import ACTIONS
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.rules import assignment, escalation
from workflows.domain.values import Value

ROOT = Path(__file__).parents[2]
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PRODUCT = ("bot", "activities", "workflows", "deploy/policy/schemas")
SUFFIXES = (".py", ".po", ".json")
RULES = {**assignment.RULES, **escalation.RULES}
ROW = r"^\| {name} \|[^|]*\| (\d+) \|([^|]*)\|$"


@dataclass(frozen=True)
class Example:
    """An extension, as patterns of the identifiers that name it.

    A product file counts when it has one of the patterns. Tests, documents and example policies
    count only where CONTRIBUTING lists them.
    """

    name: str
    most: int
    patterns: tuple[str, ...]

    def names(self, path: Path) -> bool:
        pattern = "|".join(self.patterns)
        return path.exists() and re.search(pattern, path.read_text("utf-8")) is not None

    def touched(self) -> set[str]:
        found = (path for folder in PRODUCT for path in (ROOT / folder).rglob("*"))
        return {
            str(path.relative_to(ROOT))
            for path in found
            if path.suffix in SUFFIXES and self.names(path)
        }

    def row(self) -> tuple[int, list[str]]:
        """(number, files) of the table's row."""
        match = re.search(ROW.format(name=self.name), CONTRIBUTING.read_text("utf-8"), re.MULTILINE)
        assert match is not None, f"CONTRIBUTING has no row for {self.name}"
        return int(match[1]), re.findall(r"`([^`]+)`", match[2])


def named_by(*models: type[Value], more: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Patterns of all names that commands and events bring with them.

    Their classes and kinds; the rule; the action id, label and modal of a command; the texts of an
    event. `more`: the fields of the case that only they change.
    """
    return tuple(name for model in models for name in (*_own(model), *_pressed(model))) + more


def _own(model: type[Value]) -> Iterator[str]:
    kind = model.model_fields["kind"].default
    yield rf"\bclass {model.__name__}\("
    yield rf"\b(cmd|ev)\.{model.__name__}\b"
    # A quoted kind, and the same as the last part of a text's key.
    yield rf"[\"'.]{kind}[\"'.]"


def _pressed(model: type[Value]) -> Iterator[str]:
    """The names of a command's rule and action."""
    if model in RULES:
        yield rf"\b{RULES[model].__name__}\("
    for action in ACTIONS.values():
        if action.command is model:
            yield re.escape(action.id) + r"\b"
            yield re.escape(action.label_key) + r"\b"
            yield rf'"{action.modal}": (?:Form|_text)\('


EXAMPLES = (
    Example("one-press command", 8, named_by(cmd.Unwatch, ev.CaseUnwatched)),
    Example(
        "one-press command with a field of its own",
        12,
        named_by(
            cmd.Acknowledge,
            ev.CaseAcknowledged,
            more=(r"\backnowledged_by\b", r"\bcard\.acknowledged\b"),
        ),
    ),
    Example("command with a modal", 9, named_by(cmd.AddNote, ev.NoteAdded)),
    Example("event", 5, named_by(ev.NoteAdded)),
    Example(
        "playbook field",
        6,
        (r"\bplaybook\.waiting\b", r"\bwaiting: Duration\b", r'"waiting": ["{]', r"\| `waiting`"),
    ),
    Example(
        "verb of `/koban`",
        6,
        (r"\bShowStats\b", r"\bstats_page\b", r"\bstats\b"),
    ),
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_extension_touches_few_files(example: Example) -> None:
    """The product files that name the example, and the tests and documents of its row."""
    number, listed = example.row()
    touched = example.touched() | set(listed)
    assert len(touched) <= example.most, sorted(touched)
    assert number == len(listed)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_row_has_the_files_that_name_the_example(example: Example) -> None:
    """Each file of the row names the example, and no product file is missing from it."""
    _, listed = example.row()
    assert [path for path in listed if not example.names(ROOT / path)] == []
    assert sorted(example.touched() - set(listed)) == []
