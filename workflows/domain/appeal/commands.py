"""What people, the clock, the case and the platform ask of an appeal."""

from typing import Annotated, Literal

from pydantic import Field

from workflows.domain.appeal.model import Appealed
from workflows.domain.case.appeal_outcome import AppealSettled
from workflows.domain.case.commands import Grant, PersonCommandBase, Place
from workflows.domain.case.enforcement import Problem
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.values import Value


class ClaimAppeal(PersonCommandBase):
    """Review it."""

    kind: Literal["claim_appeal"] = "claim_appeal"


class ReleaseAppeal(PersonCommandBase):
    """Put it back."""

    kind: Literal["release_appeal"] = "release_appeal"


class Uphold(PersonCommandBase):
    """The decision stands."""

    kind: Literal["uphold"] = "uphold"
    reason: str


class Overturn(PersonCommandBase):
    """The decision falls."""

    kind: Literal["overturn"] = "overturn"
    reason: str


class RetryNotice(PersonCommandBase):
    """Send the notice again that could not be sent."""

    kind: Literal["retry_notice"] = "retry_notice"


class FileAppeal(Value):
    """Begin, with what the ledger knows of the decision; None where there is no such case."""

    kind: Literal["file_appeal"] = "file_appeal"
    appealed: Appealed | None


class WithdrawAppeal(Value):
    """The person takes it back."""

    kind: Literal["withdraw_appeal"] = "withdraw_appeal"


class AppealTick(Value):
    """Time went on."""

    kind: Literal["appeal_tick"] = "appeal_tick"


class SettleAppeal(Value):
    """The case tells what became of the overturn."""

    kind: Literal["settle_appeal"] = "settle_appeal"
    settled: AppealSettled


class NoteNotice(Value):
    """A notice was sent, or could not be."""

    kind: Literal["note_notice"] = "note_notice"
    notice: NoticeKind
    problem: Problem | None = None


AppealPersonCommand = Annotated[
    ClaimAppeal | ReleaseAppeal | Uphold | Overturn | RetryNotice, Field(discriminator="kind")
]
AppealCommand = (
    AppealPersonCommand | FileAppeal | WithdrawAppeal | AppealTick | SettleAppeal | NoteNotice
)


class AppealClick(Value):
    """A reviewer's command on its way to the appeal; `id` is unique per press.

    `grant` counts while it is fresh; roles within the command never do.
    """

    id: str
    appeal: str
    command: AppealPersonCommand
    place: Place
    grant: Grant | None = None
