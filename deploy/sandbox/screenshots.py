"""Screenshots of docs/tour.md (`make screenshots`): the tour in both languages.

The pictures differ in times and case ids only. Needs Chromium, as the browser tests do.
"""

import asyncio
import io
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from playwright.async_api import Browser, Locator, Page, async_playwright

from deploy.sandbox.app import INGEST_SECRET, run_sandbox
from deploy.sandbox.demo import CannotStart, Demo
from deploy.sandbox.slack.person import Seen
from deploy.sandbox.slack.rates import Rates
from deploy.sandbox.slack.workspace import Workspace
from deploy.sandbox.tour import CASTS, Cast, Tour
from deploy.sandbox.traffic.demo import Traffic
from deploy.sandbox.traffic.sender import Sender

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}
COLOURS = 256
EXACT = 200
MOST_BYTES = 120_000
"""Maximum size of a picture, because the repository keeps every version."""

GAP = 8
SIGNS_LOADED = """new Promise(done => {
    const signs = new Image();
    signs.onload = signs.onerror = () => done(true);
    signs.src = "/page/emoji.svg";
})"""
WITHOUT_PANEL = """localStorage.setItem("koban.panel", '{"open": false}')"""


class Camera:
    """Pages of one language, and their screenshots."""

    def __init__(self, browser: Browser, url: str, language: str) -> None:
        self._browser = browser
        self._url = url
        self._language = language

    async def page(self, size: dict[str, int], dark: bool = False, panel: bool = True) -> Page:
        """A separate window, with or without the demo panel."""
        context = await self._browser.new_context(
            viewport=size,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            timezone_id="Asia/Tokyo",
            locale="ja-JP" if self._language == "ja" else "en-US",
        )
        if not panel:
            await context.add_init_script(WITHOUT_PANEL)
        return await context.new_page()

    async def at(self, page: Page, person: str, channel: str, card: Seen | None = None) -> None:
        """Opens a channel as a person; a given card is at the top of the window."""
        await page.goto(f"{self._url}/#as={person}&channel={channel}")
        await page.reload()
        await page.locator("#main .channel-title").wait_for()
        await page.evaluate(SIGNS_LOADED)
        if card is not None:
            await message(page, card).evaluate("node => node.scrollIntoView({block: 'start'})")

    async def keep(self, name: str, *shots: bytes) -> None:
        """Writes `docs/screenshots/NAME.LANGUAGE.png`, with several shots below each other."""
        path = FOLDER / f"{name}.{self._language}.png"
        picture = small(stacked([Image.open(io.BytesIO(shot)) for shot in shots]))
        path.write_bytes(picture)
        print(f"{path.name:<20} {len(picture) / 1000:.0f} kB", flush=True)


def message(page: Page, card: Seen) -> Locator:
    """A message in the middle column."""
    return page.get_by_test_id(f"main-message-{card['ts']}")


def stacked(pictures: list[Image.Image]) -> Image.Image:
    """Joins pictures below each other on grey."""
    height = sum(each.height for each in pictures) + GAP * (len(pictures) - 1)
    made = Image.new("RGB", (max(each.width for each in pictures), height), "#e3e3e5")
    top = 0
    for each in pictures:
        made.paste(each, (0, top))
        top += each.height + GAP
    return made


def palette(picture: Image.Image) -> list[tuple[int, ...]]:
    """The most common colours unchanged, and the rest by coverage.

    By count alone a small orange square would turn brown; by coverage alone white turns grey.
    """
    counted = picture.getcolors(picture.width * picture.height) or []
    common = [colour for _, colour in sorted(counted, reverse=True)[:EXACT]]
    spread = picture.quantize(COLOURS - EXACT, Image.Quantize.MAXCOVERAGE).getpalette() or []
    return [*common, *zip(spread[::3], spread[1::3], spread[2::3], strict=True)]


def reduced(picture: Image.Image) -> Image.Image:
    """The picture in the colours of its palette, each pixel in the nearest one.

    Pillow's own conversion to a given palette turns white into a light grey.
    """
    colours = np.array(palette(picture), dtype=np.int32)
    pixels = np.asarray(picture).reshape(-1, 3)
    distinct, which = np.unique(pixels, axis=0, return_inverse=True)
    far = ((distinct[:, None, :].astype(np.int32) - colours[None, :, :]) ** 2).sum(axis=2)
    indices = far.argmin(axis=1).astype(np.uint8)[which.reshape(-1)]
    made = Image.fromarray(indices.reshape(picture.height, picture.width), "P")
    made.putpalette(colours.astype(np.uint8).tobytes())
    return made


def small(picture: Image.Image) -> bytes:
    """The picture as a PNG of few colours. Raises `CannotStart` if it is still too large."""
    kept = io.BytesIO()
    reduced(picture.convert("RGB")).save(kept, "PNG", optimize=True)
    if len(kept.getvalue()) > MOST_BYTES:
        raise CannotStart(f"A picture has {len(kept.getvalue())} bytes; {MOST_BYTES} are the most.")
    return kept.getvalue()


async def picture(tour: Tour, camera: Camera) -> None:
    """Plays the tour once, with a picture of each state."""
    who, lead = tour.cast.specialist, tour.cast.lead
    desktop = await camera.page(DESKTOP)
    card = await tour.begins()
    await camera.at(desktop, who, "C0LIVE", card)
    await desktop.get_by_test_id("market-messages").click()
    await desktop.get_by_test_id("row-m_77").wait_for()
    await camera.keep("new", await desktop.screenshot())
    await tour.evidence()
    await camera.keep("evidence", await desktop.locator("#workspace").screenshot())
    await tour.specialist.close_modal()
    card = await tour.claimed(card)
    await tour.deciding(card)
    await fill(desktop, tour.cast)
    await camera.keep("decide", await desktop.locator("#workspace").screenshot())
    asked = await tour.asked()
    await camera.at(desktop, lead, "C0LEADS", asked)
    await camera.keep("approval", await desktop.locator("#workspace").screenshot())
    closed = await tour.approved(card, asked)
    alone = await camera.page(DESKTOP, panel=False)
    await camera.at(alone, who, "C0LIVE")
    await alone.get_by_test_id(f"replies-{closed['ts']}").click()
    await alone.get_by_test_id("thread-pane").wait_for()
    await message(alone, closed).evaluate("node => node.scrollIntoView({block: 'start'})")
    await alone.mouse.move(0, 0)
    await camera.keep("closed", await alone.screenshot())
    await tour.goes_on()
    await states(tour, camera)
    await rest(tour, camera, desktop)


async def fill(page: Page, cast: Cast) -> None:
    """Fills in the open modal as a specialist would."""
    modal = page.get_by_test_id("modal")
    await modal.get_by_role("radio").first.check()
    await modal.locator("button.multi").first.click()
    await page.get_by_role("menuitemcheckbox", name=cast.action).click()
    await page.keyboard.press("Escape")
    await modal.locator("textarea").last.fill(cast.reason)


async def states(tour: Tour, camera: Camera) -> None:
    """Cards of several states, below each other."""
    page = await camera.page({"width": 1000, "height": 900}, panel=False)
    who = tour.cast.specialist
    held, failed, (_, merged) = await tour.held(), await tour.failed(), await tour.merged()
    enforcing = await tour.enforcing()
    shots = []
    for channel, card in (
        ("C0LIVE", held),
        ("C0MARKET", enforcing),
        ("C0MARKET", failed),
        ("C0LIVE", merged),
    ):
        await camera.at(page, who, channel, card)
        await page.mouse.move(0, 0)
        shots.append(await message(page, card).screenshot())
    tour.healed()
    await camera.keep("states", *shots)


async def rest(tour: Tour, camera: Camera, desktop: Page) -> None:
    """Pictures of App Home, a look-up, dark mode and a phone."""
    who = tour.cast.specialist
    await tour.home()
    await camera.at(desktop, who, "HOME")
    await desktop.get_by_test_id("home").locator("[data-block-type]").first.wait_for()
    await camera.keep("home", await desktop.locator("#workspace").screenshot())
    answer = await tour.looked_up()
    await camera.at(desktop, who, "C0LIVE", answer)
    await camera.keep("lookup", await message(desktop, answer).screenshot())
    dark = await camera.page(DESKTOP, dark=True)
    await camera.at(dark, tour.cast.lead, "C0MARKET")
    await camera.keep("dark", await dark.screenshot())
    phone = await camera.page(PHONE)
    await camera.at(phone, who, "C0MARKET")
    await camera.keep("phone", await phone.screenshot())


async def storm(tour: Tour, camera: Camera) -> None:
    """Digest message of a storm."""
    page = await camera.page({"width": 1000, "height": 900}, panel=False)
    digest = await tour.flooded()
    await camera.at(page, tour.cast.specialist, "C0LIVE", digest)
    await page.mouse.move(0, 0)
    await camera.keep("storm", await message(page, digest).screenshot())


@asynccontextmanager
async def sandbox(language: str, rates: Rates) -> AsyncIterator[tuple[Demo, Tour]]:
    """The demo with cards in one language, without other traffic. Raises `CannotStart`."""
    async with AsyncExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="koban-tour-")))
        base = free_ports()
        workspace = Workspace(rates=rates)
        made = await opened.enter_async_context(run_sandbox(folder, base, workspace))
        played = Demo(made, folder, base, {"KOBAN_LOCALE": language})
        await opened.enter_async_context(played.running())
        http = await opened.enter_async_context(httpx.AsyncClient())
        traffic = Traffic(Sender(workspace.bot_url, INGEST_SECRET, http), made.market.put)
        tour = Tour(played, traffic, CASTS[language])
        opened.push_async_callback(tour.close)
        yield played, tour


def free_ports() -> int:
    """First of four free ports in a row."""
    for base in range(8600, 9600, 10):
        try:
            for port in range(base, base + 4):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return base
    raise CannotStart("There are no four free ports in a row between 8600 and 9600.")


async def screenshots() -> None:
    """Redraws all pictures. Raises `CannotStart`."""
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        raise CannotStart(f"There is no Chromium on this machine (looked for: {', '.join(NAMES)}).")
    FOLDER.mkdir(exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for language in CASTS:
            async with sandbox(language, Rates(enabled=False)) as (played, tour):
                await picture(tour, Camera(browser, played.sandbox.url, language))
            async with sandbox(language, Rates()) as (played, tour):
                await storm(tour, Camera(browser, played.sandbox.url, language))
        await browser.close()


if __name__ == "__main__":
    try:
        asyncio.run(screenshots())
    except CannotStart as sentence:
        sys.exit(str(sentence))
