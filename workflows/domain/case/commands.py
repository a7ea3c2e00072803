"""What people, the clock and the platform ask of a case."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from workflows.domain.alerts import AlertBrief, Subject
from workflows.domain.automation import AutomationPause
from workflows.domain.case.appeal_outcome import AppealAnswer
from workflows.domain.case.bulk import Bulk
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import EnforcementReport
from workflows.domain.case.reveal_quota import Exposed
from workflows.domain.people import Actor, Role
from workflows.domain.policy.playbook import PresetAction, Severity
from workflows.domain.values import Value


class PersonCommandBase(Value):
    """What every person's command carries: who, and the version of the card they saw."""

    by: Actor
    version: int | None = None


class Claim(PersonCommandBase):
    """Take the case."""

    kind: Literal["claim"] = "claim"


class Release(PersonCommandBase):
    """Put the case back."""

    kind: Literal["release"] = "release"


class HandOver(PersonCommandBase):
    """Give the case to a named colleague, with a note. `to` carries the roles they hold."""

    kind: Literal["hand_over"] = "hand_over"
    to: Actor
    note: str


class Acknowledge(PersonCommandBase):
    """Seen: call nobody else for this step, though nobody took the case yet."""

    kind: Literal["acknowledge"] = "acknowledge"


class Snooze(PersonCommandBase):
    """Put the case off until a time."""

    kind: Literal["snooze"] = "snooze"
    until: datetime


class Wait(PersonCommandBase):
    """The case needs information from elsewhere; until then its clock stands still."""

    kind: Literal["wait"] = "wait"
    note: str
    until: datetime | None = None


class Resume(PersonCommandBase):
    """Take the case off hold."""

    kind: Literal["resume"] = "resume"


class Watch(PersonCommandBase):
    """Hear how the case goes on."""

    kind: Literal["watch"] = "watch"


class Unwatch(PersonCommandBase):
    """Hear of the case no more."""

    kind: Literal["unwatch"] = "unwatch"


class AddNote(PersonCommandBase):
    """Leave a note for the colleagues."""

    kind: Literal["add_note"] = "add_note"
    note: str


class Modal(Value):
    """A modal that waits for an answer: its external_id, and what it carries (opaque here)."""

    id: Annotated[str, StringConstraints(max_length=255)]
    carries: Annotated[str, StringConstraints(max_length=3000)] = ""


class RevealEvidence(PersonCommandBase):
    """Show a piece of evidence that is hidden: the `item` (from 0) of an alert, by its key.

    `exposed` is what the ledger knows of it: it is found out where the command is decided, never
    believed.
    """

    kind: Literal["reveal_evidence"] = "reveal_evidence"
    alert_key: Annotated[str, StringConstraints(max_length=400)]
    item: Annotated[int, Field(ge=0, lt=100)]
    modal: Modal
    exposed: Exposed | None = None


class Merge(PersonCommandBase):
    """Work this case within another one on the same subject.

    `subject` and `route` are that case's, as the ledger knows it.
    """

    kind: Literal["merge"] = "merge"
    into: str
    subject: Subject | None = None
    workflow_id: str = ""


class Escalate(PersonCommandBase):
    """Call the lead."""

    kind: Literal["escalate"] = "escalate"


class DecisionCommand(PersonCommandBase):
    """What every decision carries: whether its person did too much of late to decide alone."""

    over_limit: bool = False


class ChoosePreset(DecisionCommand):
    """Decide with one tap."""

    kind: Literal["choose_preset"] = "choose_preset"
    preset: str


class Decide(DecisionCommand):
    """Decide with the modal; `template` is the reason that was chosen, where one was."""

    kind: Literal["decide"] = "decide"
    verdict: Verdict
    actions: tuple[PresetAction, ...] = ()
    policy: str | None = None
    reason: str = ""
    template: str | None = None


class DecideBulk(DecisionCommand):
    """Decide for many subjects: those that `sources` name (platform.yaml, `related`), and `ids`.

    `seen` is how many their person saw before they decided. `ring` is what the ledger holds of
    them: it is found out where the command is decided, never believed.
    """

    kind: Literal["decide_bulk"] = "decide_bulk"
    sources: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    actions: tuple[PresetAction, ...] = ()
    policy: str | None = None
    reason: str = ""
    seen: int | None = None
    bulk: Bulk | None = None


class StopBulk(PersonCommandBase):
    """Finish the wave of a ring that is under way, and skip the rest."""

    kind: Literal["stop_bulk"] = "stop_bulk"


class MarkNoViolation(PersonCommandBase):
    """No violation."""

    kind: Literal["clear"] = "clear"


class Confirm(DecisionCommand):
    """What Koban protects shall stand: make it a decision."""

    kind: Literal["confirm"] = "confirm"


class LiftProtection(PersonCommandBase):
    """What Koban protects is not needed: lift it now, without a decision."""

    kind: Literal["lift_protection"] = "lift_protection"


class Reopen(PersonCommandBase):
    """Work a closed case again."""

    kind: Literal["reopen"] = "reopen"
    reason: str


class Approve(PersonCommandBase):
    """Agree with the decision that waits."""

    kind: Literal["approve"] = "approve"


class Reject(PersonCommandBase):
    """Send the decision back."""

    kind: Literal["reject"] = "reject"
    reason: str


class AskRequester(PersonCommandBase):
    """Ask the decider something before agreeing; the approval's time stands still."""

    kind: Literal["ask_requester"] = "ask_requester"
    question: str


class AnswerApprover(PersonCommandBase):
    """Answer what an approver asked."""

    kind: Literal["answer_approver"] = "answer_approver"
    answer: str


class Withdraw(PersonCommandBase):
    """Take a request for approval back."""

    kind: Literal["withdraw"] = "withdraw"


class Retry(PersonCommandBase):
    """Try the failed actions again."""

    kind: Literal["retry"] = "retry"


class GiveUp(PersonCommandBase):
    """Stop trying the failed actions."""

    kind: Literal["give_up"] = "give_up"


class RetryNotice(PersonCommandBase):
    """Send the notice to the person acted upon again."""

    kind: Literal["retry_notice"] = "retry_notice"


class Undo(PersonCommandBase):
    """Take back what the last decision did."""

    kind: Literal["undo"] = "undo"


class JoinAlert(Value):
    """One more alert, already weighed against the case's own playbook."""

    kind: Literal["join_alert"] = "join_alert"
    alert: AlertBrief
    severity: Severity


class ProtectNow(Value):
    """These rules of the playbook's `protect` hold for the alert that came.

    `halt` is what keeps Koban from acting by itself now.
    """

    kind: Literal["protect_now"] = "protect_now"
    rules: tuple[int, ...]
    halt: AutomationPause | None = None


class Absorb(Value):
    """Another case on the same subject ends in this one. `by` wanted it so."""

    kind: Literal["absorb"] = "absorb"
    case: str
    alerts: int
    by: str


class AnswerAppeal(Value):
    """An appeal against one of the case's decisions was answered."""

    kind: Literal["answer_appeal"] = "answer_appeal"
    answer: AppealAnswer


class Tick(Value):
    """Time went on. `halt` is what keeps Koban from acting by itself now, where it would."""

    kind: Literal["tick"] = "tick"
    halt: AutomationPause | None = None


class Report(Value):
    """News from the platform."""

    kind: Literal["report"] = "report"
    report: EnforcementReport


PersonCommand = Annotated[
    Claim
    | Release
    | HandOver
    | Acknowledge
    | Snooze
    | Wait
    | Resume
    | Watch
    | Unwatch
    | AddNote
    | RevealEvidence
    | Merge
    | Escalate
    | ChoosePreset
    | Decide
    | MarkNoViolation
    | Confirm
    | LiftProtection
    | Reopen
    | Approve
    | Reject
    | AskRequester
    | AnswerApprover
    | Withdraw
    | Retry
    | GiveUp
    | RetryNotice
    | Undo
    | DecideBulk
    | StopBulk,
    Field(discriminator="kind"),
]

Command = PersonCommand | JoinAlert | ProtectNow | Absorb | AnswerAppeal | Tick | Report


class Place(Value):
    """Where a person is answered: a channel's id and, if the command came from a thread, its ts."""

    channel: str
    thread: str | None = None


class Grant(Value):
    """A person's roles as the process that took the press read them at Slack, `as_of` then."""

    roles: tuple[Role, ...]
    as_of: datetime


class Click(Value):
    """A person's command on its way to the case.

    `id` is unique per press (Slack's trigger id); `case` guards against a workflow id that belongs
    to the next case by now. `received_at` is when Slack delivered it, by the bot's clock. `grant`
    counts while it is fresh; roles within the command never do.
    """

    id: str
    case: str
    command: PersonCommand
    place: Place
    received_at: datetime | None = None
    grant: Grant | None = None


_FIELDS = ("reason", "note", "question", "answer")
"""The fields of commands that hold a person's own words; a command has one of them at most."""


def typed_in(command: PersonCommandBase) -> str:
    """The words of a command; empty where it takes none."""
    found = (getattr(command, name, "") for name in _FIELDS)
    return next((words for words in found if isinstance(words, str) and words.strip()), "")
