"""Alerts of detectors and people: one alert is about one subject."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    HttpUrl,
    JsonValue,
    Strict,
    StrictBool,
    StringConstraints,
    TypeAdapter,
)

from workflows.domain.people import WORKING_ROLES, Role
from workflows.domain.values import Text, Time, Value, Written, has_hidden, visible

PEOPLE = "people"
"""The detector of cases that the team opens in Slack."""
REPORTS = "reports"
"""The detector of reports by anybody in the workspace."""
MANUAL_DETECTORS = frozenset({PEOPLE, REPORTS})
"""Koban's own detectors; alerts over HTTP must not use their names."""

SLACK_MESSAGE = "slack_message"
"""The subject type of a report without a known subject; no platform action applies to it."""

MOST_NOTE = 1000
"""Characters of a note that a case keeps; the ledger has the whole note."""


class ManualAlert(Value):
    """The author of a manual alert, their note, and the Slack permalink of the message."""

    by: str
    note: str = ""
    link: str | None = None


def may_open(roles: frozenset[Role]) -> bool:
    """Whether these roles may open cases; anybody may report."""
    return bool(roles & WORKING_ROLES)


def attributes_of(manual: ManualAlert) -> dict[str, Any]:
    """The attributes of an alert made by a person."""
    return manual.model_dump(mode="json", exclude_none=True)


def manual_of(detector: str, attributes: dict[str, Any]) -> ManualAlert | None:
    """The person behind an alert; None for an alert of a detector."""
    by = attributes.get("by")
    if detector not in MANUAL_DETECTORS or not isinstance(by, str):
        return None
    note, link = attributes.get("note"), attributes.get("link")
    return ManualAlert(
        by=by,
        note=note[:MOST_NOTE] if isinstance(note, str) else "",
        link=link if isinstance(link, str) else None,
    )


MOST_VALUES = 1000
"""Values in the attributes of an alert: objects, lists and what is in them.

Each is converted for conditions (4 µs on a slow core), which is work that its bytes don't show.
"""

MOST_VIEWERS = 10**10
"""More people than there are: a larger number is a mistake of the detector, and is not shown."""

MOST_RELATED = 10
"""Related subjects of an alert that a case keeps; the ledger has all."""

EXCERPT = 500
"""Characters of evidence that a case keeps; the ledger has the whole text."""


def _legible(text: str) -> str:
    if visible(text) != text or "\n" in text or "\t" in text:
        raise ValueError("must not contain control characters")
    if has_hidden(text):
        raise ValueError("must not contain invisible characters, or spaces at its ends")
    return text


_ADDRESS = TypeAdapter(HttpUrl)
_HOST = re.compile(r"(?i)https?://[^/?#\\]")
"""Readers of URLs differ about an address that has its host after more slashes."""


def _web_address(url: str) -> str:
    try:
        _ADDRESS.validate_python(_legible(url))
        if not _HOST.match(url):
            raise ValueError("no host")
    except ValueError as error:
        raise ValueError("must be an address that begins with https://") from error
    return url


Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=256), AfterValidator(_legible)
]
Words = Annotated[str, AfterValidator(visible)]


class Subject(Written):
    """A user, listing, stream, …: `type` is defined by the policy."""

    type: Name
    id: Identifier

    @property
    def key(self) -> str:
        """`type:id`, unique because a type has no colon."""
        return f"{self.type}:{self.id}"


class TextEvidence(Written):
    """A text, as the detector saw it."""

    kind: Literal["text"] = "text"
    text: Words
    sensitive: StrictBool = False


class ImageEvidence(Written):
    """An image at the platform. Cards never link to it."""

    kind: Literal["image"] = "image"
    url: Annotated[str, StringConstraints(max_length=3000), AfterValidator(_web_address)]
    sensitive: StrictBool = True


Evidence = Annotated[TextEvidence | ImageEvidence, Field(discriminator="kind")]


class Alert(Written):
    """An alert as a detector posts it; (detector, id) identifies it."""

    id: Identifier
    detector: Name = "default"
    kind: Name
    subject: Subject
    related: Annotated[tuple[Subject, ...], Field(max_length=100)] = ()
    score: Annotated[float, Strict(), Field(ge=0, le=1)] | None = None
    occurred_at: Time
    title: Text | None = None
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=100)] = ()
    attributes: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        """`detector/id`."""
        return f"{self.detector}/{self.id}"

    def facts(self) -> dict[str, Any]:
        """The alert as JSON data for conditions, without fields that are None."""
        return self.model_dump(mode="json", exclude_none=True)


class Outcome(StrEnum):
    """Result of one alert or appeal that was sent over HTTP."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    INVALID = "invalid"


def values_in(value: JsonValue) -> int:
    """The number of values in JSON data, itself included."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(values_in(each) for each in inner)


class AlertBrief(Value):
    """The summary of an alert that a case keeps, of bounded size; `manual` if a person made it."""

    key: str
    kind: str
    occurred_at: datetime
    score: float | None = None
    title: Text | None = None
    excerpt: str = ""
    sensitive: bool = False
    images: int = 0
    viewers: int | None = None
    related: tuple[Subject, ...] = ()
    manual: ManualAlert | None = None


def _short(text: Text | None) -> Text | None:
    return None if text is None else Text(ja=visible(text.ja[:200]), en=visible(text.en[:200]))


def brief(alert: Alert) -> AlertBrief:
    """Summarizes `alert`: the first text, shortened, and counts of the other evidence.

    A sensitive text is left out: card, events and histories have no use for it.
    """
    texts = [e for e in alert.evidence if isinstance(e, TextEvidence)]
    hidden = any(text.sensitive for text in texts[:1])
    return AlertBrief(
        key=alert.key,
        kind=alert.kind,
        occurred_at=alert.occurred_at,
        score=alert.score,
        title=_short(alert.title),
        excerpt=texts[0].text[:EXCERPT] if texts and not hidden else "",
        sensitive=hidden,
        images=len(alert.evidence) - len(texts),
        viewers=_viewers(alert.attributes.get("viewers")),
        related=alert.related[:MOST_RELATED],
        manual=manual_of(alert.detector, alert.attributes),
    )


def _viewers(given: JsonValue) -> int | None:
    """A number of people, or None for anything that is not one."""
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    return int(given) if is_number and 0 <= given < MOST_VIEWERS else None  # type: ignore


class AlertEvidence(Value):
    """An alert as the ledger has it, to show its evidence. `key` is `detector/id`."""

    key: str
    kind: str
    detector: str
    occurred_at: datetime
    score: float | None = None
    title: Text | None = None
    evidence: tuple[Evidence, ...] = ()

    def item(self, number: int) -> TextEvidence | ImageEvidence | None:
        """The piece of evidence with this number, from 0."""
        return self.evidence[number] if 0 <= number < len(self.evidence) else None


def is_hidden(piece: TextEvidence | ImageEvidence) -> bool:
    """Whether the piece is only shown on request: sensitive texts, and all images."""
    return piece.sensitive or isinstance(piece, ImageEvidence)


def named(key: str) -> tuple[str, str]:
    """Splits an alert's key into detector and id; a detector's name has no slash."""
    detector, _, id_ = key.partition("/")
    return detector, id_
