"""Traffic of the demo: six cases at the start, then an alert every 20 s, storms on demand."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count, cycle

from deploy.sandbox.traffic import live_chat, phishing, resale_ring, shill_bidding, spam
from deploy.sandbox.traffic.alerts import (
    Json,
    Scene,
    alert,
    image,
    listing,
    message,
    stream,
    user,
    words,
)
from deploy.sandbox.traffic.sender import Sender

DRIP_SECONDS = 20.0

MARKET = "https://market.example"
"""Base address of images; the demo passes its own marketplace's."""

DESCRIPTION = "\n".join(
    [
        "商品説明(出品者が書いたもの)",
        "海外の直営店で購入した長財布です。箱と保存袋が付きます。レシートはありません。",
        *(
            f"{number:02} 個目の在庫: 色は写真のとおりです。まとめ買いは値引きします。"
            "くわしくは https://shop.example/items をご覧ください。"
            for number in range(1, 46)
        ),
        "すり替え防止のため、返品はお受けしません。",
    ]
)
"""Text that is too long for one quote."""

CHAT = "\n".join(
    f"12:{minute:02} {line}"
    for minute, line in enumerate(
        ("消えろ", "家の前まで行くからな", "住所ばらす", "みんなで通報しよう", "逃げるな") * 6
    )
)
"""Sensitive text: hidden until a person reveals it."""

Put = Callable[[str, Json], None]
"""Adds a thing to the marketplace."""


def opening(market: str = MARKET) -> Scene:
    """Six kinds of alerts, worst first; images are below `market`."""
    lure = "LINE ID ください https://line.example/ti/p/~mel 直接取引なら安くします"
    insult = "二度と配信するな 住所晒すぞ"
    made = Scene(
        things=[
            user("u_123", 0, strikes=1),
            user("u_host9", 4),
            stream("s_9", "秋物まとめ売り ライブ", "u_host9", 1240),
            message("m_77", lure, "u_123"),
            user("u_450", 5),
            listing("l_31", "ハイブランド風 長財布 新品", 9800, "u_450"),
            user("u_501", 7),
            message("m_91", insult, "u_501"),
        ]
    )
    made.alerts += [
        alert(
            "chat-000123",
            "off_platform",
            ("user", "u_123"),
            ("LINEへの誘導", "Moved the buyer to LINE"),
            score=0.98,
            text=lure,
            related=(("stream", "s_9"), ("message", "m_77")),
            viewers=1240,
        ),
        alert(
            "logo-000031",
            "counterfeit",
            ("listing", "l_31"),
            ("偽ブランド品の疑い", "Suspected counterfeit"),
            score=0.94,
            text="ロゴの形が正規品と一致しません。価格は相場の 8% です。",
            related=(("user", "u_450"),),
            more=(
                image(f"{market}/images/l_31-front.png", sensitive=False),
                image(f"{market}/images/l_31-logo.png", sensitive=False),
                words(DESCRIPTION),
            ),
            price_ratio=0.08,
        ),
        alert(
            "chat-000501",
            "harassment",
            ("user", "u_501"),
            ("配信者への誹謗中傷", "Abuse of the streamer"),
            score=0.91,
            text=insult,
            related=(("stream", "s_9"), ("message", "m_91")),
            more=(words(CHAT, sensitive=True), image(f"{market}/images/m_91.png")),
            viewers=1240,
        ),
    ]
    for each in (phishing.scene(2, subjects=1), shill_bidding.scene(1), resale_ring.scene()):
        made.things += each.things
        made.alerts += each.alerts
    return made


class Traffic:
    """Sends scenes to Koban after adding their things to the marketplace."""

    def __init__(self, sender: Sender, put: Put) -> None:
        self._sender = sender
        self._put = put
        self._storms = count(1)

    async def play(self, scene: Scene) -> None:
        """Sends a scene as fast as Koban accepts it."""
        for type_, body in scene.things:
            self._put(type_, body)
        await self._sender.send(scene.alerts)

    async def drip(self, pause: float = DRIP_SECONDS) -> None:
        """Sends one alert every `pause` seconds until cancelled."""
        chat, junk = _each(live_chat.scene(200)), _each(spam.scene(200))
        bids = _each(shill_bidding.scene(200, skip=1))
        for number, source in zip(range(200), cycle((chat, junk, chat, bids))):
            await asyncio.sleep(pause)
            await self.play(next(source))
            if number % 8 == 5:
                await self.report(phishing.feed(number, datetime.now(UTC)))

    async def report(self, scene: Scene) -> None:
        """Sends a scene of the phishing feed in its own JSON."""
        for type_, body in scene.things:
            self._put(type_, body)
        await self._sender.send_own("phishing_feed", scene.alerts)

    async def storm(self) -> int:
        """Sends the worst minute of phishing reports at once; returns the number of alerts."""
        reports = phishing.worst().reports
        first = next(self._storms) * 10_000
        await self.play(phishing.scene(reports, first=first))
        return reports


def _each(source: Scene) -> Iterator[Scene]:
    """A scene for each alert, with its marketplace things."""
    for one in source.alerts:
        named = {one["subject"]["id"], *(each["id"] for each in one["related"])}
        yield Scene([one], [(type_, body) for type_, body in source.things if body["id"] in named])
