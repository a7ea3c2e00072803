"""What the platform posts for a person who appeals."""

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, StringConstraints

from workflows.domain.alert import Identifier, Name, Subject
from workflows.domain.model import Written
from workflows.domain.text import visible

LONGEST = 4_000
"""Characters of a person's statement."""

CaseId = Annotated[str, StringConstraints(pattern=r"^K[0-9A-HJKMNP-TV-Z]{8}$")]
DecisionId = Annotated[str, StringConstraints(pattern=r"^D[1-9][0-9]{0,3}$")]

# Measured before it is made visible, so that a mistake is told in characters.
Statement = Annotated[str, StringConstraints(max_length=LONGEST), AfterValidator(visible)]


class AppealRequest(Written):
    """One appeal. (source, id) names it for good; `withdrawn` takes an earlier one back.

    Without `decision` it is against the latest one that was carried out. Without `subject` the
    person acted upon appeals.
    """

    id: Identifier
    source: Name = "default"
    case: CaseId
    decision: DecisionId | None = None
    subject: Subject | None = None
    statement: Statement = ""
    submitted_at: AwareDatetime
    withdrawn: bool = False

    @property
    def key(self) -> str:
        """`source/id`, the name under which it is known for good."""
        return f"{self.source}/{self.id}"
