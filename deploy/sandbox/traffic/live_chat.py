"""Live chat at real message rates; violations and their texts are made up."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.sandbox.traffic.alerts import Json, Scene, alert, message, stream, user
from deploy.sandbox.traffic.records import records

BANS_PER_MESSAGE = 4.9 / 10_000
"""52 channels, 33.9 million messages, July 2021: 4.9 bans per 10,000 messages."""

LURES = (
    "LINE ID ください https://line.example/ti/p/abc",
    "ら◯んで直接やりとりしませんか 安くします",
    "プロフのQRから追加してね！振込なら500円引き",
    "090-0000-1234 に電話ください、手数料なしで取引できます",
)
INSULTS = ("出品者まじで消えろ", "こいつ詐欺師だろ 晒すぞ", "二度と配信するな")


@dataclass(frozen=True)
class Second:
    """One second of one stream."""

    stream: int
    second: int
    messages: int


def seconds() -> Iterator[Second]:
    """Every second with messages, in the data's order."""
    for row in records("live_chat_rates"):
        yield Second(int(row["stream"]), int(row["second"]), int(row["messages"]))


def scene(count: int, seed: int = 7, boost: float = 20.0) -> Scene:
    """The first `count` violations of the replayed chats.

    `boost` multiplies the real rate, so that a demo does not take hours.
    """
    chance = random.Random(seed)
    made, seen = Scene(), 0
    for each in seconds():
        for _ in range(each.messages):
            seen += 1
            if chance.random() < BANS_PER_MESSAGE * boost:
                _add(made, each, seen, chance)
            if len(made.alerts) >= count:
                return made
    return made


def _add(made: Scene, second: Second, number: int, chance: random.Random) -> None:
    author, live, words = f"u_chat{number}", f"s_{second.stream}", f"m_{number}"
    lure = chance.random() < 0.7
    text = chance.choice(LURES if lure else INSULTS)
    viewers = chance.randint(40, 2400)
    made.things += [
        user(author, number),
        user(f"u_host{second.stream}", second.stream),
        stream(live, "ライブ配信", f"u_host{second.stream}", viewers),
        message(words, text, author),
    ]
    made.alerts.append(_alert(number, lure, (author, live, words), text, viewers, chance))


def _alert(
    number: int,
    lure: bool,
    ids: tuple[str, str, str],
    text: str,
    viewers: int,
    chance: random.Random,
) -> Json:
    author, live, words = ids
    titles = ("外部への誘導", "Lured away from the platform"), ("誹謗中傷", "Abuse in the chat")
    return alert(
        f"chat-{number:06}",
        "off_platform" if lure else "harassment",
        ("user", author),
        titles[0] if lure else titles[1],
        score=0.88 + 0.11 * chance.random(),
        text=text,
        related=(("stream", live), ("message", words)),
        viewers=viewers,
    )
