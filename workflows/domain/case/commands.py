"""Commands to a case: by people, the clock, alerts, appeals and the platform."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Union

from pydantic import Field, StringConstraints

from workflows.domain.alerts import AlertBrief, Subject
from workflows.domain.automation import AutomationPause
from workflows.domain.case.appeal_outcome import AppealAnswer
from workflows.domain.case.bulk import Bulk
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import EnforcementReport
from workflows.domain.people import WORKING_ROLES, Actor, Role
from workflows.domain.policy.limits import Exposed, Full
from workflows.domain.policy.playbook import Notify, PresetAction, Severity
from workflows.domain.policy.strictness import Strictness
from workflows.domain.values import Value, tagged


class PersonCommandBase(Value):
    """A command by a person; `version` is that of the card they saw.

    `received_at` is when its press was received; None in presses of earlier releases.
    """

    roles: ClassVar[frozenset[Role]] = WORKING_ROLES
    """Roles that may give it; an approval, and an undo of one, also depend on the case."""

    kind: str
    by: Actor
    version: int | None = None
    received_at: datetime | None = None


class Claim(PersonCommandBase):
    """Claims the case."""

    kind: Literal["claim"] = "claim"


class Release(PersonCommandBase):
    """Releases the case."""

    kind: Literal["release"] = "release"


class HandOver(PersonCommandBase):
    """Gives the case to `to`, with their roles and a note."""

    kind: Literal["hand_over"] = "hand_over"
    to: Actor
    note: str


class Acknowledge(PersonCommandBase):
    """Acknowledges the escalation without claiming the case."""

    kind: Literal["acknowledge"] = "acknowledge"


class Snooze(PersonCommandBase):
    """Snoozes the case until a time."""

    kind: Literal["snooze"] = "snooze"
    until: datetime


class SnoozeDetector(PersonCommandBase):
    """Records alerts of `detector` about the case's subject without a case, for a time."""

    kind: Literal["snooze_detector"] = "snooze_detector"
    detector: str
    lasts: Annotated[timedelta, Field(gt=timedelta())]
    reason: str


class EndSnooze(PersonCommandBase):
    """Ends the snooze that the event `number` began; None: all snoozes of the case."""

    kind: Literal["end_snooze"] = "end_snooze"
    number: int | None = None


class Wait(PersonCommandBase):
    """Waits for information; the clocks pause meanwhile."""

    kind: Literal["wait"] = "wait"
    note: str
    until: datetime | None = None


class Resume(PersonCommandBase):
    """Takes the case off hold."""

    kind: Literal["resume"] = "resume"


class Watch(PersonCommandBase):
    """Watches the case."""

    roles = frozenset(Role)
    kind: Literal["watch"] = "watch"


class Unwatch(PersonCommandBase):
    """Stops watching the case."""

    roles = frozenset(Role)
    kind: Literal["unwatch"] = "unwatch"


class AddNote(PersonCommandBase):
    """Adds a note for the team."""

    kind: Literal["add_note"] = "add_note"
    note: str


class Modal(Value):
    """An open modal: its external_id, and its private metadata (opaque here)."""

    id: Annotated[str, StringConstraints(max_length=255)]
    carries: Annotated[str, StringConstraints(max_length=3000)] = ""


class RevealEvidence(PersonCommandBase):
    """Reveals a hidden piece of evidence: number `item` (from 0) of the alert `alert_key`.

    `exposed` is read from the ledger when the command is decided, never taken from outside.
    Auditors review hidden evidence as well.
    """

    roles = WORKING_ROLES | {Role.AUDITOR}
    kind: Literal["reveal_evidence"] = "reveal_evidence"
    alert_key: Annotated[str, StringConstraints(max_length=400)]
    item: Annotated[int, Field(ge=0, lt=100)]
    modal: Modal
    exposed: Exposed | None = None


class Merge(PersonCommandBase):
    """Merges this case into another; `subject` and `workflow_id` are that one's in the ledger."""

    kind: Literal["merge"] = "merge"
    into: str
    subject: Subject | None = None
    workflow_id: str = ""


class Escalate(PersonCommandBase):
    """Calls the lead."""

    kind: Literal["escalate"] = "escalate"


class DecisionCommand(PersonCommandBase):
    """A decision; `over_limit`: the person exceeded their budget and needs an approval.

    With `paused` its actions wait for the review that otherwise follows them.
    """

    over_limit: bool = False
    paused: bool = False


class ChoosePreset(DecisionCommand):
    """Decides with a preset."""

    kind: Literal["choose_preset"] = "choose_preset"
    preset: str


class Decide(DecisionCommand):
    """Decides with the modal; `template` is the id of the chosen reason.

    `keeps` are the protections that stay; None: those that stay by the playbook.
    """

    kind: Literal["decide"] = "decide"
    verdict: Verdict
    actions: tuple[PresetAction, ...] = ()
    policy: str | None = None
    reason: str = ""
    template: str | None = None
    keeps: tuple[str, ...] | None = None


class DecideBulk(DecisionCommand):
    """Decides for many subjects: those of `sources` (platform.yaml, `related`), and `ids`.

    `seen` is the number of subjects that the person was shown. `bulk` is read from the ledger when
    the command is decided, never taken from outside.
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
    """Stops a bulk decision after the current wave."""

    kind: Literal["stop_bulk"] = "stop_bulk"


class MarkNoViolation(PersonCommandBase):
    """Decides that there is no violation."""

    kind: Literal["clear"] = "clear"


class Confirm(DecisionCommand):
    """Turns the protections into a decision."""

    kind: Literal["confirm"] = "confirm"


class LiftProtection(PersonCommandBase):
    """Lifts the protections without a decision."""

    kind: Literal["lift_protection"] = "lift_protection"


class Reopen(PersonCommandBase):
    """Reopens a closed case."""

    kind: Literal["reopen"] = "reopen"
    reason: str


class Reconsider(PersonCommandBase):
    """Takes an automatic decision back and reopens its case."""

    kind: Literal["reconsider"] = "reconsider"


class Approve(PersonCommandBase):
    """Approves the pending decision."""

    kind: Literal["approve"] = "approve"


class Reject(PersonCommandBase):
    """Rejects the pending decision."""

    kind: Literal["reject"] = "reject"
    reason: str


class AskRequester(PersonCommandBase):
    """Asks the decider before approving; the approval's time is paused."""

    kind: Literal["ask_requester"] = "ask_requester"
    question: str


class AnswerApprover(PersonCommandBase):
    """Answers the approver's question."""

    kind: Literal["answer_approver"] = "answer_approver"
    answer: str


class Withdraw(PersonCommandBase):
    """Withdraws a request for approval."""

    kind: Literal["withdraw"] = "withdraw"


class Retry(PersonCommandBase):
    """Retries the failed actions."""

    kind: Literal["retry"] = "retry"


class GiveUp(PersonCommandBase):
    """Gives the failed actions up."""

    kind: Literal["give_up"] = "give_up"


class RetryNotice(PersonCommandBase):
    """Sends the notice again."""

    kind: Literal["retry_notice"] = "retry_notice"


class Undo(PersonCommandBase):
    """Undoes the last decision."""

    kind: Literal["undo"] = "undo"


class JoinAlert(Value):
    """Adds an alert, with its severity by the case's playbook."""

    kind: Literal["join_alert"] = "join_alert"
    alert: AlertBrief
    severity: Severity


class AutomaticCommand(Value):
    """A command by which Koban acts by itself.

    `pauses` are those of the automation now, `limit` a limit that it has reached.
    """

    pauses: tuple[AutomationPause, ...] = ()
    limit: Full | None = None


class ProtectNow(AutomaticCommand):
    """The rules of the playbook's `protect` that match an alert of `detector`."""

    kind: Literal["protect_now"] = "protect_now"
    rules: tuple[int, ...]
    detector: str = ""


class MarkSample(Value):
    """The case was opened by an alert that is only recorded otherwise, given by its key."""

    kind: Literal["mark_sample"] = "mark_sample"
    alert_key: str


class DecideAutomatically(AutomaticCommand):
    """A rule of the playbook's `auto` (its index) matches an alert, given by its key."""

    kind: Literal["decide_automatically"] = "decide_automatically"
    rule: int
    alert_key: str
    detector: str


class Absorb(Value):
    """Another case on the same subject is merged into this one by `by`."""

    kind: Literal["absorb"] = "absorb"
    case: str
    alerts: int
    by: str


class AnswerAppeal(Value):
    """Reports the answer to an appeal against a decision of the case."""

    kind: Literal["answer_appeal"] = "answer_appeal"
    answer: AppealAnswer


class Tick(AutomaticCommand):
    """Time has passed. One of `pauses`, or `limit`, prevents protections."""

    kind: Literal["tick"] = "tick"


class Tighten(Value):
    """Applies today's policy where it is stricter than that of the case."""

    kind: Literal["tighten"] = "tighten"
    current: Strictness


class NoteLimit(Value):
    """A command of `by` was refused because of a limit."""

    kind: Literal["note_limit"] = "note_limit"
    by: str
    limit: Full


class CountApprovers(Value):
    """The number of people of each role who can approve the request of `requested_at`."""

    kind: Literal["count_approvers"] = "count_approvers"
    decision: str
    requested_at: datetime
    able: dict[Role, int]


class Report(Value):
    """Reports results from the platform."""

    kind: Literal["report"] = "report"
    report: EnforcementReport


class MissCall(Value):
    """Reports a call that did not reach the people in `missed`, or `nobody` at all.

    `key` is unique to the call; `step` is its place in the ladder.
    """

    kind: Literal["miss_call"] = "miss_call"
    key: str
    notify: Notify
    step: int | None = None
    role: Role | None = None
    person: str | None = None
    missed: tuple[str, ...] = ()
    nobody: bool = False


if TYPE_CHECKING:
    PersonCommand = PersonCommandBase
else:
    PersonCommand = Annotated[
        Union[tagged(globals(), PersonCommandBase)],  # noqa: UP007
        Field(discriminator="kind"),
    ]
Command = (
    PersonCommand
    | JoinAlert
    | ProtectNow
    | MarkSample
    | DecideAutomatically
    | Absorb
    | AnswerAppeal
    | Tick
    | Tighten
    | NoteLimit
    | CountApprovers
    | Report
    | MissCall
)


class Place(Value):
    """The place of the answer: a channel's id and, in a thread, its ts."""

    channel: str
    thread: str | None = None


class Grant(Value):
    """A person's roles as read from Slack at `as_of`, when the press was received."""

    roles: tuple[Role, ...]
    as_of: datetime


class Click(Value):
    """A person's command for the case.

    `id` is unique per press (Slack's trigger id); `case` protects against a workflow id that a
    later case has taken. `received_at` is by the bot's clock. Roles come from a fresh `grant` only;
    those in the command are ignored.
    """

    id: str
    case: str
    command: PersonCommand
    place: Place
    received_at: datetime | None = None
    grant: Grant | None = None


_FIELDS = ("reason", "note", "question", "answer")
"""Fields with typed text; a command has at most one of them."""


def typed_in(command: PersonCommandBase) -> str:
    """The typed text of a command, or an empty text."""
    texts = (getattr(command, name, "") for name in _FIELDS)
    return next((text for text in texts if isinstance(text, str) and text.strip()), "")
