"""Rings: subjects that are decided together, from the platform's look-ups and the ledger."""

from collections.abc import Sequence

from activities.ledger.bulk import BulkLedger
from activities.ledger.database import Row
from activities.platform.related import Found, RelatedReader
from bot.policies import Policies
from workflows.domain.alerts import Subject
from workflows.domain.case import bulk_progress
from workflows.domain.case.bulk import Impact, Tally
from workflows.domain.case.bulk_progress import MemberStatus
from workflows.domain.case.enforcement import ActionStatus, Problem
from workflows.domain.policy.platform import RelatedSpec
from workflows.domain.values import Text, Value


class Wanted(Value):
    """Whom somebody wants to decide for: as in `workflows.ports.bulk.RingAsk`."""

    type: str
    starts: dict[str, Subject]
    sources: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


class DoneLine(Value):
    """What became of one action on one subject; `title` where it is still known."""

    name: str
    title: Text | None = None
    status: ActionStatus
    problem: Problem | None = None


class SubjectLine(Value):
    """One subject of a ring; without actions nothing was done to it yet."""

    subject: Subject
    done: tuple[DoneLine, ...] = ()


class BulkPage(Value):
    """Some subjects of a ring, failed ones first. `first` counts from 0."""

    total: int
    first: int
    lines: tuple[SubjectLine, ...]


class BulkService:
    """Rings over platform and ledger. Raises `Unavailable` where one of them does not answer."""

    def __init__(
        self, reader: RelatedReader, bulk_decisions: BulkLedger, policies: Policies
    ) -> None:
        self._reader = reader
        self._bulk_ledger = bulk_decisions
        self._policies = policies

    def sources(self) -> dict[str, RelatedSpec]:
        """The look-ups of platform.yaml, by their names."""
        return dict(self._policies.look_ups().related)

    async def count(self, name: str, start: Subject) -> int:
        """How many subjects a look-up finds."""
        spec = self.sources()[name]
        return len((await self._reader.related(spec, start)).subjects)

    async def gather(self, wanted: Wanted) -> Found:
        """The subjects, each once."""
        catalog = self._policies.look_ups()
        return await self._reader.gather(
            catalog, wanted.type, wanted.starts, wanted.sources, wanted.ids
        )

    async def impact(self, found: Found) -> Impact:
        """What acting on all of them would touch."""
        touched = await self._reader.touched(self._policies.look_ups(), found)
        sanctioned = await self._bulk_ledger.sanctioned(found.subjects)
        return Impact(
            sums=touched.sums,
            sanctioned=sanctioned,
            unknown=touched.unknown,
            dropped=found.dropped,
        )

    async def progress(self, case: str) -> Tally | None:
        """How far the ring of a case's last decision is."""
        bulk = await self._bulk(case)
        marks = None if bulk is None else await self._bulk_ledger.bulk_statuses(bulk)
        return None if marks is None else bulk_progress.tally(map(MemberStatus, marks), 0)

    async def page(self, case: str, first: int, size: int) -> BulkPage | None:
        """Subjects of the ring of a case's last decision."""
        bulk = await self._bulk(case)
        if bulk is None:
            return None
        page = await self._bulk_ledger.page(bulk, first, size)
        return BulkPage(total=page.total, first=first, lines=self._lines(page.rows))

    async def _bulk(self, case: str) -> str | None:
        decision = await self._bulk_ledger.last_of(case)
        return None if decision is None or decision.bulk is None else decision.bulk.id

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
