"""Surfaces, and the language and words that they are drawn with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from activities.slack.i18n.catalog import Catalog, texts
from activities.slack.reader import Reader
from tests.activities.slack.drawn import MENTIONS
from tests.slack_shapes.sent import Sent
from tests.slack_shapes.words import USUAL, Words
from workflows.domain.values import Language

LINK = "https://koban-demo.slack.com/archives/C0LIVE/p1763900000000100"
BASE = "https://koban-demo.slack.com/"
_NAMES = {
    "U0SATO": "佐藤",
    "U0TANAKA": "田中",
    "U0SUZUKI": "鈴木",
    "U0MORI": "森",
    "U0REED": "Reed",
}


@dataclass(frozen=True)
class Scene:
    """A language, and foreign texts."""

    language: Language = Language.JA
    words: Words = USUAL

    @property
    def catalog(self) -> Catalog:
        """The catalog."""
        return texts(self.language)

    @property
    def reader(self) -> Reader:
        """The reader; every person has the name of the words."""
        name = self.words.name
        names = {id_: name if name is not None else own for id_, own in _NAMES.items()}
        return Reader(self.catalog, ZoneInfo("Asia/Tokyo"), names, MENTIONS)


Drawing = Callable[[Scene], Iterator[tuple[str, Sent]]]


@dataclass(frozen=True)
class Surface:
    """A message, modal or text in each of its states, by name.

    `in_snapshots` is off where the texts repeat another surface's.
    """

    name: str
    draw: Drawing
    in_snapshots: bool = True
