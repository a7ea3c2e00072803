"""What the platform posts for a person who appeals."""

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from workflows.domain.alert import Identifier, Name, Subject, Words
from workflows.domain.model import Written

LONGEST = 4_000
"""Characters of a person's statement."""

CaseId = Annotated[str, StringConstraints(pattern=r"^K[0-9A-HJKMNP-TV-Z]{8}$")]
DecisionId = Annotated[str, StringConstraints(pattern=r"^D[1-9][0-9]{0,3}$")]


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
    statement: Annotated[Words, Field(max_length=LONGEST)] = ""
    submitted_at: AwareDatetime
    withdrawn: bool = False

    @property
    def key(self) -> str:
        """`source/id`, the name under which it is known for good."""
        return f"{self.source}/{self.id}"
