"""Marketplace pictures: drawn from a name, always in the same way."""

import io

import httpx
from fastapi import FastAPI
from PIL import Image

from deploy.sandbox.faults import Fault, Faults
from deploy.sandbox.marketplace.pictures import picture, picture_routes
from deploy.sandbox.serve import serving
from deploy.sandbox.slack.person import WAIT_SECONDS


def test_a_name_has_its_picture() -> None:
    """Another name has another picture."""
    assert Image.open(io.BytesIO(picture("l_31"))).size == (960, 640)
    assert picture("l_31") == picture("l_31")
    assert picture("l_31") != picture("l_32")


async def test_it_is_served_without_a_token() -> None:
    """The route works like a CDN, and fails during a fault of the platform."""
    app, faults = FastAPI(), Faults()
    app.include_router(picture_routes(faults))
    async with serving(app) as url, httpx.AsyncClient(timeout=WAIT_SECONDS, base_url=url) as http:
        got = await http.get("/market/images/l_31-front.png")
        assert (got.status_code, got.headers["content-type"]) == (200, "image/png")
        faults.set(Fault.PLATFORM_500, True)
        assert (await http.get("/market/images/l_31-front.png")).status_code == 500
