"""`/koban find` and `playbook` over real HTTP."""

import pytest

from deploy.sandbox.slack.screen import controls
from tests.bot.slack.conftest import SlackEnvironment, shown
from tests.bot.slack.fakes import line

MANY = tuple(line(f"K{number:08d}") for number in range(23))


async def test_cases_are_found_a_page_at_a_time(env: SlackEnvironment):
    """A page of ten replaces the previous one, and each search is recorded."""
    env.finding.lines = MANY
    sato = env.person("U0SATO")
    told = await env.command(sato, "/koban find LINE ID")
    assert told.startswith("*「LINE ID」の検索結果 1–10件目*")
    assert told.count("archives") == 10

    async def turned(button: str, title: str) -> dict:
        [message] = await sato.ephemerals("ts-live")
        await sato.press(message, button)

        async def look() -> dict | None:
            now = await sato.ephemerals("ts-live")
            return now[0] if len(now) == 1 and shown(now[0]).startswith(title) else None

        return await sato.until(look, what=title)

    await turned("次へ", "*「LINE ID」の検索結果 11–20件目*")
    last = await turned("次へ", "*「LINE ID」の検索結果 21–23件目*")
    assert [each.label for each in controls(last)] == ["前へ"]
    await turned("前へ", "*「LINE ID」の検索結果 11–20件目*")
    assert env.finding.asked == [("LINE ID", n) for n in (0, 10, 20, 10)]
    whys = [(note.subject_type, note.subject_id, note.why) for note in env.ledger.notes]
    assert whys == [("find", "LINE ID", "/koban find in C0LIVE")] * 4


async def test_an_empty_result_gets_a_sentence(env: SlackEnvironment):
    """It repeats the escaped search text."""
    told = await env.command(env.person("U0CLARK"), "/koban find <!channel> *x*")
    assert told == "No cases found for “&lt;!channel&gt; ∗x∗”."
    assert env.workspace.notifications == []


async def test_only_people_with_a_role_find_anything(env: SlackEnvironment):
    """The command and the page buttons check the role."""
    env.finding.lines = MANY
    sato = env.person("U0SATO")
    await env.command(sato, "/koban find LINE")
    env.people.roles_of.clear()
    [message] = await sato.ephemerals("ts-live")
    await sato.press(message, "find.page.next")

    async def refused() -> bool:
        return any("担当者だけ" in shown(each) for each in await sato.ephemerals("ts-live"))

    await sato.until(refused)
    assert env.finding.asked == [("LINE", 0)]
    assert len(env.ledger.notes) == 1


async def test_a_slip_in_a_case_id_finds_its_neighbours(env: SlackEnvironment):
    """The suggestions can be typed unchanged."""
    env.finding.slips = ("K7Q2F9XM0",)
    told = await env.command(env.person("U0CLARK"), "/koban case K7Q2F9XN0")
    assert told == "No case K7Q2F9XN0. Did you mean `/koban case K7Q2F9XM0`?"


@pytest.mark.parametrize("name", ["off_platform", "外部誘導", "OFF-PLATFORM INDUCEMENT"])
async def test_a_playbook_is_shown_in_plain_words(env: SlackEnvironment, name):
    """It is found by name or title, in either language."""
    told = (await env.command(env.person("U0SATO"), f"/koban playbook {name}")).splitlines()
    assert told == [
        "*外部誘導（off_platform）*",
        "対象の検知: `off_platform`",
        "チャンネル: ts-live",
        "ルール: MKT-4.2",
        "*重大度と期限*",
        "• 高: 担当 10分以内 · 判断 30分以内 · それ以外",
        "*ワンタップの判断*",
        "• 24時間コメント制限: コメント制限 24時間",
        "*エスカレーション*",
        "• 担当期限に当番へ、判断期限にリードへ通知します。",
    ]


async def test_a_playbook_reads_the_same_in_english(env: SlackEnvironment):
    """The English text has the same content."""
    told = await env.command(env.person("U0CLARK"), "/koban playbook off_platform")
    assert "• High: claim within 10 minutes · decide within 30 minutes · otherwise" in told
    assert "• Pings on-call when the claim is due and a lead when the decision is due." in told


async def test_a_misspelt_playbook_gets_the_nearest(env: SlackEnvironment):
    """Without a name all playbooks are listed, the catch-all last."""
    told = await env.command(env.person("U0CLARK"), "/koban playbook of_platfrom")
    assert told.endswith("Did you mean `/koban playbook off_platform`?")
    reed = env.person("U0REED")
    told = await env.command(reed, "/koban playbook")
    assert told.splitlines() == [
        "*2 playbooks*",
        "• `/koban playbook off_platform` Off-platform inducement",
        "• `/koban playbook other` Other alerts",
    ]
