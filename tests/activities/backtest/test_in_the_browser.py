"""Page of a backtest in Chromium: no complaints, the switch, narrow windows and paper."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from activities.backtest.html import page
from tests.activities.backtest.samples import SHOWN, TITLES, full
from tests.activities.backtest.test_html import ATTACK, SECTIONS
from workflows.domain.backtest.report import BacktestReport

pytestmark = pytest.mark.browser

Opener = Callable[..., Awaitable[Page]]
A4 = {"width": 688, "height": 1000}
"""182 mm between the margins, in CSS pixels."""


@pytest_asyncio.fixture
async def shown(browser: Browser, tmp_path: Path) -> AsyncIterator[Opener]:
    """`await shown(report, color_scheme="dark")`: the page from a file, without complaints."""
    complaints: list[str] = []
    asked: list[str] = []
    contexts = []

    async def opened(report: BacktestReport, **options: object) -> Page:
        file = tmp_path / "backtest.html"
        file.write_text(page(report, TITLES, SHOWN), encoding="utf-8")
        contexts.append(await browser.new_context(**options))
        made = await contexts[-1].new_page()
        made.on("console", lambda message: complaints.append(message.text))
        made.on("pageerror", lambda error: complaints.append(str(error)))
        made.on("request", lambda request: asked.append(request.url))
        await made.goto(file.as_uri())
        return made

    yield opened
    for context in contexts:
        await context.close()
    assert complaints == []
    assert asked == [(tmp_path / "backtest.html").as_uri()] * len(contexts)


async def visible(made: Page) -> list[str]:
    """The ids of the visible headings of sections."""
    headings = await made.locator("h2").all()
    return [str(await h.get_attribute("id")) for h in headings if await h.is_visible()]


async def overflow(made: Page) -> bool:
    """Whether the page is wider than its window."""
    return bool(
        await made.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
    )


async def test_the_switch_chooses_the_language(shown: Opener) -> None:
    """With the mouse and with the keyboard, first Japanese."""
    made = await shown(full())
    assert await visible(made) == [f"{each}-ja" for each in SECTIONS]
    await made.get_by_text("English", exact=True).click()
    assert await visible(made) == [f"{each}-en" for each in SECTIONS]
    await made.locator("#show-en").press("ArrowLeft")
    assert await visible(made) == [f"{each}-ja" for each in SECTIONS]


@pytest.mark.parametrize("width", [360, 768, 1440])
@pytest.mark.parametrize("language", ["ja", "en"])
async def test_no_window_needs_to_be_scrolled_sideways(
    shown: Opener, width: int, language: str
) -> None:
    """Long names break."""
    report = full(by_playbook={"a" * 300: 5})
    made = await shown(report, viewport={"width": width, "height": 900})
    await made.locator(f"#show-{language}").check()
    assert await overflow(made) is False


@pytest.mark.parametrize(
    ("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(18, 22, 28)")]
)
async def test_the_screen_has_the_colours_of_the_system(
    shown: Opener, scheme: str, paper: str
) -> None:
    """Dark mode is that of the system."""
    made = await shown(full(), color_scheme=scheme)
    assert await _background(made) == paper


async def _background(made: Page) -> str:
    return str(await made.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_paper_is_light_and_has_every_section(shown: Opener, language: str) -> None:
    """In the chosen language, without the switch, as wide as A4 between its margins."""
    made = await shown(full(), color_scheme="dark", viewport=A4)
    await made.locator(f"#show-{language}").check()
    await made.emulate_media(media="print")
    assert await visible(made) == [f"{each}-{language}" for each in SECTIONS]
    assert await made.locator("fieldset").is_visible() is False
    assert await _background(made) == "rgb(255, 255, 255)"
    assert await overflow(made) is False
    printed = await made.pdf(prefer_css_page_size=True)
    # 210 mm × 297 mm, in points.
    assert b"/MediaBox [0 0 594.95996 841.91998]" in printed


async def test_hostile_names_do_nothing(shown: Opener) -> None:
    """They are visible, and no script runs."""
    made = await shown(full(by_playbook={ATTACK: 3}))
    heading = made.locator("main:lang(ja) [aria-labelledby=playbooks-ja] tbody th")
    assert "<script>alert(1)</script>" in await heading.first.inner_text()
    assert await made.locator("script, img").count() == 0
