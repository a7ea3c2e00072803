"""The life of a case until somebody decides: alerts, owners, calls, holds, notes."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from workflows.domain.alert import AlertBrief, Subject
from workflows.domain.happened.base import Happened
from workflows.domain.known import Known
from workflows.domain.people import Role
from workflows.domain.playbook.model import Notify, Severity, Unless
from workflows.domain.playbook.steps import Via


class CaseOpened(Happened):
    """The first alert of a group opened a case."""

    kind: Literal["case_opened"] = "case_opened"
    case: str
    playbook: str
    subject: Subject
    severity: Severity
    alert: AlertBrief
    known: Known = Known()


class AlertJoined(Happened):
    """One more alert of the same group; `severity` is that of the case from now on."""

    kind: Literal["alert_joined"] = "alert_joined"
    severity: Severity
    alert: AlertBrief


class CaseClaimed(Happened):
    """`by` took the case."""

    kind: Literal["case_claimed"] = "case_claimed"


class CaseReleased(Happened):
    """The case has no assignee any more."""

    kind: Literal["case_released"] = "case_released"
    owner: str


class CaseEscalated(Happened):
    """A step of the ladder was due (`step`), or a person asked for it (`step` None).

    `round` is 0 for a step's first call, then counts its repetitions; `last` where none follows.
    """

    kind: Literal["case_escalated"] = "case_escalated"
    notify: Notify
    step: int | None = None
    unless: Unless | None = None
    role: Role | None = None
    person: str | None = None
    via: Via = Via.THREAD
    round: int = 0
    last: bool = True


class CaseAcknowledged(Happened):
    """`by` has seen the call; nobody owns the case for that."""

    kind: Literal["case_acknowledged"] = "case_acknowledged"


class CaseHandedOver(Happened):
    """The case went from `owner` to `to`, with a note."""

    kind: Literal["case_handed_over"] = "case_handed_over"
    owner: str
    to: str
    note: str


class ClaimWarned(Happened):
    """The owner has not been seen for a while: the claim ends at `until`."""

    kind: Literal["claim_warned"] = "claim_warned"
    owner: str
    until: datetime


class ClaimExpired(Happened):
    """The claim ended because its owner was not seen any more."""

    kind: Literal["claim_expired"] = "claim_expired"
    owner: str


class CaseSnoozed(Happened):
    """Nobody is called until `until`. Where it `pauses`, the decide clock stands still as well."""

    kind: Literal["case_snoozed"] = "case_snoozed"
    until: datetime
    pauses: bool


class CaseWaiting(Happened):
    """The case waits for information from elsewhere, `until` at the latest; its clock stands."""

    kind: Literal["case_waiting"] = "case_waiting"
    until: datetime
    note: str


class Why(StrEnum):
    """Why a hold ended."""

    ASKED = "asked"
    TIME = "time"
    WORSE = "worse"


class CaseResumed(Happened):
    """A hold ended."""

    kind: Literal["case_resumed"] = "case_resumed"
    why: Why


class CaseWatched(Happened):
    """`by` wants to hear how the case goes on."""

    kind: Literal["case_watched"] = "case_watched"


class CaseUnwatched(Happened):
    """`by` does not want to hear of the case any more."""

    kind: Literal["case_unwatched"] = "case_unwatched"


class NoteAdded(Happened):
    """`by` left a note for the colleagues."""

    kind: Literal["note_added"] = "note_added"
    note: str


class EvidenceRevealed(Happened):
    """`by` was shown hidden evidence: the `item` (from 0) of an alert, by its key."""

    kind: Literal["evidence_revealed"] = "evidence_revealed"
    alert_key: str
    item: int
    image: bool


class CaseMerged(Happened):
    """The case ended because another case, `into`, goes on for it."""

    kind: Literal["case_merged"] = "case_merged"
    into: str
    route: str = ""


class CaseAbsorbed(Happened):
    """The alerts of another case on the same subject are worked here from now on."""

    kind: Literal["case_absorbed"] = "case_absorbed"
    case: str
    alerts: int
