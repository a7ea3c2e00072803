"""Every text that is read, as it is read, in both languages: a change is seen in a review.

`pytest tests/slack_shapes --renew` writes the files anew.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slack_shapes.registry import SURFACES
from tests.slack_shapes.scene import Scene, Surface
from tests.slack_shapes.spoken import spoken
from workflows.domain.values import Language

FOLDER = Path(__file__).parent / "snapshots"


def told(language: Language) -> Iterator[str]:
    """All surfaces, state by state."""
    for surface in SURFACES:
        if surface.told:
            yield from _read(surface, language)


def _read(surface: Surface, language: Language) -> Iterator[str]:
    """A state that reads like another one only says so."""
    seen: dict[str, str] = {}
    for state, sent in surface.draw(Scene(language)):
        whole = "\n".join(line.rstrip() for line in spoken(sent))
        yield f"=== {surface.name}: {state}"
        yield f"as {seen[whole]}" if whole in seen else whole
        yield ""
        seen.setdefault(whole, state)


@pytest.mark.parametrize("language", Language)
def test_what_is_read_is_what_was_reviewed(language: Language, request: pytest.FixtureRequest):
    """The first state that reads differently is shown; renew the files where that is right."""
    path = FOLDER / f"{language.value}.txt"
    now = "\n".join(told(language))
    if request.config.getoption("--renew", default=False):
        path.write_text(now, encoding="utf-8")
    reviewed = _states(path.read_text(encoding="utf-8"))
    found = _states(now)
    assert list(found) == list(reviewed)
    changed = [state for state in found if found[state] != reviewed[state]]
    assert [found[state] for state in changed[:1]] == [reviewed[state] for state in changed[:1]]


def _states(written: str) -> dict[str, str]:
    parts = written.split("=== ")[1:]
    return {part.partition("\n")[0]: part for part in parts}
