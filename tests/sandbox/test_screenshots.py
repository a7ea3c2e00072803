"""Screenshots of the tour: small enough for a repository, with true colours, all shown."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from deploy.sandbox.demo import CannotStart
from deploy.sandbox.screenshots import FOLDER, MOST_BYTES, small, stacked
from deploy.sandbox.tour import CASTS

TOUR = FOLDER.parent / "tour.md"
ORANGE, BLUE = (238, 138, 29), (53, 120, 212)


def painted() -> Image.Image:
    """A large picture in many greys with one small orange square."""
    made = Image.new("RGB", (1280, 800), "white")
    draw = ImageDraw.Draw(made)
    for grey in range(256):
        draw.rectangle((grey * 5, 0, grey * 5 + 4, 700), fill=(grey, grey, grey))
    draw.rectangle((600, 750, 616, 766), fill=ORANGE)
    return made


def test_few_colours_keep_the_rare_ones():
    """A severity is a square of a few pixels."""
    kept = Image.open(BytesIO(small(painted()))).convert("RGB")
    drawn = kept.getpixel((608, 758))
    assert isinstance(drawn, tuple)
    assert max(abs(one - other) for one, other in zip(drawn, ORANGE, strict=True)) < 12
    assert kept.getpixel((1279, 799)) == (255, 255, 255)


def test_a_picture_that_is_too_large_is_refused():
    """Noise can't be compressed."""
    with pytest.raises(CannotStart, match="bytes"):
        small(Image.effect_noise((900, 900), 120).convert("RGB"))


def test_pictures_are_put_under_one_another():
    """The result has the largest width and a gap between them."""
    wide, high = Image.new("RGB", (90, 20), ORANGE), Image.new("RGB", (40, 60), BLUE)
    made = stacked([wide, high])
    assert made.size == (90, 88)
    assert (made.getpixel((0, 0)), made.getpixel((0, 30))) == (ORANGE, BLUE)


def test_the_tour_shows_every_picture_in_both_languages():
    """None is missing, none is unused, each has a caption."""
    shown = dict(re.findall(r"!\[([^\]]+)\]\(screenshots/([^)]+)\)", TOUR.read_text()))
    made = {path.name for path in Path(FOLDER).glob("*.png")}
    assert sorted(shown.values()) == sorted(made)
    names = {name.split(".")[0] for name in made}
    assert made == {f"{name}.{language}.png" for name in names for language in CASTS}
    assert max(path.stat().st_size for path in FOLDER.glob("*.png")) <= MOST_BYTES
