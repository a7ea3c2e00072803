"""What the listeners need of the other rooms: small protocols, so that each can be replaced."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Protocol

from activities.slack.text.texts import Catalog
from workflows.appealing.start import AppealMemory
from workflows.domain.alert import Alert, Subject
from workflows.domain.appealing.commands import AppealClick
from workflows.domain.approval import Purpose
from workflows.domain.automation import AutomationChange, Standing, Unchanged
from workflows.domain.case_state import Phase
from workflows.domain.commands import Click
from workflows.domain.decision import Verdict
from workflows.domain.enforcement import ActionStatus
from workflows.domain.events import CaseOpened, Recorded
from workflows.domain.hold import HoldKind
from workflows.domain.memory import CardRef, Memory
from workflows.domain.model import Value
from workflows.domain.people import Actor, Cover, Role
from workflows.domain.playbook.actions import ActionCatalog
from workflows.domain.playbook.lookups import LookupCatalog
from workflows.domain.playbook.model import Playbook, Severity
from workflows.domain.text import Language, Text

if TYPE_CHECKING:  # they speak of what is here
    from bot.slack.evidence.door import EvidenceDoor
    from bot.slack.rings.door import RingDoor
    from bot.slack.team_door import TeamDoor


class Unavailable(Exception):
    """Ledger, platform or Slack did not answer: the person can try again in a moment."""


class CaseDoor(Protocol):
    """The workflows (`workflows.client.Cases`)."""

    async def click(self, route: str, click: Click) -> None:
        """Stores a click for good. Raises `workflows.client.OutOfReach`."""

    async def memory(self, route: str) -> Memory | None:
        """The running case at `route`, or None. Raises `workflows.client.OutOfReach`."""


class AppealDoor(Protocol):
    """The appeals (`workflows.client.Appeals`). Raises `workflows.client.OutOfReach`."""

    async def click(self, click: AppealClick) -> bool:
        """Stores a click for good; False where its appeal is over."""

    async def memory(self, appeal: str) -> AppealMemory | None:
        """An open appeal, or None."""


class PolicyDoor(Protocol):
    """The policy folder as it stands now."""

    def catalog(self) -> ActionCatalog:
        """What the platform can do."""

    def playbook(self, name: str) -> Playbook | None:
        """A playbook by its name."""

    def playbooks(self) -> tuple[Playbook, ...]:
        """Every playbook."""

    def lookups(self) -> tuple[str, ...]:
        """The types of subject that can be looked up (platform.yaml), in its order."""

    def look_ups(self) -> LookupCatalog:
        """The whole of platform.yaml."""


class PeopleDoor(Protocol):
    """People of the workspace. Raises `Unavailable` where Slack has to be asked and is away."""

    async def language(self, person: str) -> Language:
        """The language that a person reads Slack in."""

    async def roles(self, person: str) -> frozenset[Role]:
        """The roles that a person holds now."""

    async def members(self, role: Role) -> tuple[str, ...]:
        """Everybody who holds a role now, by id."""

    async def names(self, people: Iterable[str]) -> dict[str, str]:
        """The names of several people, by id; an id stands for itself where Slack is away."""


class CaseLine(Value):
    """A case in a list. `due` is when its present step runs out; None where nothing is due.

    `approvers` are the roles that are still needed while it waits for an approval, `barred` the
    people who can't give it; `hold` and `hold_until` tell that it was set aside.
    """

    id: str
    route: str = ""
    version: int = 0
    title: Text
    subject: Subject
    severity: Severity
    phase: Phase
    owner: str | None = None
    opened_at: datetime
    due: datetime | None = None
    verdict: Verdict | None = None
    closed_at: datetime | None = None
    card: CardRef | None = None
    decider: str | None = None
    approvers: frozenset[Role] = frozenset()
    purpose: Purpose | None = None
    barred: frozenset[str] = frozenset()
    hold: HoldKind | None = None
    hold_until: datetime | None = None


class ActionLine(Value):
    """An action as it stands: `name` as in actions.yaml, `title` where it is still known."""

    case: str
    name: str
    title: Text | None = None
    status: ActionStatus
    by: str | None = None
    at: datetime | None = None
    until: datetime | None = None


class EventLine(Value):
    """One event: `kind` as in the ledger; by None: Koban itself."""

    at: datetime
    kind: str
    by: str | None = None


class Story(Value):
    """One case with its last decision, its actions and its latest events, oldest first."""

    line: CaseLine
    alerts: int
    decision_by: str | None = None
    decision_reason: str = ""
    decision_title: Text | None = None
    actions: tuple[ActionLine, ...] = ()
    events: tuple[EventLine, ...] = ()


class TimelineLine(Value):
    """An event of a timeline; `whole` is None where this version of Koban can't read it."""

    line: EventLine
    whole: Recorded | None = None


class Timeline(Value):
    """A page of a case's events, oldest first: those from the `first` (0) on, of `total`.

    `opened` is how the case began.
    """

    opened: CaseOpened | None
    lines: tuple[TimelineLine, ...]
    first: int
    total: int


class Past(Value):
    """What the team has had to do with a subject: newest first."""

    cases: tuple[CaseLine, ...] = ()
    actions: tuple[ActionLine, ...] = ()


class LookedUp(Value):
    """A look-up that is about to be shown: who, at whom, why; `revealed`: with personal data.

    `case` is the case that it is for, where one was named.
    """

    by: str
    kind: str
    id: str
    why: str
    at: datetime
    revealed: bool = False
    case: str | None = None


class LedgerDoor(Protocol):
    """Reading what happened. Every call raises `Unavailable` where the ledger is away."""

    async def story(self, case: str) -> Story | None:
        """A case by its id."""

    async def timeline(self, case: str, page: int | None, size: int) -> Timeline | None:
        """A page (0, 1, …; None: the last one) of what the thread of a case tells."""

    async def queue(self) -> tuple[CaseLine, ...]:
        """Every case that is not closed or waits for an approval, at most 500, in any order."""

    async def past(self, subject: Subject) -> Past:
        """A subject's cases and actions, at most 20 of each."""

    async def looked_up(self, note: LookedUp) -> None:
        """Writes a look-up down, for good."""


class Covering(Value):
    """`person` holds a role in the stead of `covers_for`, until then."""

    person: str
    covers_for: str
    role: Role
    until: datetime


class CoverDoor(Protocol):
    """Who covers for whom. Every call raises `Unavailable` where the ledger is away."""

    async def begin(self, person: str, cover: Cover, now: datetime) -> None:
        """From now on `person` covers, until the cover's time."""

    async def end(self, covers_for: str, now: datetime) -> int:
        """Ends what others cover for a person; how many there were."""

    async def end_around(self, person: str, by: str, now: datetime) -> tuple[Covering, ...]:
        """`by` ends every cover that `person` gives or has; those that were ended."""

    async def of(self, person: str, now: datetime) -> tuple[Cover, ...]:
        """What `person` covers now."""

    async def around(self, person: str, now: datetime) -> tuple[Covering, ...]:
        """Every cover that `person` gives or has now."""

    async def all(self, now: datetime) -> tuple[Covering, ...]:
        """Every cover that is valid now."""


class Record(Value):
    """What the team has on a subject: its open cases, and how many sanctions stand."""

    open_cases: tuple[str, ...] = ()
    standing: int = 0


class FindDoor(Protocol):
    """Finding cases. Every call raises `Unavailable` where the ledger is away."""

    async def cases(self, text: str, first: int, size: int) -> tuple[CaseLine, ...]:
        """Cases with `text` in them, newest first, from the `first` one (0) on."""

    async def near(self, case: str) -> tuple[str, ...]:
        """The ids of cases that differ in one character."""

    async def of_alert(self, detector: str, alert: str) -> CaseLine | None:
        """The case of an alert; None while none has it."""

    async def records(self, subjects: Sequence[Subject]) -> dict[str, Record]:
        """What there is on each of many subjects, by `Subject.key`; without those of nothing."""


class AutomationDoor(Protocol):
    """The emergency stop. Every call raises `Unavailable` where the ledger is away."""

    async def standing(self, now: datetime) -> tuple[Standing, ...]:
        """The halts that stand."""

    async def pause(
        self, by: Actor, playbook: str | None, lasts: timedelta | None, now: datetime
    ) -> AutomationChange | Unchanged:
        """Stops it, for good when it returns."""

    async def resume(
        self, by: Actor, playbook: str | None, now: datetime
    ) -> AutomationChange | Unchanged:
        """Asks to go on, or goes on."""


class AlertDoor(Protocol):
    """Alerts that people make."""

    def takes(self, alert: Alert) -> Playbook | None:
        """The playbook that takes an alert, None where none does."""

    async def hand_over(self, alert: Alert) -> None:
        """Stores an alert for good. Raises `Unavailable`."""


class Fact(Value):
    """One field that the platform shows of a subject."""

    title: Text
    value: str
    personal: bool = False


class PlatformDoor(Protocol):
    """Look-ups at the platform."""

    async def look_up(self, kind: str, id_: str) -> tuple[Fact, ...] | None:
        """The fields of a subject, None where there is none. Raises `Unavailable`."""


@dataclass(frozen=True)
class Doors:
    """Everything beside Slack itself that the listeners use. Times are typed in `zone`."""

    cases: CaseDoor
    appeals: AppealDoor
    policies: PolicyDoor
    people: PeopleDoor
    ledger: LedgerDoor
    covers: CoverDoor
    platform: PlatformDoor
    team: "TeamDoor"
    texts: Callable[[Language], Catalog]
    language: Language
    zone: tzinfo
    finding: FindDoor
    automation: AutomationDoor
    alerts: AlertDoor
    rings: "RingDoor | None" = None
    evidence: "EvidenceDoor | None" = None
