"""Bulk decisions: their subjects, impact and progress, from the platform and the ledger."""

from collections.abc import Mapping, Sequence

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


class DoneLine(Value):
    """Result of one action on one subject; an action removed from the policy has no `title`."""

    name: str
    title: Text | None = None
    status: ActionStatus
    problem: Problem | None = None


class SubjectLine(Value):
    """A subject with the results so far."""

    subject: Subject
    done: tuple[DoneLine, ...] = ()


class BulkPage(Value):
    """A page of subjects, failed ones first. `first` is its offset."""

    total: int
    first: int
    lines: tuple[SubjectLine, ...]


class BulkService:
    """Bulk decisions over platform and ledger. Every call raises `Unavailable`."""

    def __init__(self, reader: RelatedReader, ledger: BulkLedger, policies: Policies) -> None:
        self._reader = reader
        self._ledger = ledger
        self._policies = policies

    def sources(self) -> dict[str, RelatedSpec]:
        """Returns the look-ups of platform.yaml by name."""
        return dict(self._policies.look_ups().related)

    async def count(self, name: str, start: Subject) -> int:
        """Returns the number of subjects that a look-up finds."""
        spec = self.sources()[name]
        return len((await self._reader.related(spec, start)).subjects)

    async def gather(
        self, type_: str, starts: Mapping[str, Subject], sources: Sequence[str], ids: Sequence[str]
    ) -> Found:
        """Returns each subject once: by look-ups (`sources`) from the `starts`, and the `ids`."""
        return await self._reader.gather(self._policies.look_ups(), type_, starts, sources, ids)

    async def impact(self, found: Found) -> Impact:
        """Returns the impact of a decision for all of them."""
        touched = await self._reader.touched(self._policies.look_ups(), found)
        sanctioned = await self._ledger.sanctioned(found.subjects)
        return Impact(
            sums=touched.sums,
            sanctioned=sanctioned,
            unknown=touched.unknown,
            dropped=found.dropped,
        )

    async def progress(self, case: str) -> Tally | None:
        """Returns the progress of a case's last decision, None when it is not a bulk decision."""
        bulk = await self._bulk(case)
        statuses = None if bulk is None else await self._ledger.bulk_statuses(bulk)
        return None if statuses is None else bulk_progress.tally(map(MemberStatus, statuses), 0)

    async def page(self, case: str, first: int, size: int) -> BulkPage | None:
        """Returns subjects of a case's last decision, None when it is not a bulk decision."""
        bulk = await self._bulk(case)
        if bulk is None:
            return None
        page = await self._ledger.page(bulk, first, size)
        return BulkPage(total=page.total, first=first, lines=self._lines(page.rows))

    async def _bulk(self, case: str) -> str | None:
        decision = await self._ledger.last_of(case)
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
