"""What a detector saw: one alert about one subject."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field, JsonValue, StringConstraints

from workflows.domain.people import WORKING_ROLES, Role
from workflows.domain.values import Text, Value, Written, visible

PEOPLE = "people"
"""The detector under which members of the team open cases."""
REPORTS = "reports"
"""The detector under which anybody in the workspace reports something: nobody has judged it."""
BY_HAND = frozenset({PEOPLE, REPORTS})
"""Koban's own detectors: no request over HTTP may speak for them."""

SLACK_MESSAGE = "slack_message"
"""What a report is about where nobody can tell whom: no action of a platform is for it."""

MOST_NOTE = 1000
"""Characters of a person's note that a card remembers; the ledger keeps the whole."""


class ByHand(Value):
    """Who made an alert, what they wrote about it, and the message that it is about.

    `link` is a permalink of Slack's, or None.
    """

    by: str
    note: str = ""
    link: str | None = None


def may_open(roles: frozenset[Role]) -> bool:
    """Whether somebody with these roles opens cases; anybody may report."""
    return bool(roles & WORKING_ROLES)


def attributes_of(hand: ByHand) -> dict[str, Any]:
    """How an alert carries it."""
    return hand.model_dump(mode="json", exclude_none=True)


def hand_of(detector: str, attributes: dict[str, Any]) -> ByHand | None:
    """Who made an alert; None for one of a detector."""
    by = attributes.get("by")
    if detector not in BY_HAND or not isinstance(by, str):
        return None
    note, link = attributes.get("note"), attributes.get("link")
    return ByHand(
        by=by,
        note=note[:MOST_NOTE] if isinstance(note, str) else "",
        link=link if isinstance(link, str) else None,
    )


EXCERPT = 500
"""Characters of evidence that a case keeps; the ledger keeps the whole."""


def _no_control(text: str) -> str:
    if visible(text) != text or "\n" in text or "\t" in text:
        raise ValueError("must not contain control characters")
    return text


Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=256), AfterValidator(_no_control)
]
Words = Annotated[str, AfterValidator(visible)]


class Subject(Written):
    """Whom or what something is about: `type` is open (user, listing, stream, …)."""

    type: Name
    id: Identifier

    @property
    def key(self) -> str:
        """`type:id`, unique over all subjects since a type has no colon."""
        return f"{self.type}:{self.id}"


class TextEvidence(Written):
    """Words that were seen, as they were."""

    kind: Literal["text"] = "text"
    text: Words
    sensitive: bool = False


class ImageEvidence(Written):
    """An image at the platform; it is never linked on a card."""

    kind: Literal["image"] = "image"
    url: Annotated[str, StringConstraints(max_length=3000)]
    sensitive: bool = True


Evidence = Annotated[TextEvidence | ImageEvidence, Field(discriminator="kind")]


class Alert(Written):
    """One alert as a detector posts it. (detector, id) names it for good."""

    id: Identifier
    detector: Name = "default"
    kind: Name
    subject: Subject
    related: Annotated[tuple[Subject, ...], Field(max_length=100)] = ()
    score: Annotated[float, Field(ge=0, le=1)] | None = None
    occurred_at: AwareDatetime
    title: Text | None = None
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=100)] = ()
    attributes: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        """`detector/id`, the name under which it is known for good."""
        return f"{self.detector}/{self.id}"

    def facts(self) -> dict[str, Any]:
        """The alert as plain data, for conditions: absent optional fields are left out."""
        return self.model_dump(mode="json", exclude_none=True)


class AlertBrief(Value):
    """What a case remembers of an alert: bounded, whatever the detector sent.

    `hand` tells who made it, where that was a person.
    """

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
    hand: ByHand | None = None


def _short(text: Text | None) -> Text | None:
    return None if text is None else Text(ja=visible(text.ja[:200]), en=visible(text.en[:200]))


def brief(alert: Alert) -> AlertBrief:
    """The bounded memory of `alert`: the first text, shortened, and counts of the rest."""
    texts = [e for e in alert.evidence if isinstance(e, TextEvidence)]
    viewers = alert.attributes.get("viewers")
    return AlertBrief(
        key=alert.key,
        kind=alert.kind,
        occurred_at=alert.occurred_at,
        score=alert.score,
        title=_short(alert.title),
        excerpt=texts[0].text[:EXCERPT] if texts else "",
        sensitive=any(text.sensitive for text in texts[:1]),
        images=len(alert.evidence) - len(texts),
        viewers=int(viewers) if isinstance(viewers, int | float) else None,
        related=alert.related[:10],
        hand=hand_of(alert.detector, alert.attributes),
    )


class AlertEvidence(Value):
    """What the ledger keeps of an alert, as far as people look at it. `key` is `detector/id`."""

    key: str
    kind: str
    detector: str
    occurred_at: datetime
    score: float | None = None
    title: Text | None = None
    evidence: tuple[Evidence, ...] = ()

    def item(self, number: int) -> TextEvidence | ImageEvidence | None:
        """One piece, counted from 0."""
        return self.evidence[number] if 0 <= number < len(self.evidence) else None


def is_hidden(piece: TextEvidence | ImageEvidence) -> bool:
    """Whether it is shown only to whoever asks for it: sensitive words, and every image."""
    return piece.sensitive or isinstance(piece, ImageEvidence)


def named(key: str) -> tuple[str, str]:
    """Detector and id of an alert's key: a detector's name has no slash."""
    detector, _, id_ = key.partition("/")
    return detector, id_
