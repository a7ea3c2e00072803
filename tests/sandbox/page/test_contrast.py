"""Colour contrast of text and borders, in light and dark mode (WCAG 2.2 AA)."""

import re
from pathlib import Path

import pytest

from deploy.sandbox.page.page import ASSETS

WORDS = 4.5
"""Contrast of normal text: WCAG 2.2, 1.4.3."""

PARTS = 3.0
"""Contrast of controls and focus: WCAG 2.2, 1.4.11."""

READ = [
    ("text", "bg"),
    ("text", "bg-soft"),
    ("text", "bg-hover"),
    ("text", "bg-raised"),
    ("text", "fresh"),
    ("text", "mid-bg"),
    ("text", "mention-other"),
    ("text-dim", "bg"),
    ("text-dim", "bg-soft"),
    ("text-dim", "bg-hover"),
    ("text-dim", "bg-raised"),
    ("text-dim", "fresh"),
    ("text-dim", "mention-other"),
    ("link", "bg"),
    ("link", "bg-hover"),
    ("link", "bg-soft"),
    ("link", "mention-other"),
    ("mention-text", "mention"),
    ("code", "code-bg"),
    ("text", "code-bg"),
    ("bar-text", "bar"),
    ("bar-dim", "bar"),
    ("bar-warn", "bar"),
    ("bar-text", "side-hover"),
    ("side-text", "side"),
    ("side-text", "side-hover"),
    ("side-strong", "side"),
    ("side-here-text", "side-here"),
    ("on-strong", "primary"),
    ("on-strong", "primary-hover"),
    ("on-strong", "danger"),
    ("on-strong", "danger-hover"),
    ("on-strong", "badge"),
    ("on-link", "link"),
    ("danger-text", "bg-raised"),
    ("danger-text", "bg-hover"),
    ("good", "good-bg"),
    ("good", "bg-soft"),
    ("mid", "mid-bg"),
    ("bad", "bad-bg"),
    ("bad", "bg-raised"),
    ("bad", "bg-soft"),
    ("fault-text", "fault"),
]

SEEN = [
    ("edge", "bg"),
    ("edge", "bg-raised"),
    ("edge", "bg-soft"),
    ("focus", "bg"),
    ("focus", "bg-hover"),
    ("focus", "bg-raised"),
    ("focus", "bg-soft"),
    ("focus-side", "bar"),
    ("focus-side", "side"),
    ("switch-on", "mid-bg"),
    ("danger", "bg-raised"),
    ("bad", "bg"),
    ("primary", "bg"),
]


def themes() -> dict[str, dict[str, str]]:
    """Variables of style.css by theme; dark inherits the variables that it does not set."""
    css = (ASSETS / "style.css").read_text()
    light = _variables(_rule(css, ":root {"))
    dark = _variables(_rule(css, ':root[data-theme="dark"] {'))
    return {"light": light, "dark": light | dark}


def _rule(css: str, head: str) -> str:
    start = css.index(head) + len(head)
    return css[start : css.index("}", start)]


def _variables(rule: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{6});", rule))


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, 0 to 1: WCAG 2.2, "relative luminance"."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio from 1 (equal) to 21 (black on white)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_measured_as_wcag_does():
    """Black on white is 21; the greys on both sides of 4.5 differ."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_controls_have_enough_contrast(theme: str):
    """Each pair of colours has its minimum contrast."""
    colours = themes()[theme]
    measured = {
        f"{front} on {back}": (round(contrast(colours[front], colours[back]), 2), least)
        for pairs, least in ((READ, WORDS), (SEEN, PARTS))
        for front, back in pairs
    }
    assert {pair: got for pair, (got, least) in measured.items() if got < least} == {}


def test_colours_are_named_in_one_place():
    """A colour outside of style.css would not be measured."""
    written = {
        (sheet.name, colour)
        for sheet in sorted(Path(ASSETS).glob("*.css"))
        if sheet.name != "style.css"
        for rule in re.findall(r"\{([^{}]*)\}", sheet.read_text())
        for colour in re.findall(r"#[0-9a-fA-F]{3,8}\b", rule)
    }
    assert written == set()
