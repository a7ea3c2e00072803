"""Image re-encoding: only pixels are kept, and decoding is bounded."""

import io
import struct
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from activities.image_decoder import MOST_SIDE, FetchFailure, NotFetched, picture
from tests.selection import examples


def made(kind: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **more: object) -> bytes:
    """An image file."""
    written = io.BytesIO()
    Image.new(mode, size, "red" if mode != "P" else 1).save(written, kind, **more)
    return written.getvalue()


def shown(content: bytes) -> Image.Image:
    """The picture as Slack decodes it."""
    return Image.open(io.BytesIO(picture(content).content))


def why(content: bytes) -> FetchFailure:
    with pytest.raises(NotFetched) as refused:
        picture(content)
    return refused.value.why


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_every_usual_kind_becomes_one_that_slack_shows(kind: str) -> None:
    """A photo becomes a JPEG of the same size."""
    assert picture(made(kind)).name == "evidence.jpg"
    assert (shown(made(kind)).format, shown(made(kind)).size) == ("JPEG", (64, 48))


def test_what_is_transparent_stays_so() -> None:
    """A white background could change the meaning of a picture."""
    written = made("PNG", mode="RGBA")
    assert picture(written).name == "evidence.png"
    assert shown(written).mode == "RGBA"


def test_where_a_photo_was_taken_stays_behind() -> None:
    """EXIF, comments and all other metadata are removed."""
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    jpeg = made("JPEG", exif=exif, comment=b"secret comment")
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "secret words")
    png = made("PNG", mode="RGBA", pnginfo=info) + b"secret second file"
    for content in (jpeg, png):
        assert b"secret" in content
        assert b"secret" not in picture(content).content
        assert not shown(content).getexif()


def test_a_photo_stands_upright() -> None:
    """The EXIF orientation is applied to the pixels."""
    exif = Image.Exif()
    exif[0x0112] = 6
    assert shown(made("JPEG", (64, 48), exif=exif)).size == (48, 64)


def test_a_large_one_is_made_smaller() -> None:
    """An image larger than the limit is scaled down."""
    assert max(shown(made("JPEG", (4000, 3000))).size) == MOST_SIDE
    assert max(shown(made("PNG", (5000, 40))).size) == MOST_SIDE


def test_only_the_first_picture_of_an_animation_is_shown() -> None:
    """Only the first frame of an animation is kept."""
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    written = io.BytesIO()
    frames[0].save(written, "GIF", save_all=True, append_images=frames[1:])
    assert getattr(shown(written.getvalue()), "n_frames", 1) == 1


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes with this many pixels in its header."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 100_000)
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(60_000, 60_000), (10_000, 9_000), (2**31 - 1, 1)])
def test_a_bomb_is_not_unpacked(size: tuple[int, int]) -> None:
    """The size in the header is checked before any pixel is decoded."""
    assert why(bomb(*size)) in (FetchFailure.TOO_LARGE, FetchFailure.NO_IMAGE)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<html>not found</html>",
        b"%PDF-1.7",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a" + b"\xff" * 40,
        b"RIFF\x10\0\0\0WEBPVP8 ",
        made("BMP"),
        made("TIFF"),
        made("PNG")[:60],
        b"\xff\xd8\xff" + made("PNG"),
    ],
)
def test_what_is_no_image_is_refused(content: bytes) -> None:
    """The bytes decide, not the content type; broken files are refused too."""
    assert why(content) is FetchFailure.NO_IMAGE


@pytest.mark.property
@settings(max_examples=examples(150), deadline=None)
@given(
    kind=st.sampled_from(["PNG", "JPEG", "GIF", "WEBP"]),
    cuts=st.lists(st.tuples(st.integers(8, 600), st.integers(0, 255)), max_size=12),
)
def test_a_broken_file_is_a_picture_or_a_reason(kind: str, cuts: list[tuple[int, int]]) -> None:
    """Any bytes give a picture or a reason, never another exception."""
    spoiled = bytearray(made(kind))
    for place, value in cuts:
        spoiled[place % len(spoiled)] = value
    with suppress(NotFetched):
        assert picture(bytes(spoiled)).content
