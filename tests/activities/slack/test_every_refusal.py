"""Every documented error of every method, at a case's worst moments: calls are made or said."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from temporalio.exceptions import ApplicationError

from activities.slack.cards.case import case_card
from activities.slack.i18n.catalog import texts
from activities.slack.reader import Reader
from activities.slack.thread import people_of
from bot.slack.manifest import SCOPES_OF
from deploy.sandbox.slack.model import Message
from deploy.sandbox.slack.rates import Rates
from tests.activities.slack.cases import SATO, TANAKA, Story
from tests.activities.slack.conftest import TOKYO, Attempts, SlackWorld
from tests.slack_errors import OWN, errors_of
from workflows.case.notifications import approval_call, calls_instead, messages_for, missed_call
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.snapshot import CardRef, Refused
from workflows.domain.case.view import view_of
from workflows.domain.values import Language
from workflows.ports.cases import Show, Shown, Tell, Told
from workflows.shared.slack_sync import CaseSlackSync
from workflows.shared.tasks import Tasks

OF_CASES = (
    *("chat.delete", "chat.getPermalink", "chat.postMessage", "chat.update"),
    *("conversations.history", "conversations.list", "conversations.open"),
    *("conversations.replies", "usergroups.users.list"),
)
"""Methods that `show` and `tell` call, but users.info: a name is waited for."""
LOOKS = frozenset({each for each in OF_CASES if each.startswith("conversations.")})
PASSING = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
"""Codes that Slack asks to wait for."""
MOST_ATTEMPTS = 4
LEADS = ("U0REED", "U0TANAKA")


@dataclass
class Shift:
    """A case whose calls to Slack are made as its workflow makes them."""

    slack: SlackWorld
    story: Story
    method: str
    code: str
    told: list[tuple[Tell, Told]] = field(default_factory=list)
    waiting: list[Tell] = field(default_factory=list)
    shown_seq: int = 1

    def __post_init__(self) -> None:
        self.sync = CaseSlackSync(Tasks(), None, None, (), Refused(), self._on_refused)

    def refuse(self) -> None:
        """Begins the refusals. Slack's edits are refused as well where a deletion needs that."""

        def refuses(method: str, arguments: dict) -> str | None:
            if method == self.method:
                return self.code
            gone = self.method == "chat.delete" and method == "chat.update"
            return "edit_window_closed" if gone else None

        self.slack.workspace.refuses = refuses

    def relent(self) -> None:
        """Ends the refusals."""
        self.slack.workspace.refuses = lambda method, arguments: None

    async def then(self, command: cmd.Command, minutes: float) -> None:
        """Decides a command, makes its calls and shows the case."""
        self.story.then(command, minutes)
        case = self.story.case
        new = [each for each in self.story.recorded if each.seq > self.shown_seq]
        self.shown_seq = case.version
        for each in new:
            self.waiting += messages_for(case, each, self.sync.card, self.sync.refused)
        self.sync.unposted += [each for each in new if each.event.in_thread]
        await self.show(background=False)
        while self.waiting:
            await self._tell(self.waiting.pop(0))

    async def show(self, background: bool) -> None:
        """Writes as a workflow does, until a background write would wait for Slack."""
        self.sync._state = self.story.case
        wanted = self.sync._wanted(self.story.case, background)
        shown = await self._attempted(self.slack.activities.show, wanted)
        assert isinstance(shown, Shown)
        self.sync.stale = False
        self.sync._note(wanted, shown)

    async def settle(self) -> None:
        """Writes in the background until nothing is left to do."""
        self.sync.stale = True
        while self.sync.stale:
            await self.show(background=True)

    async def _tell(self, tell: Tell) -> None:
        told = await self._attempted(self.slack.activities.tell, tell)
        assert isinstance(told, Told)
        self.told.append((tell, told))
        missed = missed_call(tell, told)
        if missed is not None:
            await self.then(missed, 8)

    async def _attempted(self, activity: object, wanted: Show | Tell) -> object:
        """Attempts of one activity, in which a refused call may not hold it up for long."""
        attempts = Attempts()
        if self.method in LOOKS:
            attempts = Attempts(attempt=1)  # whose worker was killed: the next one looks first
        for _ in range(MOST_ATTEMPTS):
            try:
                return await attempts.run(activity, wanted)  # type: ignore[arg-type]
            except ApplicationError as error:
                last = error
        assert self.code in PASSING, f"held up by {self.method}: {last}"
        self.relent()
        return await attempts.run(activity, wanted)  # type: ignore[arg-type]

    def _on_refused(self, before: Refused, now: Refused, waiting: Sequence[ev.Recorded]) -> None:
        case, card = self.story.case, self.sync.card
        new = Refused(thread=now.calls and not before.calls)
        self.waiting += calls_instead(case, waiting, card, new)
        if now.approval and not before.approval and case.approval is not None:
            asked = ev.ApprovalRequested(at=case.opened_at, approval=case.approval)
            self.waiting += approval_call(case, ev.Recorded(seq=case.version, event=asked), card)

    def reached(self) -> bool:
        """Whether a lead was called, or the case has an event that says nobody was."""
        mentioned = any(
            each.target == "<!subteam^S0LEAD>" for each in self.slack.workspace.notifications
        )
        direct = any(told.reached or told.role_channel for _, told in self.told)
        said = any(isinstance(each.event, ev.CallMissed) for each in self.story.recorded)
        return mentioned or direct or said


def live(messages: Sequence[Message], name: str) -> list[str]:
    """The messages with a button of this action id."""
    return [each.ts for each in messages if f"'action_id': '{name}" in str(each.blocks)]


async def expected(slack: SlackWorld, story: Story) -> str:
    """The text of the case's card."""
    view = view_of(story.case)
    names = await slack.people.names(people_of(view, ()))
    return case_card(view, Reader(texts(Language.JA), TOKYO, names)).text


def test_the_table_has_every_method_that_koban_calls() -> None:
    """A new method comes with its errors."""
    assert SCOPES_OF.keys() <= OWN.keys()


CASES = [(method, code) for method in OF_CASES for code in errors_of(method)]


@pytest.mark.wide(8)
@pytest.mark.parametrize(("method", "code"), CASES, ids=lambda each: str(each))
async def test_after_any_refusal_cards_are_right_and_calls_were_made_or_said(
    slack: SlackWorld, method: str, code: str
) -> None:
    """Slack refuses from the first card on, or from the call on; then it relents."""
    slack.workspace.rates = Rates(enabled=False)
    for refused_from in (0, 1):
        await _story(slack, method, code, refused_from)
        slack.workspace.notifications.clear()


async def _story(slack: SlackWorld, method: str, code: str, refused_from: int) -> None:
    for channel in ("C0LIVE", "C0LEADS"):
        for old in slack.on(channel):
            slack.workspace.delete(old)
    shift = Shift(slack, Story(), method, code)
    if refused_from == 0:
        shift.refuse()
    await shift.show(background=True)
    shift.refuse()
    await shift.then(cmd.Escalate(by=SATO), 1)
    assert shift.reached(), "the lead's call was neither made nor said to have failed"
    slack.workspace.notifications.clear()
    shift.told.clear()
    violation = {"verdict": "violation", "actions": [{"action": "permanent_ban"}]}
    await shift.then(cmd.Decide.model_validate({"by": SATO, **violation, "reason": "3回"}), 2)
    assert shift.reached(), "nobody was asked for the approval"
    shift.relent()
    await shift.settle()
    card = shift.sync.card
    assert isinstance(card, CardRef)
    assert shift.sync.unposted == []
    assert shift.sync.refused == Refused()
    (message,) = [each for each in slack.on("C0LIVE") if each.ts == card.ts]
    assert message.text == await expected(slack, shift.story)
    everything = [*slack.on("C0LIVE"), *slack.on("C0LEADS")]
    assert len(live(everything, "approval.approve")) == 1
    await shift.then(cmd.Approve(by=TANAKA), 9)
    await shift.settle()
    everything = [*slack.on("C0LIVE"), *slack.on("C0LEADS")]
    assert live(everything, "approval.approve") == []
