"""Text catalog: the sentences of one language, and how it writes numbers and times."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import Literal

from babel import Locale
from babel.dates import format_datetime, format_skeleton, format_timedelta
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.units import format_unit

from workflows.domain.case.decision import Automated
from workflows.domain.values import Language, Text

# `{language}.po` beside this module has every key (`card.state.open`), by surface; both languages
# in the same order. Values are put in as they are: who builds mrkdwn escapes them there.

FOLDER = Path(__file__).parent
_CLDR_ORDER = ("zero", "one", "two", "few", "many", "other")
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


class Catalog:
    """The sentences of one language, by their keys."""

    def __init__(self, language: Language, messages: dict[str, tuple[str, ...]]) -> None:
        """`messages`: the forms of each key; several where the sentence counts."""
        self.language = language
        self.keys = frozenset(messages)
        self._messages = messages
        self._locale = Locale.parse(language.value)
        plurals = self._locale.plural_form
        self._forms = [tag for tag in _CLDR_ORDER if tag in plurals.tags or tag == "other"]

    def forms(self, key: str) -> tuple[str, ...]:
        """The sentence called `key` as it is written: one form, or one for each plural."""
        return self._messages[key]

    def say(self, key: str, **values: object) -> str:
        """The sentence called `key`; `count` chooses the plural form. Raises `KeyError`."""
        forms = self.forms(key)
        form = forms[0] if len(forms) == 1 else forms[self._index(values["count"])]
        shown = {name: self._shown(value) for name, value in values.items()}
        return form.format_map(shown)

    def _index(self, count: object) -> int:
        if not isinstance(count, int | float):
            raise TypeError("count must be a number")
        return self._forms.index(self._locale.plural_form(count))

    def _shown(self, value: object) -> object:
        return self.number(value) if isinstance(value, int) else value

    def number(self, value: float, pattern: str | None = None) -> str:
        """`1240` → `1,240`; `pattern` is one of CLDR's, such as `0.00`."""
        return format_decimal(value, format=pattern, locale=self._locale)

    def duration(self, lasts: timedelta) -> str:
        """Exactly: `24時間`, `7日`, `1時間30分`; `24 hours`, `1 hour 30 minutes`."""
        seconds = max(int(lasts.total_seconds()), 0)
        parts: list[str] = []
        for unit, size in _UNITS:
            # "24 hours" and "36 hours" are what people say; whole days from two on.
            if unit == "day" and (seconds % size or seconds < 2 * size):
                continue
            amount, seconds = divmod(seconds, size)
            if amount or (unit == "second" and not parts):
                parts.append(self._amount(amount, unit))
        return ("" if self.language is Language.JA else " ").join(parts)

    def ago(self, since: timedelta) -> str:
        """`12秒前`, `12 seconds ago`."""
        seconds = max(int(since.total_seconds()), 1)
        words = format_timedelta(
            timedelta(seconds=-seconds), add_direction=True, threshold=1.0, locale=self._locale
        )
        return self._tight(words)

    def moment(self, at: datetime, zone: tzinfo, pattern: str = "HH:mm") -> str:
        """`at` in `zone`; `pattern` is one of CLDR's."""
        return format_datetime(at.astimezone(zone), pattern, locale=self._locale)

    def day_and_time(self, at: datetime, zone: tzinfo) -> str:
        """`11月24日 12:03`, `Nov 24 12:03`."""
        return f"{self.day(at, zone)} {self.moment(at, zone)}"

    def day(self, at: datetime, zone: tzinfo) -> str:
        """`11月24日`, `Nov 24`."""
        return format_skeleton("MMMd", at.astimezone(zone), locale=self._locale)

    def _amount(self, amount: int, unit: str) -> str:
        # CLDR has no long pattern of its own for Japanese; the short one is the same word.
        length: Literal["short", "long"] = "short" if self.language is Language.JA else "long"
        return self._tight(format_unit(amount, f"duration-{unit}", length, locale=self._locale))

    def _tight(self, words: str) -> str:
        """CLDR puts a space between number and unit, which nobody writes in Japanese."""
        return words.replace(" ", "") if self.language is Language.JA else words


@cache
def texts(language: Language) -> Catalog:
    """The sentences of `language`."""
    return load(language, FOLDER)


def load(language: Language, folder: Path) -> Catalog:
    """The sentences in `folder`. Raises `ValueError` where a key has none."""
    path = folder / f"{language.value}.po"
    with path.open("rb") as file:
        read = read_po(file, locale=language.value, abort_invalid=True)
    messages = {_forms(each.id)[0]: _forms(each.string) for each in read if each.id}
    for key, forms in messages.items():
        if not forms or not all(forms):
            raise ValueError(f"{path.name}: {key} has no sentence")
    return Catalog(language, messages)


def _forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """One form, or one for each plural."""
    return (text,) if isinstance(text, str) else tuple(text or ())


class CatalogWording:
    """`workflows.domain.case.decision.NoticeWords` out of the catalogs."""

    def facts(self) -> Text:
        """`当マーケットのルールに反する内容を確認しました。`."""
        ja, en = (texts(each).say("notice.facts") for each in Language)
        return Text(ja=ja, en=en)

    def automated(self, how: Automated) -> Text:
        """`自動の検知をもとに、担当者が確認して判断しました。`."""
        ja, en = (texts(each).say(f"notice.automated.{how.value}") for each in Language)
        return Text(ja=ja, en=en)

    def lasting(self, duration: timedelta) -> Text:
        """`24時間`, `24 hours`: exactly."""
        ja, en = (texts(each).duration(duration) for each in Language)
        return Text(ja=ja, en=en)
