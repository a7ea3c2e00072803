"""What the showing of hidden evidence asks of the world."""

from datetime import datetime

from temporalio import activity

from workflows.domain.case.commands import Modal, Place
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.reveal_quota import Exposed
from workflows.domain.values import Value


class RevealRequest(Value):
    """One piece that a person wants to be shown. Counted is what they were shown `since` then.

    With `most` the ledger counts it in only while that leaves room for it.
    """

    person: str
    case: str
    alert: str
    item: int
    at: datetime
    since: datetime
    most: int | None = None


class ShowEvidence(Value):
    """A piece of evidence for the modal that waits for it, or why it is not shown."""

    person: str
    place: Place
    case: str
    version: int
    alert: str
    item: int
    modal: Modal
    refusal: Refusal | None = None


@activity.defn(name="expose")
async def expose(exposing: RevealRequest) -> Exposed:
    """What is known of a piece of evidence and of its person; from then on it counts for them.

    The same piece again within the time is counted once.
    """
    raise RuntimeError("a port has no body")


@activity.defn(name="show_evidence")
async def show_evidence(wanted: ShowEvidence) -> None:
    """Draws the modal; one that was closed meanwhile is nobody's loss.

    Raises:
        ApplicationError: retryable, where ledger or Slack are away.
    """
    raise RuntimeError("a port has no body")
