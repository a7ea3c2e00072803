"""What an appeal's workflow starts with and remembers."""

from pydantic import Field

from workflows.domain.appeal.events import AppealRecorded
from workflows.domain.appeal.model import Appeal, AppealRequest
from workflows.domain.case.snapshot import CardRef
from workflows.domain.policy.appeals import AppealRules
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.values import Text, Value


class AppealMemory(Value):
    """The carried state. `untold` waits for the thread; `seen` are clicks, oldest first."""

    appeal: Appeal
    card: CardRef | None = None
    seen: tuple[str, ...] = ()
    untold: tuple[AppealRecorded, ...] = ()


class AppealStart(Value):
    """An appeal begins with its request and the rules of that moment, or goes on from `memory`.

    `titles` are those of the platform's actions, by name.
    """

    id: str
    request: AppealRequest
    rules: AppealRules
    notice: NoticeCall | None = None
    titles: dict[str, Text] = Field(default_factory=dict)
    memory: AppealMemory | None = None
