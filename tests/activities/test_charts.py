"""Report chart: a PNG with content and existing glyphs."""

import io

import pytest
from matplotlib.ft2font import FT2Font
from PIL import Image

from activities.charts import FIRST, MET, MISSED, OVERDUE, SECOND, draw, font_file
from activities.slack.i18n.catalog import texts
from tests.activities.chart_samples import chart
from workflows.domain.values import Language


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image.convert("RGB")


def pixels(image: Image.Image, colour: str) -> int:
    """Number of pixels of exactly this colour."""
    wanted = tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))
    counted = image.getcolors(maxcolors=1 << 24) or []
    return sum(count for count, found in counted if found == wanted)


def test_a_chart_is_a_png_in_which_every_bar_is_seen() -> None:
    """It has both bars and all three parts of a share, and is small enough for a phone."""
    content = draw(chart())
    image = opened(content)
    assert content.startswith(b"\x89PNG")
    assert image.size == (1497, 619)
    assert 10_000 < len(content) < 150_000
    for colour in (FIRST, SECOND, MET, MISSED, OVERDUE):
        assert pixels(image, colour) > 1_000


def test_nothing_touches_the_edge() -> None:
    """No word is cut off: the outermost pixels are white."""
    image = opened(draw(chart()))
    width, height = image.size
    edge = [image.getpixel((x, y)) for x in (0, width - 1) for y in range(height)]
    edge += [image.getpixel((x, y)) for x in range(width) for y in (0, height - 1)]
    assert set(edge) == {(255, 255, 255)}


@pytest.mark.parametrize(
    ("hours", "rows", "most"), [(0, 0, 0), (1, 0, 0), (168, 4, 9999), (8, 1, 1)]
)
def test_any_amount_can_be_drawn(hours: int, rows: int, most: int) -> None:
    """Empty, weekly and very large data can be drawn."""
    assert opened(draw(chart(hours, rows, most))).size == (1497, 619)


def test_the_font_has_every_letter_of_both_catalogs() -> None:
    """No letter of a report is shown as a box."""
    known = FT2Font(font_file()).get_charmap()
    for language in Language:
        catalog = texts(language)
        keys = [k for k in catalog.keys if k.startswith(("report.", "severity."))]
        words = "".join(form for key in keys for form in catalog.forms(key))
        assert {letter for letter in words if ord(letter) not in known} == set()
    drawn = chart().model_dump_json(exclude={"alt"})
    assert {letter for letter in drawn if ord(letter) not in known} == set()


def test_drawn_twice_is_the_same() -> None:
    """A retry uploads the same picture."""
    assert draw(chart()) == draw(chart())
