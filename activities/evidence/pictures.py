"""A picture made anew from somebody else's bytes: nothing but its pixels goes on to Slack.

What was hidden in the file (where a photo was taken, a second file behind the first, a decoder's
bad dream) stays behind. Slack shows PNG and JPEG:
docs.slack.dev/reference/block-kit/composition-objects/slack-file-object
"""

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image, ImageOps

from activities.evidence.troubles import NotFetched, Why

MOST_PIXELS = 40_000_000
"""Of a picture that is unpacked at all: about what a phone takes, 160 MB in memory."""
MOST_SIDE = 2_000
"""Pixels of the longer side of what is shown."""
QUALITY = 85
_SIGNS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
}
_BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError),
    *(OverflowError, MemoryError, struct.error, zlib.error, Image.DecompressionBombError),
)
"""What Pillow raises over a file that is not what it says."""


@dataclass(frozen=True)
class Picture:
    """A file that can be shown: its name says what it is."""

    name: str
    content: bytes


def picture(content: bytes) -> Picture:
    """The first frame of an image, made anew. Raises `NotFetched`."""
    kind = _kind(content)
    if kind is None:
        raise NotFetched(Why.NO_IMAGE)
    try:
        with Image.open(io.BytesIO(content), formats=[kind]) as opened:
            return _made_anew(opened)
    except _BROKEN:
        raise NotFetched(Why.NO_IMAGE) from None


def _kind(content: bytes) -> str | None:
    """What the bytes say that they are."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    return next((kind for sign, kind in _SIGNS.items() if content.startswith(sign)), None)


def _made_anew(opened: Image.Image) -> Picture:
    if opened.width * opened.height > MOST_PIXELS:
        raise NotFetched(Why.TOO_LARGE)
    opened.draft("RGB", (MOST_SIDE, MOST_SIDE))  # a JPEG is unpacked at a part of its size
    image = ImageOps.exif_transpose(opened)
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.thumbnail((MOST_SIDE, MOST_SIDE))
    # A new canvas: no text, profile or other information of the file comes along.
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    written = io.BytesIO()
    if bare.mode == "RGBA":
        bare.save(written, "PNG")
        return Picture("evidence.png", written.getvalue())
    bare.save(written, "JPEG", quality=QUALITY)
    return Picture("evidence.jpg", written.getvalue())
