"""Sample pictures of the marketplace, drawn from their names."""

import hashlib
import io

from fastapi import APIRouter
from PIL import Image, ImageDraw, ImageFont
from starlette.responses import PlainTextResponse, Response

from deploy.sandbox.marketplace.app import Switches

WIDTH, HEIGHT = 960, 640


def picture(name: str) -> bytes:
    """An abstract product photo as PNG: shapes in colours derived from its name."""
    seed = hashlib.sha256(name.encode()).digest()
    image = Image.new("RGB", (WIDTH, HEIGHT), _colour(seed, 0, light=True))
    draw = ImageDraw.Draw(image)
    for number in range(7):
        left, top = seed[number] * 3, seed[number + 7] * 2
        size = 90 + seed[number + 14]
        box = (left, top, left + size, top + size * 3 // 4)
        draw.rounded_rectangle(box, radius=24, fill=_colour(seed, number + 1, light=False))
    draw.rectangle((0, HEIGHT - 76, WIDTH, HEIGHT), fill=(24, 28, 36))
    label = f"SAMPLE PHOTO  {name}"
    draw.text((24, HEIGHT - 58), label, fill="white", font=ImageFont.load_default(36))
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def _colour(seed: bytes, place: int, *, light: bool) -> tuple[int, int, int]:
    base = 190 if light else 40
    red, green, blue = (base + seed[place * 3 + each] % (60 if light else 160) for each in range(3))
    return red, green, blue


def picture_routes(faults: Switches) -> APIRouter:
    """`/market/images/NAME.png`, without a token, like a CDN."""
    router = APIRouter()

    @router.get("/market/images/{name}.png")
    async def image(name: str) -> Response:
        if faults.on("platform_500"):
            return PlainTextResponse("Internal error.", 500)
        return Response(picture(name[:80]), media_type="image/png")

    return router
