"""The marketplace's pictures: drawn, and the same for the same name."""

import io

import httpx
from fastapi import FastAPI
from PIL import Image

from deploy.sandbox.faults import Fault, Faults
from deploy.sandbox.marketplace.pictures import picture, picture_routes
from deploy.sandbox.serve import serving
from deploy.sandbox.slack.person import PATIENCE


def test_a_name_has_its_picture() -> None:
    """Another name has another one."""
    assert Image.open(io.BytesIO(picture("l_31"))).size == (960, 640)
    assert picture("l_31") == picture("l_31")
    assert picture("l_31") != picture("l_32")


async def test_it_is_served_to_whoever_has_its_address() -> None:
    """As a CDN does, and not while the platform is in trouble."""
    app, faults = FastAPI(), Faults()
    app.include_router(picture_routes(faults))
    async with serving(app) as url, httpx.AsyncClient(timeout=PATIENCE, base_url=url) as http:
        got = await http.get("/market/images/l_31-front.png")
        assert (got.status_code, got.headers["content-type"]) == (200, "image/png")
        faults.set(Fault.PLATFORM_500, True)
        assert (await http.get("/market/images/l_31-front.png")).status_code == 500
