"""App Home: what waits for its reader."""

from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.reading import visible_text
from tests.bot.slack.conftest import Stage
from tests.bot.slack.test_commands import QUEUE


async def home(stage: Stage, user: str) -> str:
    person: Person = stage.person(user)
    await person.home()

    async def look() -> str:
        view = (await person.state())["home"]
        return visible_text(view) if view else ""

    return await person.until(look, 5, "App Home")


async def test_home_lists_what_waits_for_its_reader(stage: Stage):
    """A lead sees what waits for their approval, their own cases, and what is overdue."""
    stage.ledger.lines = QUEUE
    read = await home(stage, "U0REED")
    assert "Waiting for your approval (1)" in read
    assert "Your cases (0)\nNothing." in read
    assert "Overdue (1)" in read


async def test_nobody_is_asked_to_approve_their_own_decision(stage: Stage):
    """The lead who decided does not find the case among those to approve."""
    stage.ledger.lines = QUEUE
    read = await home(stage, "U0TANAKA")
    assert "あなたの承認待ち (0)" in read
    assert "あなたの担当 (1)" in read


async def test_home_shows_no_cases_to_somebody_without_a_role(stage: Stage):
    """Whoever is not of the team reads how to get in, and the help."""
    stage.ledger.lines = QUEUE
    stage.people.roles_of.clear()
    read = await home(stage, "U0CLARK")
    assert "K0000000" not in read
    assert "How to use Koban" in read


async def test_home_says_when_the_ledger_is_away(stage: Stage):
    """A sentence instead of an old list."""
    stage.ledger.away = True
    assert "いまは表示できませんでした。" in await home(stage, "U0SATO")
