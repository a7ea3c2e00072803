"""Cost of an extension: files that one real example of each touches, as CONTRIBUTING lists them."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PRODUCT = ("bot", "activities", "workflows", "deploy/policy/schemas")
SUFFIXES = (".py", ".po", ".json")
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


EXAMPLES = (
    Example(
        "one-press command",
        8,
        (
            r"\bclass Acknowledge\b",
            r"\bcmd\.Acknowledge\b",
            r"\bCaseAcknowledged\b",
            r'\bcase_acknowledged"',
            r"\bcase\.acknowledge\b",
            r"\bbutton\.acknowledge\b",
            r'"acknowledge"',
        ),
    ),
    Example(
        "command with a modal",
        9,
        (
            r"\bclass Snooze\b",
            r"\bcmd\.Snooze\b",
            r"\bCaseSnoozed\b",
            r'\bcase_snoozed"',
            r"\bcase\.snooze\b",
            r"\bbutton\.snooze\b",
            r'"snooze"',
        ),
    ),
    Example("event", 5, (r"\bCaseAcknowledged\b", r'\bcase_acknowledged"')),
    Example("playbook field", 5, (r"\.clauses\b", r"\bclauses\b:", r"[`\"']clauses\b")),
    Example(
        "verb of `/koban`",
        5,
        (r"\bShowStats\b", r"\bbot\.(help\.)?stats\b", r"/koban stats"),
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
