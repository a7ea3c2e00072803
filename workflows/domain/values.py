"""Base models, durations and bilingual texts, shared by the whole domain."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import SchemaError, SchemaValidator, core_schema


class Value(BaseModel):
    """An immutable value. Unknown fields are ignored: an older worker can read a newer payload."""

    model_config = ConfigDict(frozen=True, extra="ignore")


V = TypeVar("V", bound=Value)


def derive(model: type[V], source: object, /, **own: Any) -> V:
    """A `model` with its `own` values; its other fields are the attributes of `source`."""
    names = model.model_fields.keys() - own.keys()
    return model(**own, **{name: getattr(source, name) for name in names})


def tagged(names: Mapping[str, Any], base: type[V]) -> tuple[type[V], ...]:
    """The subclasses of `base` in a module's `globals()` that set `kind`: members of a union."""
    return tuple(
        each
        for each in names.values()
        if isinstance(each, type)
        and issubclass(each, base)
        and not each.model_fields["kind"].is_required()
    )


class Written(BaseModel):
    """Input from outside (policy file, alert). Unknown fields are refused as mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


_WRITTEN = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(written: str) -> timedelta:
    """Parses `30s`, `5m`, `24h` or `7d`.

    Raises:
        ValueError: for any other text, and for zero.
    """
    match = _WRITTEN.fullmatch(written.strip())
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{written!r} is not a duration; write 30s, 5m, 24h or 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def format_duration(duration: timedelta) -> str:
    """Formats `duration` as `parse_duration` reads it, with the largest possible unit."""
    seconds = int(duration.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0 and seconds:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _read(given: Any) -> Any:
    # Payloads have ISO 8601 (PT5M), which pydantic parses itself.
    if isinstance(given, str) and not given.startswith(("P", "-P")):
        return parse_duration(given)
    if isinstance(given, int | float):
        raise ValueError(f"{given!r} is not a duration; write 30s, 5m, 24h or 7d")
    return given


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""A name in policy files: `mute_user`."""
Duration = Annotated[timedelta, BeforeValidator(_read)]


def _share(given: Any) -> Any:
    if isinstance(given, str) and given.strip().endswith("%"):
        try:
            return float(given.strip()[:-1]) / 100
        except ValueError:
            return given
    return given


Share = Annotated[
    float,
    BeforeValidator(_share),
    Field(ge=0, le=1),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]+)?%$"},
            ],
            "description": "A share: 2% or 0.02.",
        }
    ),
]
"""A share of 1, `2%` in YAML."""


class Language(StrEnum):
    """A language of the user interface."""

    JA = "ja"
    EN = "en"


class Text(Value):
    """A text in both languages; a plain string is used for both."""

    ja: str
    en: str

    @model_validator(mode="before")
    @classmethod
    def _one_for_both(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"ja": given, "en": given}
        if isinstance(given, dict) and not given.keys() <= {"ja", "en"}:
            raise ValueError("a text has the languages ja and en")
        if isinstance(given, dict) and len(given) == 1:
            only = next(iter(given.values()))
            return {"ja": given.get("ja", only), "en": given.get("en", only)}
        return given

    def in_(self, language: Language) -> str:
        """The text in `language`."""
        return self.ja if language is Language.JA else self.en


@lru_cache(maxsize=256)
def linear_pattern(pattern: str) -> SchemaValidator:
    """A regular expression over whole texts; its `isinstance_python` takes linear time.

    Its engine is Rust's, without look-around and back-references.

    Raises:
        ValueError: for what is no regular expression there.
    """
    try:
        return SchemaValidator(core_schema.str_schema(pattern=f"^(?:{pattern})$"))
    except SchemaError as error:
        raise ValueError(str(error)) from error


# U+2400 "symbols for control": shows a control character instead of applying it.
_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"}
# Bidirectional overrides can make a card read differently from what it says (CVE-2021-42574).
_DIRECTION = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD)
_VISIBLE = {**_PICTURES, 0x7F: 0x2421, **_DIRECTION, **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)}


def visible(text: str) -> str:
    """Replaces control and direction characters with visible ones; the length stays the same."""
    return text.translate(_VISIBLE)


# Unicode's Default_Ignorable_Code_Point, every white space, and the letters that look blank.
_INVISIBLE = (
    r"\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff"
)
_BLANK = re.compile(f"[{_INVISIBLE}]*")
_HIDDEN = re.compile(f"(?! )[{_INVISIBLE}]")


def is_blank(text: str) -> bool:
    """Whether a reader would see nothing."""
    return _BLANK.fullmatch(text) is not None


def has_hidden(text: str) -> bool:
    """Whether `text` has characters that a reader can't see; spaces between words are seen."""
    return text != text.strip(" ") or _HIDDEN.search(text) is not None


_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*", re.ASCII | re.DOTALL)


def _written_time(given: Any) -> Any:
    """Refuses seconds since 1970, which pydantic would read as a time."""
    if isinstance(given, datetime) or (isinstance(given, str) and _RFC_3339.fullmatch(given)):
        return given
    raise ValueError("a time is written as 2026-11-23T03:04:05Z")


Time = Annotated[AwareDatetime, BeforeValidator(_written_time)]
"""A time from outside, as RFC 3339 writes it."""
