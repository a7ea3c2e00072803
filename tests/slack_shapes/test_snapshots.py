"""Text snapshots: every text as a screen reader reads it, one file for each surface and language.

`pytest tests/slack_shapes --renew` writes the files.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slack_shapes.registry import SURFACES
from tests.slack_shapes.scene import Scene, Surface
from tests.slack_shapes.screen_reader import spoken
from workflows.domain.values import Language

FOLDER = Path(__file__).parent / "snapshots"
READ = [surface for surface in SURFACES if surface.in_snapshots]


def file_of(surface: Surface, language: Language) -> Path:
    """The file of a surface: `snapshots/ja/case-card.txt`."""
    slug = re.sub(r"[^a-z]+", "-", surface.name.lower())
    return FOLDER / language.value / f"{slug}.txt"


def read(surface: Surface, language: Language) -> Iterator[str]:
    """The lines of each state; a state with an earlier one's text only refers to it."""
    seen: dict[str, str] = {}
    for state, sent in surface.draw(Scene(language)):
        whole = "\n".join(line.rstrip() for line in spoken(sent))
        yield f"=== {surface.name}: {state}"
        yield f"as {seen[whole]}" if whole in seen else whole
        yield ""
        seen.setdefault(whole, state)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("surface", READ, ids=lambda surface: surface.name)
def test_the_text_is_the_reviewed_one(
    surface: Surface, language: Language, request: pytest.FixtureRequest
):
    """The first state with another text is shown; `--renew` accepts the change."""
    path, drawn = file_of(surface, language), "\n".join(read(surface, language))
    if request.config.getoption("--renew", default=False):
        path.write_text(drawn.rstrip("\n") + "\n", encoding="utf-8")
    reviewed, found = _states(path.read_text(encoding="utf-8")), _states(drawn)
    assert list(found) == list(reviewed)
    changed = [state for state in found if found[state] != reviewed[state]]
    assert [found[state] for state in changed[:1]] == [reviewed[state] for state in changed[:1]]


@pytest.mark.parametrize("language", Language)
def test_every_file_belongs_to_a_surface(language: Language):
    """A removed surface leaves no file, and two surfaces do not share one."""
    files = [file_of(surface, language) for surface in READ]
    assert sorted(files) == sorted((FOLDER / language.value).iterdir())


def _states(text: str) -> dict[str, str]:
    parts = text.split("=== ")[1:]
    return {part.partition("\n")[0]: part.rstrip() for part in parts}
