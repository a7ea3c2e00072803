"""Commands to an appeal: by reviewers, the clock, the case and the platform."""

from typing import TYPE_CHECKING, Annotated, Literal, Union

from pydantic import Field

from workflows.domain.appeal.model import Appealed
from workflows.domain.case.appeal_outcome import AppealSettled
from workflows.domain.case.commands import Grant, PersonCommandBase, Place
from workflows.domain.case.enforcement import Problem
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.policy.limits import Full
from workflows.domain.values import Value, tagged


class ClaimAppeal(PersonCommandBase):
    """Claims the review."""

    kind: Literal["claim_appeal"] = "claim_appeal"


class ReleaseAppeal(PersonCommandBase):
    """Releases the review."""

    kind: Literal["release_appeal"] = "release_appeal"


class Uphold(PersonCommandBase):
    """Upholds the decision."""

    kind: Literal["uphold"] = "uphold"
    reason: str


class Overturn(PersonCommandBase):
    """Overturns the decision."""

    kind: Literal["overturn"] = "overturn"
    reason: str


class RetryNotice(PersonCommandBase):
    """Retries the failed notice."""

    kind: Literal["retry_notice"] = "retry_notice"


class FileAppeal(Value):
    """Files the appeal with the decision from the ledger; None for an unknown case."""

    kind: Literal["file_appeal"] = "file_appeal"
    appealed: Appealed | None


class WithdrawAppeal(Value):
    """Withdraws the appeal for the person."""

    kind: Literal["withdraw_appeal"] = "withdraw_appeal"


class AppealTick(Value):
    """Time has passed."""

    kind: Literal["appeal_tick"] = "appeal_tick"


class NoteLimit(Value):
    """A command of `by` was refused because of a limit."""

    kind: Literal["note_limit"] = "note_limit"
    by: str
    limit: Full


class SettleAppeal(Value):
    """Reports the result of the overturn."""

    kind: Literal["settle_appeal"] = "settle_appeal"
    settled: AppealSettled


class NoteNotice(Value):
    """Records a notice that was sent, or with `problem` failed."""

    kind: Literal["note_notice"] = "note_notice"
    notice: NoticeKind
    problem: Problem | None = None


if TYPE_CHECKING:
    AppealPersonCommand = PersonCommandBase
else:
    AppealPersonCommand = Annotated[
        Union[tagged(globals(), PersonCommandBase)],  # noqa: UP007
        Field(discriminator="kind"),
    ]
AppealCommand = (
    AppealPersonCommand
    | FileAppeal
    | WithdrawAppeal
    | AppealTick
    | NoteLimit
    | SettleAppeal
    | NoteNotice
)


class AppealClick(Value):
    """A reviewer's command with a unique `id` per press; only a fresh `grant` has their roles."""

    id: str
    appeal: str
    command: AppealPersonCommand
    place: Place
    grant: Grant | None = None
