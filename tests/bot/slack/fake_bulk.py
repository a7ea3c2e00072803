"""Bulk decisions in memory."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from activities.errors import Unavailable
from activities.platform.related import Found
from bot.services.bulk import BulkPage, DoneLine, SubjectLine
from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import Impact, Sum, Tally
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind
from workflows.domain.policy.platform import RelatedSpec
from workflows.domain.values import Text

HOSTILE = "<!channel> *太字* https://evil.example"
SOURCES = {
    "device": RelatedSpec(
        title=Text(ja="同じ端末", en="Same device"),
        type="user",
        path="/v1/users/{id}/related?by=device",
        items="response.users",
    ),
    "seller": RelatedSpec(
        title=Text(ja=HOSTILE, en=HOSTILE),
        type="listing",
        path="/v1/users/{id}/listings",
        items="response.listings",
    ),
}


@dataclass
class FakeBulkDecisions:
    """`members` share a phone. `gate` delays look-ups, `slow` the impact.

    `away` refuses look-ups, `blind` the impact.
    """

    members: int = 59
    total: int = 60
    away: bool = False
    blind: bool = False
    gate: asyncio.Event | None = None
    slow: asyncio.Event | None = None
    tally: Tally | None = None
    gathered: list[tuple[str, ...]] = field(default_factory=list)

    def sources(self) -> dict[str, RelatedSpec]:
        return SOURCES

    async def count(self, name: str, start: Subject) -> int:
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise Unavailable("the platform isn’t responding")
        return self.members

    async def gather(
        self, type_: str, starts: Mapping[str, Subject], sources: Sequence[str], ids: Sequence[str]
    ) -> Found:
        if self.away:
            raise Unavailable("the platform isn’t responding")
        self.gathered.append(tuple(ids))
        shared = [f"u_{n}" for n in range(self.members if sources else 0)]
        own = [starts[type_].id] if type_ in starts else []
        all_ids = dict.fromkeys([*own, *shared, *ids])
        return Found(tuple(Subject(type=type_, id=each) for each in all_ids))

    async def impact(self, found: Found) -> Impact:
        if self.slow is not None:
            await self.slow.wait()
        if self.blind:
            raise Unavailable("the platform isn’t responding")
        followers = Text(ja="フォロワー", en="Followers")
        return Impact(sums=(Sum(title=followers, total=1240),), sanctioned=4, unknown=1)

    async def progress(self, case: str) -> Tally | None:
        return self.tally

    async def page(self, case: str, first: int, size: int) -> BulkPage | None:
        if self.total == 0:
            return None
        places = range(first, min(first + size, self.total))
        lines = tuple(_line(place) for place in places)
        return BulkPage(total=self.total, first=first, lines=lines)


def _line(place: int) -> SubjectLine:
    if place > 0:
        return SubjectLine(subject=Subject(type="user", id=f"u_{place}"))
    problem = Problem(kind=ProblemKind.REFUSED, status=404)
    done = DoneLine(
        name="mute_user",
        title=Text(ja="コメント制限", en="Mute"),
        status=ActionStatus.FAILED,
        problem=problem,
    )
    return SubjectLine(subject=Subject(type="user", id=HOSTILE), done=(done,))
