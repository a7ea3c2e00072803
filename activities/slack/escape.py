"""Escaping of external text: no formatting, links or mentions, and still readable.

`plain` is for plain_text and rich_text, `mrkdwn` for mrkdwn, `code` for code in it. Lengths are
UTF-16 units, the strictest unit that Slack may count in.
"""

import re
import unicodedata
from collections.abc import Callable

from workflows.domain.values import visible

Safe = Callable[[str, int], str]
"""`safe(text, limit)`: one of `plain` and `mrkdwn`."""

ELLIPSIS = "…"
_JOINER = "\u2060"
_ZWJ = "\u200d"
# Invisible characters hide a domain from readers, but a copy still contains it.
_INVISIBLE = dict.fromkeys((0xAD, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF))
_SCHEME = re.compile(r"(?i)(h)tt(ps?)(?=\s*[:：]\s*/\s*/)")
_OTHER_SCHEME = re.compile(r"(?i)(?<!hxxp)(?<!hxxps):(?=//)")
_BARE_SCHEME = re.compile(r"(?i)(mailto|(?<![^\W\d_])(?:tel|sms)):")
_HIDDEN = "[\u200c\u200d]*"
# A dot with something like a label on both sides; the right one begins with a letter, so that
# 0.97 and 12.5% stay as they are. The dots of IDNA (UTS 46) count between Latin letters, narrow
# or wide: browsers fold all of them.
_DOT = re.compile(rf"(?<=[\w-])({_HIDDEN})\.({_HIDDEN})(?=[^\W\d_])")
_WIDE_DOT = re.compile(r"(?<=[A-Za-z0-9Ａ-Ｚａ-ｚ０-９-])[．。｡․﹒](?=[A-Za-zＡ-Ｚａ-ｚ])")
_NUMBERED = re.compile(r"(?<![\d.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_SHOUT = re.compile(r"(?i)([@＠])(?=here|channel|everyone|[UWS][A-Z0-9]{2,})")
_EMOJI = re.compile(r":(?=[0-9_']*[a-z+-][a-z0-9_+'-]*:)")
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
_QUOTE = re.compile(r"(?m)^([^\S\n]*)>")
# Look-alikes of the characters that Slack parses.
_ALIKE = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_BACK = 40  # no script has longer clusters


def plain(text: str, limit: int) -> str:
    """For plain_text and rich_text: visible, without links, at most `limit` long."""
    return shorten(_defanged(text), limit)


def mrkdwn(text: str, limit: int) -> str:
    """For mrkdwn: also without formatting and mentions; entities count towards `limit`."""
    harmless = _unformatted(_defanged(text))
    escaped = harmless.translate(_ENTITIES)
    if units(escaped) <= limit:
        return escaped
    room = limit
    while True:
        # Escaping only adds: each round removes the excess until the text fits.
        escaped = _unedged(shorten(harmless, room)).translate(_ENTITIES)
        over = units(escaped) - limit
        if over <= 0:
            return escaped
        room -= max(1, over // 5)


def code(text: str, limit: int) -> str:
    """A condition or name in code style, as it is written, but visible and without addresses.

    Slack formats nothing in it, so dots and signs stay: `alert[.]score` would be wrong.
    """
    # Invisible and control characters would make a condition read differently.
    seen = "".join(each if each.isprintable() else "\ufffd" for each in one_line(text))
    harmless = _SHOUT.sub(rf"\1{_JOINER}", _without_schemes(seen)).replace("`", "'")
    return f"`{shorten(harmless, limit).translate(_ENTITIES)}`"


def unescaped(text: str) -> str:
    """Escaped mrkdwn as people read it, for a terminal."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def pieces(text: str, size: int) -> list[str]:
    """All of `text` as by `plain`, in parts of at most `size` UTF-16 units.

    Escaped before it is cut, because half a URL is not recognized. Cuts prefer the end of a line
    or word, and never split a letter from its marks.
    """
    whole, parts, start = _defanged(text).strip(), [], 0
    while start < len(whole):
        end = _end(whole, start, size)
        parts.append(whole[start:end].strip())
        start = end
    return [part for part in parts if part]


def _end(text: str, start: int, size: int) -> int:
    """The end of the part that begins at `start`."""
    index = _cut(text, start, size)
    if index == len(text):
        return index
    end = _boundary(text, index)
    end = end if end > start else index
    for sign in ("\n", " ", "\u3000", "。"):
        found = text.rfind(sign, (start + end) // 2, end)
        if found > start:
            return found + 1
    return end


def one_line(text: str) -> str:
    """`text` with single spaces in place of line breaks and runs of whitespace."""
    return " ".join(text.split())


def units(text: str) -> int:
    """The length of `text` in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def shorten(text: str, limit: int) -> str:
    """`text` in at most `limit` UTF-16 units; a cut never splits a letter from its marks."""
    if units(text) <= limit:
        return text
    if limit < 1:
        return ""
    return text[: _boundary(text, _cut(text, 0, limit - 1))].rstrip() + ELLIPSIS


def _cut(text: str, start: int, room: int) -> int:
    """The end of the characters from `start` that fit into `room` UTF-16 units."""
    for index in range(start, len(text)):
        room -= 2 if text[index] > "\uffff" else 1
        if room < 0:
            return index
    return len(text)


def _boundary(text: str, index: int) -> int:
    for cut in range(index, max(index - _BACK, 0), -1):
        if not _continues(text[cut]) and text[cut - 1] != _ZWJ:
            return cut
    return index


def _continues(character: str) -> bool:
    """True for marks, joiners and skin tones, which continue a letter."""
    if character in (_ZWJ, "\u200c") or "\U0001f3fb" <= character <= "\U0001f3ff":
        return True
    return unicodedata.category(character).startswith("M")


def _defanged(text: str) -> str:
    text = _without_schemes(visible(text).translate(_INVISIBLE))
    text = _NUMBERED.sub(r"\1[.]\2[.]\3[.]\4", text)
    text = _WIDE_DOT.sub("[.]", text)
    return _DOT.sub(r"\1[.]\2", text)


def _without_schemes(text: str) -> str:
    text = _SCHEME.sub(r"\1xx\2", text)
    return _BARE_SCHEME.sub(r"\1[:]", _OTHER_SCHEME.sub("[:]", text))


def _unformatted(text: str) -> str:
    text = _QUOTE.sub(r"\1›", text.translate(_ALIKE))
    text = _unedged(text)
    text = _EMOJI.sub(f":{_JOINER}", text)
    return _SHOUT.sub(rf"\1{_JOINER}", text)


def _unedged(text: str) -> str:
    """Replaces underscores at the edges of words, which are italics; a cut may add edges."""
    return _EDGE_UNDERSCORE.sub(lambda match: "＿" * len(match[0]), text)
