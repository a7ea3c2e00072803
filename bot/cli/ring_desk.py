"""Rings over the real platform and ledger."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from activities.ledger.errors import LedgerUnavailable
from activities.ledger.queries import Row
from activities.ledger.rings import Rings
from activities.platform.errors import TryAgain
from activities.platform.related import Found, RelatedReader, Unreadable
from bot.cli.policies import Policies
from bot.slack.doors import Unavailable
from bot.slack.rings.door import DoneLine, RingPage, SubjectLine, Wanted
from workflows.domain import ring_marks
from workflows.domain.alert import Subject
from workflows.domain.enforcement import Problem
from workflows.domain.playbook.related import RelatedSpec
from workflows.domain.ring import Blast, Tally
from workflows.domain.ring_marks import Mark


class RingDesk:
    """`RingDoor`."""

    def __init__(self, reader: RelatedReader, rings: Rings, policies: Policies) -> None:
        self._reader = reader
        self._rings = rings
        self._policies = policies

    def sources(self) -> dict[str, RelatedSpec]:
        """The look-ups of platform.yaml, by their names."""
        return dict(self._policies.look_ups().related)

    async def count(self, name: str, start: Subject) -> int:
        """How many subjects a look-up finds."""
        spec = self.sources()[name]
        async with _reached():
            return len((await self._reader.related(spec, start)).subjects)

    async def gather(self, wanted: Wanted) -> Found:
        """The subjects, each once."""
        catalog = self._policies.look_ups()
        async with _reached():
            return await self._reader.gather(
                catalog, wanted.type, wanted.starts, wanted.sources, wanted.ids
            )

    async def blast(self, found: Found) -> Blast:
        """What acting on all of them would touch."""
        async with _reached():
            touched = await self._reader.touched(self._policies.look_ups(), found)
            sanctioned = await self._rings.sanctioned(found.subjects)
        return Blast(
            sums=touched.sums,
            sanctioned=sanctioned,
            unknown=touched.unknown,
            dropped=found.dropped,
        )

    async def progress(self, case: str) -> Tally | None:
        """How far the ring of a case's last decision is."""
        async with _reached():
            ring = await self._ring(case)
            marks = None if ring is None else await self._rings.ring_marks(ring)
        return None if marks is None else ring_marks.tally(map(Mark, marks), 0)

    async def page(self, case: str, first: int, size: int) -> RingPage | None:
        """Subjects of the ring of a case's last decision."""
        async with _reached():
            ring = await self._ring(case)
            if ring is None:
                return None
            page = await self._rings.page(ring, first, size)
        return RingPage(total=page.total, first=first, lines=self._lines(page.rows))

    async def _ring(self, case: str) -> str | None:
        decision = await self._rings.last_of(case)
        return None if decision is None or decision.ring is None else decision.ring.id

    def _lines(self, rows: Sequence[Row]) -> tuple[SubjectLine, ...]:
        lines: dict[int, SubjectLine] = {}
        for row in rows:
            subject = Subject(type=row["subject_type"], id=row["subject_id"])
            line = lines.get(row["place"], SubjectLine(subject=subject))
            lines[row["place"]] = line.model_copy(update={"done": line.done + self._done(row)})
        return tuple(lines.values())

    def _done(self, row: Row) -> tuple[DoneLine, ...]:
        if row["action"] is None:
            return ()
        spec = self._policies.catalog().find(row["action"])
        problem = row["problem"]
        return (
            DoneLine(
                name=row["action"],
                title=spec.title if spec else None,
                status=row["status"],
                problem=None if problem is None else Problem.model_validate(problem),
            ),
        )


@asynccontextmanager
async def _reached() -> AsyncIterator[None]:
    """Whatever is away, or can't be read, is not available: the person can try again."""
    try:
        yield
    except (TryAgain, Unreadable) as error:
        raise Unavailable(f"The platform does not answer ({error}).") from error
    except LedgerUnavailable as error:
        raise Unavailable(str(error)) from error
