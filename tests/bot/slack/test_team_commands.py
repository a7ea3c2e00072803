"""`/koban stats` and `/koban oncall`."""

from datetime import timedelta

import pytest

from activities.ledger.team import ActiveCover
from bot.services.team import Duty, OnCall
from bot.slack.commands.dispatch import read
from bot.slack.commands.parser import Unknown
from bot.slack.commands.team import ShowOnCall, ShowStats, Window
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import NOW
from workflows.domain.case.decision import Verdict
from workflows.domain.metrics.metrics import Numbers, PlaybookCount, Spread
from workflows.domain.people import Role
from workflows.domain.policy.roster import ShiftTurn
from workflows.domain.values import Text

LOOKUPS = ("user", "listing", "stream")
NUMBERS = Numbers(
    since=NOW,
    until=NOW,
    opened=1,
    closed=2,
    handed_over=1,
    decisions={Verdict.VIOLATION: 1},
    playbooks=tuple(
        PlaybookCount(playbook=name, opened=1, decisions=1)
        for name in ("off_platform", "gone", "c", "d", "e", "f")
    ),
    ttd=Spread(of=1, p50=timedelta(minutes=6), p95=timedelta(minutes=6)),
)


def duty(name: str, hours: int, people: tuple[str, ...] | None) -> Duty:
    turn = ShiftTurn(
        shift=name,
        title=Text(ja=name, en=name),
        starts=NOW + timedelta(hours=hours),
        ends=NOW + timedelta(hours=hours + 8),
    )
    return Duty(turn=turn, people=people, leads=("U0TANAKA",))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("stats", ShowStats(window=Window.DAY)),
        ("stats 7d", ShowStats(window=Window.WEEK)),
        ("STATS ２４Ｈ", ShowStats(window=Window.DAY)),
        ("oncall", ShowOnCall()),
        ("stats 30d", Unknown(typed="stats 30d")),
        ("stat", Unknown(typed="stat", nearest="stats")),
        ("oncal", Unknown(typed="oncal", nearest="oncall")),
    ],
)
def test_a_line_is_read_as_it_is_meant(typed: str, meant: object) -> None:
    """Full-width input works, and near misses get a suggestion."""
    assert read(typed, LOOKUPS) == meant


@pytest.mark.parametrize(("typed", "lasts"), [("stats", 24), ("stats 7d", 168)])
async def test_figures_are_of_the_requested_period(
    env: SlackEnvironment, typed: str, lasts: int
) -> None:
    """The period ends now."""
    await env.command(env.person("U0SATO"), f"/koban {typed}")
    assert env.team.asked == [(NOW - timedelta(hours=lasts), NOW)]


async def test_figures_have_denominators_and_no_people(env: SlackEnvironment) -> None:
    """At most five playbooks are shown, removed ones by name."""
    env.team.counted = NUMBERS
    told = await env.command(env.person("U0CLARK"), "/koban stats")
    for wanted in (
        "*Last 24 hours*",
        "1 opened · 2 closed · 1 handed over",
        "0 open cases (0 overdue)",
        "1 decision: Violation 1",
        "Decided in time: no cases were due",
        "Opening to decision: median 6 minutes, 95th percentile 6 minutes (1 case)",
        "Detection to first action: no actions taken",
        "• Off-platform inducement: 1 opened · 1 decided",
        "• gone: 1 opened · 1 decided",
        "1 more playbook",
    ):
        assert wanted in told.splitlines()
    assert "U0" not in told


async def test_the_shift_has_current_next_and_covering_people(env: SlackEnvironment) -> None:
    """Each has an end and leads, with times in the reader's zone."""
    cover = ActiveCover(
        person="U0CLARK", covers_for="U0TANAKA", role=Role.LEAD, until=NOW + timedelta(hours=1)
    )
    env.team.duty = OnCall(
        roster=True,
        now=(duty("日勤", -1, ("U0SATO", "U0CLARK")),),
        next=(duty("夜勤", 7, None),),
        covers=(cover,),
    )
    told = await env.command(env.person("U0SUZUKI"), "/koban oncall")
    ends = int((NOW + timedelta(hours=7)).timestamp())
    assert f"• 日勤（<!date^{ends}^" in told
    assert "<@U0SATO>、<@U0CLARK> · リード <@U0TANAKA>" in told
    assert "Slack に確認できませんでした · リード" in told
    assert "• <@U0CLARK>さんが<@U0TANAKA>さんの代理（" in told


async def test_an_empty_hour_says_what_to_do(env: SlackEnvironment) -> None:
    """No current and no next shift are planned."""
    env.team.duty = OnCall(roster=True)
    told = await env.command(env.person("U0SATO"), "/koban oncall")
    assert "いまは当番がいません。急ぐときはリードに連絡してください。" in told
    assert "• 未定" in told


async def test_without_a_roster_the_role_holders_are_shown(env: SlackEnvironment) -> None:
    """The answer says why."""
    env.team.duty = OnCall(
        roster=False, holders={Role.SPECIALIST: ("U0SATO",), Role.LEAD: ("U0TANAKA",)}
    )
    told = await env.command(env.person("U0CLARK"), "/koban oncall")
    assert told.splitlines() == [
        "No on-call schedule yet. These people hold the roles.",
        "• specialist: <@U0SATO>",
        "• lead: <@U0TANAKA>",
    ]


@pytest.mark.parametrize("typed", ["stats", "oncall"])
async def test_where_the_ledger_is_away_it_says_so(env: SlackEnvironment, typed: str) -> None:
    """A sentence replaces the figures."""
    env.team.away = True
    told = await env.command(env.person("U0SATO"), f"/koban {typed}")
    assert "少し待って" in told


@pytest.mark.parametrize("typed", ["stats", "oncall"])
async def test_only_team_members_get_an_answer(env: SlackEnvironment, typed: str) -> None:
    """People without a role get no data."""
    env.people.roles_of.clear()
    await env.command(env.person("U0SATO"), f"/koban {typed}")
    assert env.team.asked == []
