"""Command documentation: docs/commands.md and the manifest have every command."""

from pathlib import Path

import pytest

from activities.slack.i18n.catalog import texts
from bot.slack.commands.dispatch import FORMS, help_page, read
from bot.slack.commands.parser import Incomplete, Unknown
from bot.slack.manifest import HINT, SHORTCUTS, manifest
from bot.slack.manual.open import OPEN_CASE
from workflows.domain.values import Language

DOCS = (Path(__file__).parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", [form for form, _ in FORMS])
def test_every_form_is_documented(form: str) -> None:
    """A form is found by its first word."""
    assert f"`{form.split()[0]}" in DOCS


@pytest.mark.parametrize("language", Language)
def test_help_fits_a_message(language: Language) -> None:
    """It has at most fifty blocks (docs.slack.dev, blocks), with the most look-ups allowed."""
    page = help_page(texts(language), tuple(f"type_{number}" for number in range(40)))
    assert len(page.blocks) <= 50


@pytest.mark.parametrize("shortcut", SHORTCUTS, ids=lambda each: each["callback_id"])
def test_a_shortcut_fits_the_manifest(shortcut: dict[str, str]) -> None:
    """Names have 24 characters, descriptions 150, ids 255 (docs.slack.dev, app manifest)."""
    assert len(shortcut["name"]) <= 24
    assert len(shortcut["description"]) <= 150
    assert len(shortcut["callback_id"]) <= 255
    assert f"*{shortcut['name']}*" in DOCS


def test_the_manifest_has_the_shortcuts_with_listeners() -> None:
    """There are at most ten, one of them with the form that a look-up opens."""
    features = manifest("https://koban.example", False)["features"]
    assert [each["callback_id"] for each in features["shortcuts"]] == ["report_message", OPEN_CASE]
    assert "find TEXT" in HINT


@pytest.mark.parametrize(
    "word", ["検索 ab", "関連 user u_1", "手順書", "停止", "再開", "代理", "使い方"]
)
def test_a_japanese_word_is_documented_and_parsed(word: str) -> None:
    """It means the same as its English word."""
    assert f"`{word.split()[0]}`" in DOCS
    assert not isinstance(read(word, ("user",)), Unknown | Incomplete)
