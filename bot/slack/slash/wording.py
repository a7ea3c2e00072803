"""How words are read, however a keyboard wrote them."""

import re
import unicodedata

_CASE = re.compile(r"K[0-9A-HJKMNP-TV-Z]{8}")
_CASE_BEGINS = re.compile(r"K[0-9A-HJKMNP-TV-Z]{2,8}")
_REST = re.compile(r"[0-9A-HJKMNP-TV-Z]{8}")
# Crockford's alphabet leaves these out because they are misread; so they are read as meant.
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1"})
_BETWEEN = str.maketrans({"-": None, "#": None, "`": None})


def plainly(word: str) -> str:
    """Full-width letters of a Japanese keyboard, and capitals, mean the same."""
    return unicodedata.normalize("NFKC", word).casefold()


def split(text: str) -> tuple[str, str]:
    """The first word, plainly, and the rest as it was written."""
    words = text.split(maxsplit=1)
    if not words:
        return "", ""
    return plainly(words[0]), words[1].strip() if len(words) > 1 else ""


def case_named(word: str) -> str | None:
    """The case id in `word`, however it was typed; None where it is none."""
    folded = _as_id(word)
    return folded if _CASE.fullmatch(folded) else None


def case_begun(word: str) -> str | None:
    """How a case id begins, where `word` may be that: `K` and at least two characters."""
    folded = _as_id(word)
    return folded if _CASE_BEGINS.fullmatch(folded) else None


def case_without_its_letter(word: str) -> str | None:
    """The case id that `word` is but for the K at its beginning."""
    folded = _as_id(word, "").translate(_MISREAD)
    return f"K{folded}" if _REST.fullmatch(folded) else None


def _as_id(word: str, first: str = "K") -> str:
    folded = unicodedata.normalize("NFKC", word).upper().translate(_BETWEEN).strip()
    kept = len(first)
    return folded[:kept] + folded[kept:].translate(_MISREAD)
