"""Publisher retries after a lost answer or a killed worker."""

import pytest
from structlog.testing import capture_logs

from activities.slack.client import MOST_REFUSALS
from deploy.sandbox.faults import Fault
from tests.activities.slack.cases import TANAKA, Story
from tests.activities.slack.conftest import Attempts, SlackWorld, failed_attempt, wanted
from workflows.domain.case.commands import AskRequester
from workflows.domain.case.snapshot import CardRef


async def test_a_lost_answer_never_makes_two_cards(slack: SlackWorld) -> None:
    """The retry finds the card that was posted."""
    attempts, show = Attempts(), wanted(Story())
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, True)
    assert (await failed_attempt(slack, show, attempts)).type == "slack_unreachable"
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, False)
    shown = await slack.show(show, attempts)
    (card,) = slack.on("C0LIVE")
    assert shown.card == CardRef(channel="C0LIVE", ts=card.ts)


async def test_a_killed_worker_never_makes_two_cards(slack: SlackWorld) -> None:
    """An attempt without a heartbeat may still have posted."""
    await slack.show(wanted(Story()))
    await slack.show(wanted(Story()), Attempts(attempt=1))
    assert len(slack.on("C0LIVE")) == 1


async def test_a_found_card_is_updated_to_the_current_state(slack: SlackWorld) -> None:
    """The earlier attempt may have posted an older state."""
    story = Story()
    await slack.show(wanted(story))
    shown = await slack.show(wanted(story.claimed()), Attempts(attempt=1))
    (card,) = slack.on("C0LIVE")
    assert shown.card == CardRef(channel="C0LIVE", ts=card.ts)
    assert "佐藤" in card.text


async def test_a_found_request_is_updated_to_the_current_state(slack: SlackWorld) -> None:
    """The same applies to the request for approval."""
    story = Story().ban_asked()
    await slack.show(wanted(story))
    before = slack.on("C0LEADS")[0].blocks
    await slack.show(
        wanted(story.then(AskRequester(by=TANAKA, question="証拠は?"), 3)), Attempts(attempt=1)
    )
    (request,) = slack.on("C0LEADS")
    assert request.blocks != before
    assert "証拠は?" in str(request.blocks)


async def test_a_killed_worker_never_repeats_a_line(slack: SlackWorld) -> None:
    """The retry reads the thread first."""
    story = Story()
    card = (await slack.show(wanted(story))).card
    show = wanted(story.claimed(), card, after=1)
    await slack.show(show)
    await slack.show(show, Attempts(attempt=1))
    assert len(slack.thread(card)) == 1


async def test_what_was_posted_before_a_failure_is_not_looked_for(slack: SlackWorld) -> None:
    """The heartbeat of the failed attempt has what was posted."""
    slack.workspace.refuses = lambda method, arguments: (
        "service_unavailable" if arguments.get("channel") in ("C0LEADS", "#ts-leads") else None
    )
    attempts, show = Attempts(), wanted(Story().ban_asked())
    await failed_attempt(slack, show, attempts)
    slack.workspace.refuses = lambda method, arguments: None
    await slack.show(show, attempts)
    assert (len(slack.on("C0LIVE")), len(slack.on("C0LEADS"))) == (1, 1)
    assert slack.workspace.calls["conversations.history"] == 0


async def test_a_killed_worker_never_asks_for_approval_twice(slack: SlackWorld) -> None:
    """The retry reads the leads' channel first."""
    show = wanted(Story().ban_asked())
    await slack.show(show)
    shown = await slack.show(show, Attempts(attempt=1))
    (request,) = slack.on("C0LEADS")
    assert shown.approval_card == CardRef(channel="C0LEADS", ts=request.ts)


async def test_another_case_is_not_taken_for_this_one(slack: SlackWorld) -> None:
    """The search matches the case id only."""
    await slack.show(wanted(Story()))
    slack.on("C0LIVE")[0].metadata = {"event_type": "koban_case", "event_payload": {"case": "K1"}}
    await slack.show(wanted(Story()), Attempts(attempt=1))
    assert len(slack.on("C0LIVE")) == 2


def no_look(slack: SlackWorld, code: str | None) -> None:
    """Refuses to look for earlier posts; None ends that."""
    slack.workspace.refuses = lambda method, arguments: (
        code if method == "conversations.history" else None
    )


@pytest.mark.parametrize("code", ["internal_error", "service_unavailable"])
async def test_a_look_that_fails_for_a_while_is_repeated(slack: SlackWorld, code: str) -> None:
    """However many attempts the card has had: posting without it could make two cards."""
    show, attempts = wanted(Story()), Attempts(attempt=9)
    card = (await slack.show(show)).card
    no_look(slack, code)
    for _ in range(MOST_REFUSALS - 1):
        assert (await failed_attempt(slack, show, attempts)).type == f"slack_{code}"
    no_look(slack, None)
    assert (await slack.show(show, attempts)).card == card
    assert len(slack.on("C0LIVE")) == 1


@pytest.mark.parametrize(("code", "refused"), [("missing_scope", 1), ("fatal_error", 3)])
async def test_a_card_without_a_look_is_said_in_the_log(
    slack: SlackWorld, code: str, refused: int
) -> None:
    """A case that nobody sees is worse than two cards; an operator learns of it."""
    show, attempts = wanted(Story()), Attempts(attempt=9)
    await slack.show(show)
    no_look(slack, code)
    for _ in range(refused - 1):
        await failed_attempt(slack, show, attempts)
    with capture_logs() as logs:
        await slack.show(show, attempts)
    said = [line for line in logs if line["event"] == "posted_without_look"]
    assert [(line["log_level"], line["code"]) for line in said] == [("error", code)]
    assert len(slack.on("C0LIVE")) == 2
