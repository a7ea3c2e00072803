"""Parser of `/koban` lines, in both languages."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from workflows.domain.values import Value

# Mentions arrive as `<@U0SATO|sato>`, channels as `<#C0LIVE|ts-live>`, links as `<https://…>` or
# `<mailto:…|…>`; every other &, < and > is an entity.
# https://docs.slack.dev/interactivity/implementing-slash-commands

_MENTION = re.compile(r"<@([UW][A-Z0-9]{2,20})(?:\|[^<>]*)?>")
_MARK = re.compile(r"<([@#]|!subteam\^|https?:|mailto:|tel:)([^<>|]*)(?:\|([^<>]*))?>")


def as_typed(text: str) -> str:
    """`text` without Slack's markup: a platform id may look like a mention or a link."""
    plain = _MARK.sub(_written, text)
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _written(mark: re.Match[str]) -> str:
    kind, target, label = mark[1], mark[2], mark[3]
    if kind in ("@", "#"):
        return f"{kind}{label or target}"
    if label:
        return label
    return f"{kind}{target}" if kind.startswith("http") else target


def mentioned(text: str) -> tuple[str | None, str]:
    """The person that `text` mentions and the rest of it; None for no person or several."""
    people = _MENTION.findall(text)
    rest = _MENTION.sub(" ", text).strip()
    return (people[0] if len(people) == 1 else None), rest


_CASE = re.compile(r"K[0-9A-HJKMNP-TV-Z]{8}")
_CASE_BEGINS = re.compile(r"K[0-9A-HJKMNP-TV-Z]{2,8}")
_REST = re.compile(r"[0-9A-HJKMNP-TV-Z]{8}")
# Crockford's alphabet has none of these, since they are easily misread.
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1"})
_BETWEEN = str.maketrans({"-": None, "#": None, "`": None})


def plainly(word: str) -> str:
    """Folds full-width letters of a Japanese keyboard and capitals."""
    return unicodedata.normalize("NFKC", word).casefold()


def split(text: str) -> tuple[str, str]:
    """The first word, folded, and the rest as typed."""
    words = text.split(maxsplit=1)
    if not words:
        return "", ""
    return plainly(words[0]), words[1].strip() if len(words) > 1 else ""


def case_named(word: str) -> str | None:
    """The case id in `word`, in any spelling; None for anything else."""
    folded = _as_id(word)
    return folded if _CASE.fullmatch(folded) else None


def case_begun(word: str) -> str | None:
    """The beginning of a case id: `K` and at least two characters."""
    folded = _as_id(word)
    return folded if _CASE_BEGINS.fullmatch(folded) else None


def case_without_letter(word: str) -> str | None:
    """The case id for a `word` without its leading K."""
    folded = _as_id(word, "").translate(_MISREAD)
    return f"K{folded}" if _REST.fullmatch(folded) else None


def _as_id(word: str, first: str = "K") -> str:
    folded = unicodedata.normalize("NFKC", word).upper().translate(_BETWEEN).strip()
    kept = len(first)
    return folded[:kept] + folded[kept:].translate(_MISREAD)


class Help(Value):
    """`help`, or nothing at all."""


class Unknown(Value):
    """Anything else; `nearest` is the command that may have been meant, ready to type."""

    typed: str
    nearest: str | None = None


class Incomplete(Value):
    """A command with a missing or impossible argument; `form` is an example.

    `wants_time`: a person or time is unreadable; `wants_words`: neither id nor time.
    """

    form: str
    wants_time: bool = False
    wants_words: bool = False


Lookups = tuple[str, ...]
"""Types of subject that can be looked up; each is a command."""


@dataclass(frozen=True)
class Verb:
    """A command of `/koban`.

    read: parses the rest of the line. forms: examples, each with the last part of the key
    `bot.help.{key}` that explains it. raw: the rest keeps Slack's markup for mentions.
    """

    name: str
    read: Callable[[str, Lookups], Value]
    forms: tuple[tuple[str, str], ...]
    japanese: str = ""
    raw: bool = False


MOST_CHARACTERS = 4_000
HELP = ("", "help", "?", "使い方")
