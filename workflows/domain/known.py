"""What the team knew of a subject when its case was opened."""

from workflows.domain.model import Value


class Sanction(Value):
    """How often an action was taken against the subject before; `standing` are not over yet."""

    action: str
    times: int
    standing: int = 0


class Known(Value):
    """Prior sanctions, and other cases on the same subject: the open ones by id, newest first."""

    sanctions: tuple[Sanction, ...] = ()
    open_cases: tuple[str, ...] = ()
    closed_cases: int = 0
