"""What people, the clock and the platform ask of a case."""

from typing import Annotated, Literal

from pydantic import Field

from workflows.domain.alert import AlertBrief
from workflows.domain.appealing.answer import AppealAnswer
from workflows.domain.decision import Verdict
from workflows.domain.enforcement import EnforcementReport
from workflows.domain.model import Value
from workflows.domain.people import Actor
from workflows.domain.playbook.model import PresetAction, Severity


class Asked(Value):
    """What every person's command carries: who, and the version of the card they saw."""

    by: Actor
    version: int | None = None


class Claim(Asked):
    """Take the case."""

    kind: Literal["claim"] = "claim"


class Release(Asked):
    """Put the case back."""

    kind: Literal["release"] = "release"


class Escalate(Asked):
    """Call the lead."""

    kind: Literal["escalate"] = "escalate"


class ChoosePreset(Asked):
    """Decide with one tap."""

    kind: Literal["choose_preset"] = "choose_preset"
    preset: str


class Decide(Asked):
    """Decide with the modal."""

    kind: Literal["decide"] = "decide"
    verdict: Verdict
    actions: tuple[PresetAction, ...] = ()
    policy: str | None = None
    reason: str = ""


class Clear(Asked):
    """No violation."""

    kind: Literal["clear"] = "clear"


class Approve(Asked):
    """Agree with the decision that waits."""

    kind: Literal["approve"] = "approve"


class Reject(Asked):
    """Send the decision back."""

    kind: Literal["reject"] = "reject"
    reason: str


class Retry(Asked):
    """Try the failed actions again."""

    kind: Literal["retry"] = "retry"


class GiveUp(Asked):
    """Stop trying the failed actions."""

    kind: Literal["give_up"] = "give_up"


class Undo(Asked):
    """Take back what the last decision did."""

    kind: Literal["undo"] = "undo"


class JoinAlert(Value):
    """One more alert, already weighed against the case's own playbook."""

    kind: Literal["join_alert"] = "join_alert"
    alert: AlertBrief
    severity: Severity


class AnswerAppeal(Value):
    """An appeal against one of the case's decisions was answered."""

    kind: Literal["answer_appeal"] = "answer_appeal"
    answer: AppealAnswer


class Tick(Value):
    """Time went on."""

    kind: Literal["tick"] = "tick"


class Report(Value):
    """News from the platform."""

    kind: Literal["report"] = "report"
    report: EnforcementReport


PersonCommand = Annotated[
    Claim
    | Release
    | Escalate
    | ChoosePreset
    | Decide
    | Clear
    | Approve
    | Reject
    | Retry
    | GiveUp
    | Undo,
    Field(discriminator="kind"),
]

Command = PersonCommand | JoinAlert | AnswerAppeal | Tick | Report


class Place(Value):
    """Where a person is answered: a channel's id and, if the command came from a thread, its ts."""

    channel: str
    thread: str | None = None


class Click(Value):
    """A person's command on its way to the case.

    `id` is unique per press (Slack's trigger id); `case` guards against a route that belongs
    to the next case by now.
    """

    id: str
    case: str
    command: PersonCommand
    place: Place
