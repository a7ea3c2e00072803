"""Look-ups of related subjects at the platform, and the impact of acting on all of them."""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from activities.errors import Unavailable
from activities.platform.client import Platform, PlatformError, Refused, UnusableSubject
from activities.platform.requests import fill_path
from workflows.conditions import value_of
from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import Sum
from workflows.domain.policy.platform import LookupCatalog, LookupField, RelatedSpec

CONCURRENT_READS = 20
"""Concurrent reads, well below the client's 50 connections."""
MOST_PAGES = 50
"""Pages of one look-up."""
MOST_ITEMS = 2000
"""Twice the largest bulk decision."""
_PATH = re.compile(r"/(?!/)[^\s\\\x00-\x1f]{0,2000}")
_GONE = frozenset({404, 410})

Facts = Mapping[str, Any]


class Unreadable(PlatformError, Unavailable):
    """The look-up fails as platform.yaml describes it; a retry does not help."""


@dataclass(frozen=True)
class Found:
    """Distinct subjects in order, facts by their key, and the number of items that are none."""

    subjects: tuple[Subject, ...] = ()
    facts: dict[str, Facts] = field(default_factory=dict)
    dropped: int = 0


@dataclass(frozen=True)
class Touched:
    """Sums over all subjects, and the number of subjects unknown to the platform."""

    sums: tuple[Sum, ...] = ()
    unknown: int = 0


class RelatedReader:
    """Reads related subjects. Every method raises `TryAgain` or `Unreadable`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def related(self, spec: RelatedSpec, start: Subject) -> Found:
        """The subjects related to `start` by a look-up."""
        try:
            answer = await self._read(spec.path, start)
        except UnusableSubject:
            return Found()
        return _found(spec.type, await self._all_pages(spec, answer))

    async def _all_pages(self, spec: RelatedSpec, answer: Any) -> list[Any]:
        found: list[Any] = []
        for _ in range(MOST_PAGES):
            found += [] if answer is None else _items(spec, answer)
            following = None if answer is None else _next(spec, answer)
            if following is None or len(found) > MOST_ITEMS:
                return found
            answer = await self._at(following)
        # A decision is for all of them: none may be missing.
        raise Unreadable(f"{spec.path} has more than {MOST_PAGES} pages")

    async def gather(
        self,
        catalog: LookupCatalog,
        type_: str,
        starts: Mapping[str, Subject],
        sources: Iterable[str],
        ids: Iterable[str],
    ) -> Found:
        """The case's subject, the related subjects and the ids, without duplicates."""
        own = starts.get(type_)
        first = Found(subjects=(own,) if own is not None else ())
        asked = [self._source(catalog, type_, name, starts) for name in dict.fromkeys(sources)]
        found = await asyncio.gather(*asked)
        return _together([first, *found, _found(type_, ids)])

    async def _source(
        self, catalog: LookupCatalog, type_: str, name: str, starts: Mapping[str, Subject]
    ) -> Found:
        spec = catalog.related.get(name)
        if spec is None or spec.type != type_:
            raise Unreadable(f"there is no look-up {name} for {type_}")
        start = starts.get(spec.of)
        return Found() if start is None else await self.related(spec, start)

    async def touched(self, catalog: LookupCatalog, found: Found) -> Touched:
        """The impact of acting on all subjects; known facts are not read again."""
        if not found.subjects:
            return Touched()
        spec = catalog.lookups.get(found.subjects[0].type)
        summed = [each for each in spec.fields if each.impact] if spec is not None else []
        if spec is None or not summed:
            return Touched()
        slots = asyncio.Semaphore(CONCURRENT_READS)
        reads = (self._facts(spec.path, each, summed, found, slots) for each in found.subjects)
        answers = await asyncio.gather(*reads)
        known = [facts for facts in answers if facts is not None]
        return Touched(
            sums=tuple(
                Sum(title=each.title, total=sum(_number(facts, each.name) for facts in known))
                for each in summed
            ),
            unknown=len(answers) - len(known),
        )

    async def _facts(
        self,
        path: str,
        subject: Subject,
        summed: Sequence[LookupField],
        found: Found,
        slots: asyncio.Semaphore,
    ) -> Facts | None:
        known = found.facts.get(subject.key)
        if known is not None and all(_at(known, each.name) is not None for each in summed):
            return known
        async with slots:
            try:
                answer = await self._read(path, subject)
            except UnusableSubject:
                return None
        return answer if isinstance(answer, dict) else None

    async def _read(self, path: str, subject: Subject) -> Any:
        """The response; None for an unknown subject."""
        return await self._at(fill_path(path, {"id": subject.id}))

    async def _at(self, path: str) -> Any:
        try:
            return await self._platform.read(path)
        except Refused as refused:
            if refused.status in _GONE:
                return None
            raise Unreadable(f"the platform refuses the look-up ({refused.status})") from refused


def _items(spec: RelatedSpec, answer: Any) -> list[Any]:
    items = value_of(spec.items, {"response": answer})
    if not isinstance(items, list | tuple):
        raise Unreadable(f"`items` of {spec.path} is not a list")
    return list(items)


def _next(spec: RelatedSpec, answer: Any) -> str | None:
    """The path of the next page, which has to be one of the platform."""
    if spec.next is None:
        return None
    path = value_of(spec.next, {"response": answer})
    if path is None or path == "":
        return None
    if not isinstance(path, str) or _PATH.fullmatch(path) is None:
        raise Unreadable(f"`next` of {spec.path} is not a path of the platform")
    return path


def _found(type_: str, items: Iterable[Any]) -> Found:
    asked = [(_subject(type_, item), item) for item in items]
    usable = [(subject, item) for subject, item in asked if subject is not None]
    facts: dict[str, Facts] = {
        subject.key: item for subject, item in reversed(usable) if isinstance(item, dict)
    }
    subjects = dict.fromkeys(subject for subject, _ in usable)
    return Found(tuple(subjects), facts, dropped=len(asked) - len(usable))


def _subject(type_: str, item: Any) -> Subject | None:
    """The subject of an item; None for another kind of value."""
    named = item.get("id") if isinstance(item, dict) else item
    if isinstance(named, bool) or not isinstance(named, str | int):
        return None
    try:
        subject = Subject(type=type_, id=str(named))
        fill_path("/{id}", {"id": subject.id})
    except (ValidationError, UnusableSubject):
        return None
    return subject


def _together(parts: Sequence[Found]) -> Found:
    subjects = dict.fromkeys(each for part in parts for each in part.subjects)
    facts = {key: value for part in reversed(parts) for key, value in part.facts.items()}
    return Found(tuple(subjects), facts, sum(part.dropped for part in parts))


def _at(facts: Any, path: str) -> Any:
    for step in path.split("."):
        if not isinstance(facts, dict):
            return None
        facts = facts.get(step)
    return facts


def _number(facts: Facts, path: str) -> float:
    value = _at(facts, path)
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return value if usable and abs(value) < 1e15 else 0
