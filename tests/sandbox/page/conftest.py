"""Chromium on the sandbox page, which is served over real HTTP with canned states."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, BrowserContext, Page

from tests.sandbox.page.fake_ui import FakeUi

Opener = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="session")
async def served() -> AsyncIterator[tuple[FakeUi, str]]:
    fake = FakeUi()
    config = uvicorn.Config(fake.app(), log_level="error", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    # Bound here, so that a browser may already knock while the server is starting.
    listener = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    yield fake, f"http://127.0.0.1:{listener.getsockname()[1]}"
    fake.away = True
    server.should_exit = True
    await task


@pytest.fixture
def fake(served: tuple[FakeUi, str]) -> FakeUi:
    served[0].reset()
    return served[0]


SETTINGS = {
    "viewport": {"width": 1440, "height": 900},
    "timezone_id": "Asia/Tokyo",
    "reduced_motion": "reduce",
}


@pytest_asyncio.fixture(scope="session")
async def window(browser: Browser) -> BrowserContext:
    """The usual window; shared, because a cold cache costs every test half a second."""
    return await browser.new_context(**SETTINGS)


@pytest_asyncio.fixture
async def open_page(
    browser: Browser, window: BrowserContext, served: tuple[FakeUi, str], fake: FakeUi
) -> AsyncIterator[Opener]:
    """`await open_page("as=U0SATO&channel=C0LIVE")`: a page without failed requests."""
    pages: list[Page] = []
    complaints: list[str] = []

    async def opened(place: str = "as=U0SATO", **options: object) -> Page:
        special = await browser.new_context(**(SETTINGS | options)) if options else None
        page = await (special or window).new_page()
        pages.append(page)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{served[1]}/#{place}", wait_until="commit")
        await page.locator("#sidebar [aria-current=page]").wait_for(state="attached")
        return page

    yield opened
    for page in pages:
        await page.evaluate("localStorage.clear()")
        await page.close()
    assert complaints == []
