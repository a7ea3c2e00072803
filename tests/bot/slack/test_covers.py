"""`/koban cover` over real HTTP: its forms, and the roles that it needs."""

from datetime import date, time, timedelta

import pytest

from bot.slack.commands.cover import FORM as COVER_FORM
from bot.slack.commands.cover import EndCovers, LetCover, ShowCovers
from bot.slack.commands.dispatch import read
from bot.slack.commands.parser import Incomplete
from bot.slack.commands.subject import ShowSubject
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import NOW
from workflows.domain.alerts import Subject
from workflows.domain.people import Cover, Role

SATO = "<@U0SATO|sato>"
SIX = LetCover(person="U0SATO", at=time(18, 0))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (f"cover {SATO} until 18:00", SIX),
        (f"COVER {SATO}  18:00", SIX),
        (f"代理 {SATO} 18:00まで", SIX),
        (f"代理　{SATO} １８時まで", SIX),
        (f"代理 {SATO}に 18時 まで", SIX),
        ("cover <@U0SATO> till 18:00", SIX),
        (f"代理 {SATO} 18時5分まで", LetCover(person="U0SATO", at=time(18, 5))),
        (
            f"cover {SATO} until 2026-11-24 18:00",
            LetCover(person="U0SATO", day=date(2026, 11, 24), at=time(18, 0)),
        ),
        (
            f"代理 {SATO} 2026/11/24 18:00 まで",
            LetCover(person="U0SATO", day=date(2026, 11, 24), at=time(18, 0)),
        ),
        ("cover", ShowCovers()),
        ("代理", ShowCovers()),
        ("cover End", EndCovers()),
        ("代理 終了", EndCovers()),
        (f"cover end {SATO}", EndCovers(person="U0SATO")),
        (f"代理 {SATO} 終了", EndCovers(person="U0SATO")),
    ],
)
def test_a_cover_is_read_as_it_is_meant(typed, meant):
    """Both languages work, with Slack's markup for people."""
    assert read(typed, ("user",)) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "cover @nobody until 18:00",
        f"cover {SATO}",
        f"cover {SATO} until soon",
        f"cover {SATO} until 25:00",
        f"cover {SATO} until 2026-02-31 18:00",
        f"cover {SATO} <@U0CLARK> until 18:00",
        f"cover {SATO} until{' ' * 200_000}x",
        "cover until 18:00",
    ],
)
def test_half_a_cover_is_answered_with_its_form(typed):
    """A person and a valid time are required."""
    assert read(typed, ("user",)) == Incomplete(form=COVER_FORM, wants_time=True)


@pytest.mark.parametrize(
    ("typed", "id_"),
    [
        ("user <@U0SATO|sato>", "@sato"),
        ("user <mailto:a@ex.com|a@ex.com>", "a@ex.com"),
        ("user <http://ex.com|ex.com>", "ex.com"),
        ("user <https://ex.com/1>", "https://ex.com/1"),
        ("user a&amp;b&lt;c&gt;", "a&b<c>"),
        ("user &amp;lt;", "&lt;"),
    ],
)
def test_an_id_is_read_as_it_was_typed(typed, id_):
    """Slack's markup of mentions and links is undone."""
    assert read(typed, ("user",)) == ShowSubject(subject=Subject(type="user", id=id_))


async def test_a_lead_lets_somebody_cover(env: SlackEnvironment):
    """It is 12:10 in Tokyo; the colleague gets a direct message in their language."""
    told = await env.command(env.person("U0TANAKA"), "/koban cover @emma.clark until 18:00")
    six = NOW + timedelta(hours=5, minutes=50)
    assert told.startswith(f"<@U0CLARK>さんが <!date^{int(six.timestamp())}^")
    cover = Cover(role=Role.LEAD, person="U0TANAKA", until=six)
    assert env.covers.given == [("U0CLARK", cover)]
    clark = env.person("U0CLARK")

    async def told_directly() -> str:
        messages = await clark.messages("dm")
        return messages[-1]["text"] if messages else ""

    message = await clark.until(told_directly, what="a direct message")
    assert message.startswith("You cover for <@U0TANAKA> until ")


async def test_a_time_that_is_over_today_is_tomorrows(env: SlackEnvironment):
    """A night shift ends in the morning."""
    await env.command(env.person("U0TANAKA"), "/koban 代理 @佐藤 6:00まで")
    [(person, cover)] = env.covers.given
    assert (person, cover.until) == ("U0SATO", NOW + timedelta(hours=17, minutes=50))


@pytest.mark.parametrize(
    ("user", "typed", "told"),
    [
        (
            "U0SATO",
            "@emma.clark until 18:00",
            "代理を頼めるのはリードだけです（<@U0REED>、<@U0TANAKA>）。",
        ),
        (
            "U0TANAKA",
            "@tanaka until 18:00",
            "自分を代理にはできません。ほかの人を選んでください。",
        ),
        (
            "U0TANAKA",
            "@suzuki until 18:00",
            "<@U0SUZUKI>さんはスペシャリストでもリードでもないため、代理になれません。",
        ),
        (
            "U0TANAKA",
            "@emma.clark until 2026-11-24 12:11",
            "代理は24時間までです。それより長いときは、役割の設定を変更してください。",
        ),
        (
            "U0TANAKA",
            "@emma.clark until 2026-11-23 12:10",
            "この時刻は過ぎています。これからの時刻を指定してください。",
        ),
        (
            "U0TANAKA",
            "@emma.clark",
            "相手と時刻を指定してください（例: `/koban cover @name until 18:00`）。",
        ),
    ],
)
async def test_a_cover_without_permission_is_refused(env: SlackEnvironment, user, typed, told):
    """The answer has the reason, and nothing is recorded."""
    assert await env.command(env.person(user), f"/koban cover {typed}") == told
    assert env.covers.given == []


async def test_a_cover_may_last_a_whole_day(env: SlackEnvironment):
    """The limit is exactly 24 hours."""
    await env.command(env.person("U0TANAKA"), "/koban cover @emma.clark until 2026-11-24 12:10")
    [(_, cover)] = env.covers.given
    assert cover.until == NOW + timedelta(hours=24)


async def test_covers_are_listed_from_both_sides(env: SlackEnvironment):
    """The list has covers by the person and for the person."""
    until = NOW + timedelta(hours=1)
    env.covers.given = [
        ("U0SATO", Cover(role=Role.LEAD, person="U0TANAKA", until=until)),
        ("U0TANAKA", Cover(role=Role.LEAD, person="U0REED", until=until)),
    ]
    told = (await env.command(env.person("U0TANAKA"), "/koban cover")).splitlines()
    assert told[0] == "*現在の代理*"
    assert told[1].startswith("• <@U0SATO>さんがあなたの代理（<!date^")
    assert told[2].startswith("• あなたが<@U0REED>さんの代理（<!date^")


async def test_an_empty_list_of_covers_is_one_sentence(env: SlackEnvironment):
    """The answer says that there are no covers."""
    told = await env.command(env.person("U0REED"), "/koban cover")
    assert told == "No current covers."


async def test_a_lead_ends_what_they_gave(env: SlackEnvironment):
    """Only the lead's own covers end; without any, the answer says so."""
    until = NOW + timedelta(hours=1)
    env.covers.given = [("U0SATO", Cover(role=Role.LEAD, person="U0REED", until=until))]
    assert await env.command(env.person("U0REED"), "/koban cover end") == "1 cover ended."
    sato = env.person("U0SATO")
    assert await env.command(sato, "/koban cover end") == "終了する代理はありません。"
    assert env.covers.ended == [("U0REED", NOW), ("U0SATO", NOW)]


async def test_somebody_without_a_role_has_no_covers(env: SlackEnvironment):
    """Nothing is read or written."""
    env.people.roles_of.clear()
    told = await env.command(env.person("U0REED"), "/koban cover @emma.clark until 18:00")
    assert told.startswith("Only Trust &amp; Safety members")
    assert env.covers.given == []


async def test_an_outage_of_the_ledger_is_reported(env: SlackEnvironment):
    """A cover is only confirmed after it is recorded."""
    env.covers.away = True
    told = await env.command(env.person("U0TANAKA"), "/koban cover @emma.clark until 18:00")
    assert told == "いまは照会できません。少し待って、もう一度試してください。"


LASTS = Cover(role=Role.LEAD, person="U0TANAKA", until=NOW + timedelta(hours=1))


async def direct(env: SlackEnvironment, user: str) -> str:
    """The person's last direct message."""
    person = env.person(user)

    async def told() -> str:
        messages = await person.messages("dm")
        return messages[-1]["text"] if messages else ""

    return await person.until(told, what="a direct message")


@pytest.mark.parametrize(
    ("user", "whose", "role"),
    [
        ("U0REED", "@tanaka", Role.LEAD),
        ("U0SUZUKI", "@tanaka", Role.ADMIN),
        ("U0REED", "@sato", Role.LEAD),
    ],
)
async def test_another_lead_or_an_admin_ends_any(env: SlackEnvironment, user, whose, role):
    """They name either side; the record has who ended it, and both people get a message."""
    env.covers.given = [("U0SATO", LASTS)]
    env.people.roles_of[user] = {role}
    told = await env.command(env.person(user), f"/koban cover end {whose}")
    id_ = whose.upper().replace("@", "U0")
    assert told in (f"<@{id_}>さんの代理を終了しました（1件）。", f"Covers ended for <@{id_}>: 1.")
    assert (env.covers.ended_by, env.covers.ended) == ([(id_, user)], [])
    ended = f"<@{user}>さんが、<@U0SATO>さんによる<@U0TANAKA>さんの代理を終了しました。"
    assert await direct(env, "U0SATO") == ended
    assert await direct(env, "U0TANAKA") == ended


@pytest.mark.parametrize("user", ["U0SATO", "U0SUZUKI"])
async def test_nobody_else_ends_a_cover_that_is_not_theirs(env: SlackEnvironment, user):
    """The refusal names people with the right, and no cover ends."""
    env.covers.given = [("U0CLARK", LASTS)]
    assert await env.command(env.person(user), "/koban cover end @tanaka") == (
        "ほかの人の代理を終了できるのはリードと管理者だけです（<@U0REED>、<@U0TANAKA>）。"
    )
    assert (env.covers.ended, env.covers.ended_by) == ([], [])


async def test_an_unknown_cover_gets_a_sentence(env: SlackEnvironment):
    """No message is sent."""
    assert await env.command(env.person("U0REED"), "/koban cover end @tanaka") == (
        "<@U0TANAKA> has no covers to end."
    )


async def test_who_may_end_any_sees_all(env: SlackEnvironment):
    """Auditors see all covers too; specialists see their own."""
    env.people.roles_of["U0TANAKA"] = {Role.ADMIN}
    env.covers.given = [("U0SATO", LASTS.model_copy(update={"person": "U0MORI"}))]
    for user in ("U0REED", "U0TANAKA", "U0SUZUKI"):
        told = await env.command(env.person(user), "/koban cover")
        assert "<@U0SATO>" in told
        assert "<@U0MORI>" in told
    assert await env.command(env.person("U0CLARK"), "/koban cover") == "No current covers."
