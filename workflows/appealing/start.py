"""What an appeal's workflow starts with and remembers."""

from pydantic import Field

from workflows.domain.appealing.events import AppealRecorded
from workflows.domain.appealing.request import AppealRequest
from workflows.domain.appealing.state import Appeal
from workflows.domain.memory import CardRef
from workflows.domain.model import Value
from workflows.domain.playbook.appeals import AppealRules
from workflows.domain.playbook.lookups import NoticeCall
from workflows.domain.text import Text


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
