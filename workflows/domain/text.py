"""Texts in the two languages that people read."""

from enum import StrEnum
from typing import Any

from pydantic import model_validator

from workflows.domain.model import Value

# U+2400 "symbols for control": shows a control character instead of obeying it.
_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"}
# Bidirectional overrides can make a card read differently from what it says (CVE-2021-42574).
_DIRECTION = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD)
_VISIBLE = {**_PICTURES, 0x7F: 0x2421, **_DIRECTION, **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)}


class Language(StrEnum):
    """A language that Koban speaks."""

    JA = "ja"
    EN = "en"


class Text(Value):
    """One text in both languages; a plain string stands for both."""

    ja: str
    en: str

    @model_validator(mode="before")
    @classmethod
    def _one_for_both(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"ja": given, "en": given}
        if isinstance(given, dict) and len(given) == 1:
            only = next(iter(given.values()))
            return {"ja": given.get("ja", only), "en": given.get("en", only)}
        return given

    def in_(self, language: Language) -> str:
        """The text in `language`."""
        return self.ja if language is Language.JA else self.en


def visible(text: str) -> str:
    """`text` with control and direction characters replaced by visible ones (same length)."""
    return text.translate(_VISIBLE)
