"""What an appeal asks of the world: the signatures of its activities.

The bodies live in `activities/` under the same names; a test compares the signatures.
"""

from temporalio import activity

from workflows.domain.alert import Subject
from workflows.domain.appealing.events import AppealRecorded
from workflows.domain.appealing.state import Appeal, Appealed
from workflows.domain.enforcement import Problem
from workflows.domain.memory import CardRef
from workflows.domain.model import Value
from workflows.domain.notice import Letter
from workflows.domain.playbook.appeals import NoticeKind
from workflows.domain.playbook.lookups import NoticeCall
from workflows.domain.text import Text


class Against(Value):
    """Which decision is meant; without `decision` the latest that was carried out."""

    case: str
    decision: str | None = None


class AppealEntry(Value):
    """What the ledger writes in one go: events, and the appeal's row.

    `late` marks what happened while the ledger was away.
    """

    appeal: Appeal
    events: tuple[AppealRecorded, ...]
    card: CardRef | None = None
    late: bool = False


class AppealWritten(Value):
    """What the ledger found. `stands` is what happened: the events as they are written now.

    Where `filed_before`, another appeal has this one's name, and nothing was written. Where
    `earlier`, an earlier try of the same workflow task had written other events: these happened.
    """

    filed_before: bool = False
    stands: tuple[AppealRecorded, ...] = ()
    earlier: bool = False


class ShowAppeal(Value):
    """Everything that should be on the screen for an appeal now."""

    appeal: Appeal
    card: CardRef | None
    lines: tuple[AppealRecorded, ...] = ()


class Notice(Value):
    """One notice to one person. `text` still has its placeholders.

    `appeal` is empty where it is about a decision that nobody appealed against; then `letter` has
    what is put into the text.
    """

    appeal: str
    case: str
    decision: str | None
    kind: NoticeKind
    text: Text
    reason: str
    person: Subject
    call: NoticeCall
    letter: Letter | None = None


@activity.defn(name="load_appealed")
async def load_appealed(against: Against) -> Appealed | None:
    """What the ledger knows of a decision, or None where there is no such case."""
    raise RuntimeError("a port has no body")


@activity.defn(name="record_appeal")
async def record_appeal(entry: AppealEntry) -> AppealWritten:
    """Writes events and the appeal's row; the same entry twice changes nothing."""
    raise RuntimeError("a port has no body")


@activity.defn(name="show_appeal")
async def show_appeal(wanted: ShowAppeal) -> CardRef:
    """Brings an appeal's card and thread up to date; nothing is posted twice."""
    raise RuntimeError("a port has no body")


@activity.defn(name="send_notice")
async def send_notice(notice: Notice) -> Problem | None:
    """Tells a person; a problem where the platform will never take it.

    Raises:
        ApplicationError: retryable, where the platform does not answer.
    """
    raise RuntimeError("a port has no body")
