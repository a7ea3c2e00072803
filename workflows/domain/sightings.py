"""What a case's alerts named beside its subject, as of which version of the card.

In a live chat the next alert comes before the press: what is acted upon is what its person saw.
"""

from collections.abc import Iterable

from workflows.domain.alert import Subject
from workflows.domain.model import Value

MOST = 200
"""Sightings that a case remembers; an older card names things that nobody has before their eyes."""


class Sighting(Value):
    """The latest thing of its type from `version` on."""

    version: int
    subject: Subject


def seen_with(
    sightings: tuple[Sighting, ...], related: Iterable[Subject], version: int
) -> tuple[Sighting, ...]:
    """The sightings after an alert that came as `version`: the first of each type counts."""
    fresh: dict[str, Subject] = {}
    for subject in related:
        fresh.setdefault(subject.type, subject)
    new = (
        Sighting(version=version, subject=subject)
        for type_, subject in fresh.items()
        if latest(sightings, type_, None) != subject
    )
    return _bounded((*sightings, *new))


def _bounded(sightings: tuple[Sighting, ...]) -> tuple[Sighting, ...]:
    """The newest ones; the last of each type stays, however many came of other types since."""
    last = {each.subject.type: each for each in sightings}
    older = sightings[:-MOST]
    return (*(each for each in older if last[each.subject.type] is each), *sightings[-MOST:])


def latest(sightings: tuple[Sighting, ...], type_: str, version: int | None) -> Subject | None:
    """What a card drawn as `version` named of that type (None: the newest card)."""
    for each in reversed(sightings):
        if each.subject.type == type_ and (version is None or each.version <= version):
            return each.subject
    return None
