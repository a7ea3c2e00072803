"""Changes of the policy folder: announced, shown, held back if they loosen, and taken back."""

import html
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from activities.ledger.database import Database
from activities.ledger.schema import policy_changes
from deploy.sandbox.app import POLICY
from deploy.sandbox.slack.person import Person, wait_until
from deploy.sandbox.slack.screen import controls, visible_text
from tests.environment import Environment, koban, work
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_the_team import answer_to
from tests.stories.test_the_worst_moment import dies_after

HIDE = ("POST", "messages/m_77/hide")
PROTECT = "- {when: severity == 'critical', action: hide_message, for: 15m}"
EVERYTHING = "- {action: hide_message, for: 15m}"
STRICT, STRICTER = "alert.score >= 0.97 &&", "alert.score >= 0.99 &&"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy folder that the test may change."""
    return Path(shutil.copytree(POLICY, tmp_path / "policy"))


@pytest.fixture
async def env(temporal: str, tmp_path: Path, policy: Path) -> AsyncIterator[Environment]:
    """A Koban with that folder, which has been recorded."""
    async with koban(temporal, tmp_path, policy=policy) as running:
        await recorded(running, "policy_loaded")
        yield running


def change(policy: Path, old: str, new: str) -> None:
    """Changes the playbook of the live channel."""
    file = policy / "playbooks" / "off_platform.yaml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


async def kinds(env: Environment) -> list[str]:
    """The kinds of the records of changes, the oldest first."""
    database = Database(env.settings.ledger.url.get_secret_value())
    query = sa.select(policy_changes.c.kind).order_by(policy_changes.c.id)
    found = [row["kind"] for row in await database.rows(query)]
    await database.aclose()
    return found


async def recorded(env: Environment, kind: str, times: int = 1) -> None:
    """Waits until the ledger has so many records of this kind."""

    async def look() -> bool:
        return (await kinds(env)).count(kind) >= times

    await wait_until(look, what=f"{times} records of {kind}")


async def posted(person: Person, channel: str, *words: str) -> list[str]:
    """Waits for a message with all these words; returns every one of them."""

    async def look() -> list[str]:
        found = [visible_text(each) for each in await person.messages(channel)]
        return [each for each in found if all(word in each for word in words)]

    return await person.until(look, what=f"{words} in {channel}")


async def test_a_stricter_threshold_is_live_and_announced(env: Environment, policy: Path) -> None:
    """In the playbook's channel alone, with both conditions; the history has it as well."""
    sato = await env.person("U0SATO")
    change(policy, STRICT, STRICTER)
    (said,) = await posted(sato, "ts-live", "手順書が変更されました: 外部誘導")
    said = html.unescape(said)
    assert "`alert.score >= 0.97 && alert.attributes.viewers >= 1000` → " in said
    assert "`alert.score >= 0.99 && alert.attributes.viewers >= 1000`" in said
    assert "`/koban playbook off_platform history`" in said
    await recorded(env, "policy_announced")
    assert await kinds(env) == ["policy_loaded", "policy_changed", "policy_announced"]
    while "0.99" not in await answer_to(sato, "/koban playbook off_platform"):
        pass  # `koban serve` follows within a second
    await env.happens(lure(viewers=1240))
    card, _ = await case_of(sato)
    assert visible_text(card).startswith("🟧 高")
    assert await env.changes() == []
    told = await answer_to(sato, "/koban playbook off_platform history")
    assert "変更履歴: 外部誘導" in told
    assert told.index("0.99 &amp;&amp;") < told.index("最初の読み込み")
    other = await answer_to(sato, "/koban playbook phishing history")
    assert "0.99" not in other
    assert [m for m in await sato.messages("ts-market") if m["bot"]] == []
    assert await env.findings() == ()


async def test_a_looser_rule_waits_for_a_second_person(env: Environment, policy: Path) -> None:
    """Until then the old one acts; a press of a specialist has no effect."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    change(policy, PROTECT, EVERYTHING)
    await posted(sato, "ts-live", "承認を待っています", "外部誘導")
    asked = await tanaka.wait_card("ts-leads", "変更を承認する")
    assert "承認が必要" in visible_text(asked)
    await env.happens(lure(1, viewers=1240))
    await case_of(sato)
    await tanaka.until(lambda: hidden(env, 1), what="the protection of the old rule")
    await env.happens(lure(2, person="u_456"))
    await case_of(sato, "u_456")
    await sato.press(await sato.latest(asked), "policy.confirm")
    await sato.until(lambda: sato.ephemerals("ts-leads"), what="the refusal")
    assert "リード" in visible_text((await sato.ephemerals("ts-leads"))[-1])
    assert "policy_confirmed" not in await kinds(env)
    assert await env.changes() == [HIDE]

    await tanaka.press(asked, "変更を承認する")
    settled = await tanaka.wait_text(asked, "田中さんが")
    assert controls(settled) == []
    await posted(sato, "ts-live", "田中さんの承認で手順書の変更が有効になりました: 外部誘導")
    while " · " in await protection(sato):  # `koban serve` follows within a second
        pass
    await env.happens(lure(3, person="u_789"))
    await sato.until(lambda: hidden(env, 2), what="the protection of the new rule")
    assert await env.findings() == ()


async def hidden(env: Environment, times: int) -> bool:
    """Whether messages were hidden so often."""
    return (await env.changes()).count(HIDE) >= times


async def protection(person: Person) -> str:
    """The protection of the playbook in force, with its condition after a dot."""
    told = await answer_to(person, "/koban playbook off_platform")
    return next(line for line in told.splitlines() if line.startswith("• メッセージ非表示"))


async def test_a_change_that_waits_is_taken_back(env: Environment, policy: Path) -> None:
    """The folder is restored: the button is gone, and nothing was in force in between."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    change(policy, PROTECT, EVERYTHING)
    asked = await tanaka.wait_card("ts-leads", "変更を承認する")
    change(policy, EVERYTHING, PROTECT)
    settled = await tanaka.wait_text(asked, "取り下げられました")
    assert controls(settled) == []
    await posted(sato, "ts-live", "取り下げられました: 外部誘導")
    told = await answer_to(sato, "/koban playbook off_platform history")
    assert told.index("取り下げ") < told.index("承認待ちの変更") < told.index("最初の読み込み")


async def test_two_workers_record_and_announce_once(
    env: Environment, policy: Path, tmp_path: Path
) -> None:
    """Both see the change within a second; so does the one that starts later."""
    sato = await env.person("U0SATO")
    async with work(env.settings):
        change(policy, STRICT, STRICTER)
        await recorded(env, "policy_announced")
    async with work(env.settings):
        change(policy, STRICTER, "alert.score >= 0.995 &&")
        await recorded(env, "policy_announced", 2)
    assert (await kinds(env)).count("policy_changed") == 2
    assert len(await posted(sato, "ts-live", "手順書が変更されました")) == 2


async def test_a_lost_answer_of_slack_posts_nothing_twice(env: Environment, policy: Path) -> None:
    """The next attempt finds the message."""
    sato = await env.person("U0SATO")
    env.sandbox.faults.set("slack_lost_response", True)
    change(policy, STRICT, STRICTER)
    await posted(sato, "ts-live", "手順書が変更されました")
    env.sandbox.faults.set("slack_lost_response", False)
    await recorded(env, "policy_announced")
    assert len(await posted(sato, "ts-live", "手順書が変更されました")) == 1


@pytest.mark.wide(1)
@pytest.mark.parametrize("kind", ["policy_changed", "policy_announced"])
async def test_a_worker_that_is_killed_in_between_announces_once(
    temporal: str, tmp_path: Path, policy: Path, kind: str
) -> None:
    """After the record was written, and after the messages were posted."""
    async with koban(temporal, tmp_path, policy=policy, working=False) as env:
        sato = await env.person("U0SATO")
        async with work(env.settings):
            await recorded(env, "policy_loaded")
        change(policy, STRICT, STRICTER)
        await dies_after(env, temporal, tmp_path, kind)
        async with work(env.settings):
            await recorded(env, "policy_announced")
            assert len(await posted(sato, "ts-live", "手順書が変更されました")) == 1
        assert (await kinds(env)).count("policy_changed") == 1
        assert await env.findings() == ()
