"""Alerts in the form of `POST /v1/alerts`, and the marketplace things that they name."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


@dataclass
class Scene:
    """Alerts, and the marketplace things that their actions need: (type, body)."""

    alerts: list[Json] = field(default_factory=list)
    things: list[tuple[str, Json]] = field(default_factory=list)


def alert(
    id_: str,
    kind: str,
    subject: tuple[str, str],
    title: tuple[str, str],
    *,
    score: float,
    text: str = "",
    related: tuple[tuple[str, str], ...] = (),
    at: datetime | None = None,
    more: tuple[Json, ...] = (),
    **attributes: Any,
) -> Json:
    """One alert in the form of `POST /v1/alerts`; `more` is evidence beside its text."""
    made: Json = {
        "id": id_,
        "kind": kind,
        "subject": {"type": subject[0], "id": subject[1]},
        "related": [{"type": type_, "id": each} for type_, each in related],
        "score": round(score, 3),
        "occurred_at": (at or datetime.now(UTC)).isoformat(),
        "title": {"ja": title[0], "en": title[1]},
        "attributes": attributes,
    }
    evidence = [words(text)] if text else []
    if evidence or more:
        made["evidence"] = [*evidence, *more]
    return made


def words(text: str, sensitive: bool = False) -> Json:
    """Text evidence."""
    return {"kind": "text", "text": text, **({"sensitive": True} if sensitive else {})}


def image(url: str, sensitive: bool = True) -> Json:
    """Image evidence."""
    return {"kind": "image", "url": url, "sensitive": sensitive}


# Made-up nicknames.
NAMES = (
    "めるちゃん",
    "たけのこ堂",
    "ゆずぽん",
    "コハル",
    "ねこ店長",
    "あおぞら商店",
    "まめ大福",
    "リサイクル坊や",
    "そらまめ",
    "きなこもち",
    "ふくろう古着",
    "さくらもち",
)


def user(id_: str, number: int = 0, **more: Any) -> tuple[str, Json]:
    """A user, with made-up personal data on reserved names."""
    body = {
        "id": id_,
        "name": NAMES[number % len(NAMES)],
        "status": "active",
        "strikes": number % 3,
        "email": f"{id_}@mail.example".replace("_", "."),
        "phone": f"090-0000-{number % 10000:04}",
        "created_at": "2024-04-01T00:00:00Z",
        **more,
    }
    return ("users", body)


def stream(id_: str, title: str, host: str, viewers: int) -> tuple[str, Json]:
    """A live stream."""
    body = {"id": id_, "title": title, "status": "live", "host": host, "viewers": viewers}
    return ("streams", body)


def listing(id_: str, title: str, price: int, seller: str) -> tuple[str, Json]:
    """A listing, with a price in yen."""
    body = {"id": id_, "title": title, "price": price, "status": "on_sale", "seller": seller}
    return ("listings", body)


def message(id_: str, text: str, author: str) -> tuple[str, Json]:
    """A chat message."""
    return ("messages", {"id": id_, "text": text, "user": author})


def auction(id_: str, bids: int) -> tuple[str, Json]:
    """An auction."""
    return ("auctions", {"id": id_, "bids": bids, "status": "running"})
