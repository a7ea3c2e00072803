"""Ports of hidden evidence: the quota in the ledger, and the modal."""

from datetime import datetime
from typing import Protocol

from temporalio import activity

from workflows.domain.case.commands import Modal, Place
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.reveal_quota import Exposed
from workflows.domain.values import Value


class RevealRequest(Value):
    """One piece of evidence that a person wants to see. Their quota counts looks `since` a time.

    With `most` the ledger books it only if the quota is not used up.
    """

    person: str
    case: str
    alert: str
    item: int
    at: datetime
    since: datetime
    most: int | None = None


class ShowEvidence(Value):
    """A piece of evidence for its loading modal, or the refusal to show there."""

    person: str
    place: Place
    case: str
    version: int
    alert: str
    item: int
    modal: Modal
    refusal: Refusal | None = None


class EvidencePort(Protocol):
    """Activities of hidden evidence."""

    @activity.defn(name="expose")
    async def expose(self, exposing: RevealRequest) -> Exposed:
        """Books a look at a piece of evidence, and returns the piece and the person's quota.

        The same piece is booked once within the time.
        """

    @activity.defn(name="show_evidence")
    async def show_evidence(self, wanted: ShowEvidence) -> None:
        """Updates the modal; does nothing if it was closed.

        Raises `ApplicationError`, retryable: ledger or Slack are unreachable.
        """
