"""What an appeal did to its case. The appeal's own story is told in `domain/appealing`."""

from typing import Literal

from workflows.domain.appealing.answer import AppealAnswer
from workflows.domain.happened.base import Happened


class AppealAnswered(Happened):
    """Somebody else reviewed a decision; an overturn is followed by its undo."""

    kind: Literal["appeal_answered"] = "appeal_answered"
    answer: AppealAnswer
