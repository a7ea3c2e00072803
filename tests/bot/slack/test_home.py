"""App Home: the reader's cases."""

from datetime import timedelta

from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import visible_text
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import NOW, line
from tests.bot.slack.test_commands import QUEUE
from workflows.domain.case.model import Phase
from workflows.domain.people import Cover, Role


async def home(env: SlackEnvironment, user: str) -> str:
    person: Person = env.person(user)
    await person.home()

    async def look() -> str:
        view = (await person.state())["home"]
        return visible_text(view) if view else ""

    return await person.until(look, what="App Home")


async def test_home_lists_what_waits_for_its_reader(env: SlackEnvironment):
    """A lead sees pending approvals, their own cases, and overdue cases."""
    env.ledger.lines = QUEUE
    read = await home(env, "U0REED")
    assert "Awaiting your approval (1)" in read
    assert "Assigned to you (0)\nNone." in read
    assert "Overdue (1)" in read


async def test_nobody_is_asked_to_approve_their_own_decision(env: SlackEnvironment):
    """The deciding lead does not see the case among the approvals."""
    env.ledger.lines = QUEUE
    read = await home(env, "U0TANAKA")
    assert "あなたの承認待ち 0件" in read
    assert "あなたの担当 1件" in read


def _lead_of(person: str) -> Cover:
    return Cover(role=Role.LEAD, person=person, until=NOW + timedelta(hours=1))


async def test_a_cover_counts_like_a_role(env: SlackEnvironment):
    """Clark covers for Reed and sees Reed's approvals."""
    env.ledger.lines = QUEUE
    assert "Awaiting your approval (0)" in await home(env, "U0CLARK")
    env.covers.given = [("U0CLARK", _lead_of("U0REED"))]
    assert "Awaiting your approval (1)" in await home(env, "U0CLARK")


async def test_a_cover_for_the_decider_can_not_approve(env: SlackEnvironment):
    """Tanaka decided, so neither Tanaka nor the cover may approve."""
    env.ledger.lines = QUEUE
    env.covers.given = [("U0CLARK", _lead_of("U0TANAKA"))]
    assert "Awaiting your approval (0)" in await home(env, "U0CLARK")


async def test_undos_and_reviews_wait_for_approval_too(env: SlackEnvironment):
    """The case of an undo is closed, that of a review is in enforcement."""
    env.ledger.lines = (
        line("K0000000A", phase=Phase.CLOSED, approvers=["lead"], purpose="undo"),
        line("K0000000B", phase=Phase.ENFORCING, approvers=["lead"], purpose="review"),
        line("K0000000C", phase=Phase.CLOSED),
    )
    read = await home(env, "U0TANAKA")
    assert "あなたの承認待ち 2件" in read
    assert "完了 · 取り消しの承認待ち · 担当 未定 · 期限 " in read
    assert "実行中 · 事後承認待ち · 担当 未定 · 期限 " in read
    assert "K0000000C" not in read


async def test_a_case_on_hold_is_marked_and_not_overdue(env: SlackEnvironment):
    """A waiting case has no due time; a snooze shows both times."""
    until = NOW + timedelta(minutes=20)
    env.ledger.lines = (
        line("K0000000A", owner="U0SATO", hold="waiting", hold_until=until, due=None),
        line("K0000000B", owner="U0SATO", hold="snoozed", hold_until=until, due_in=30),
    )
    read = await home(env, "U0SATO")
    assert "対応中 · 保留（2026-11-23 03:30 UTC" in read
    assert "対応中 · 情報待ち（2026-11-23 03:30 UTC" in read
    assert "期限超過 0件" in read


async def test_home_shows_no_cases_to_somebody_without_a_role(env: SlackEnvironment):
    """The home explains how to get access, and shows the help."""
    env.ledger.lines = QUEUE
    env.people.roles_of.clear()
    read = await home(env, "U0CLARK")
    assert "K0000000" not in read
    assert "How to use Koban" in read


async def test_home_says_when_the_ledger_is_away(env: SlackEnvironment):
    """A sentence replaces the outdated list."""
    env.ledger.away = True
    assert "いまは表示できません。" in await home(env, "U0SATO")
