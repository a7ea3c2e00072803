"""`/koban playbook NAME history`, and the button of a change that waits, over real HTTP."""

from datetime import timedelta
from typing import Any

from tests.bot.slack.conftest import SlackEnvironment, shown
from tests.bot.slack.fakes import NOW
from tests.bot.slack.test_automation import last_ephemeral
from workflows.domain.policy.changes import Change, Form, Part, PolicyRecord, RecordKind
from workflows.domain.policy.differences import ChangeKind
from workflows.domain.policy.limits import Loosening

CHANGE = Change(
    kind=ChangeKind.CHANGED,
    part=Part.PLAYBOOK,
    name="off_platform",
    title="外部誘導",
    path=("protect", "hide_message", "for"),
    before="15m",
    after="1h",
    form=Form.DURATION,
    loosens=True,
    playbooks=("off_platform",),
)


def record(id_: int = 1, **more: Any) -> PolicyRecord:
    """A change that waits."""
    given = {
        "id": id_,
        "kind": RecordKind.HELD,
        "at": NOW - timedelta(hours=id_),
        "before": f"aaaaaaaaaaa{id_}",
        "version": f"bbbbbbbbbbb{id_}",
        "playbooks": ("off_platform",),
        "changes": (CHANGE,),
    }
    return PolicyRecord.model_validate({**given, **more})


def kinds(env: SlackEnvironment) -> list[RecordKind]:
    """The kinds of the records, the oldest first."""
    return [each.kind for each in env.policy_history.records]


async def test_a_history_has_when_who_and_what(env: SlackEnvironment):
    """In the reader's language, with the versions and the commit."""
    made = record(commit="1e82edd9d81e206d788debe490a87bd21ab688f8", author="Maya <!channel>")
    confirmed = record(2, kind=RecordKind.CONFIRMED, actor="U0TANAKA", changes=())
    env.policy_history.records = [made, confirmed]
    told = await env.command(env.person("U0SATO"), "/koban playbook off_platform history")
    assert told.startswith("*変更履歴: 外部誘導*")
    assert "*承認待ちの変更* · `aaaaaaaaaaa1` → `bbbbbbbbbbb1` · コミット `1e82edd9d8`" in told
    assert "外部誘導 › 自動対応 › `hide_message` › 時間: 15分 → 1時間（承認が必要）" in told
    assert "*<@U0TANAKA> が承認*" in told
    assert told.index("が承認") < told.index("承認待ちの変更")
    assert "<!channel>" not in told
    told = await env.command(env.person("U0CLARK"), "/koban playbook off_platform history")
    assert "auto-action › `hide_message` › duration: 15 minutes → 1 hour" in told


async def test_names_in_a_history(env: SlackEnvironment):
    """By the title; of a removed playbook by its name; else the nearest."""
    env.policy_history.records = [record(), record(2, playbooks=("gone",))]
    sato = env.person("U0SATO")
    for number, (line, said) in enumerate(
        (
            ("手順書 外部誘導 履歴", "変更履歴: 外部誘導"),
            ("playbook gone history", "変更履歴: gone"),
            ("playbook off_platfrom history", "`/koban playbook off_platform history`"),
        ),
        1,
    ):
        await sato.command(f"/koban {line}")
        assert said in await last_ephemeral(sato, "ts-live", number)
    env.policy_history.records = []
    await sato.command("/koban playbook off_platform history")
    told = await last_ephemeral(sato, "ts-live", 4)
    assert told == "外部誘導 の変更はまだ記録されていません。"


async def test_a_long_history_has_pages(env: SlackEnvironment):
    """Five records on each, turned in place."""
    env.policy_history.records = [record(number) for number in range(1, 8)]
    sato = env.person("U0SATO")
    told = await env.command(sato, "/koban playbook off_platform history")
    assert ("bbbbbbbbbbb7" in told, "bbbbbbbbbbb2" in told) == (True, False)
    page = (await sato.ephemerals("ts-live"))[-1]
    await sato.press(page, "history.page.next")

    async def turned() -> bool:
        return "bbbbbbbbbbb2" in shown((await sato.ephemerals("ts-live"))[-1])

    await sato.until(turned, what="the second page")


async def test_a_lead_confirms_a_change(env: SlackEnvironment):
    """It is recorded before the press is acknowledged."""
    env.policy_history.records = [record()]
    tanaka = env.person("U0TANAKA")
    ts = env.posted("asks", "policy.confirm", [button("1")])
    await tanaka.press(await env.message(tanaka, ts), "policy.confirm")
    assert kinds(env) == [RecordKind.HELD, RecordKind.CONFIRMED]
    assert env.policy_history.records[-1].actor == "U0TANAKA"
    assert "承認しました" in await last_ephemeral(tanaka, "ts-live", 1)


def button(value: str) -> dict[str, Any]:
    """The button of a record."""
    text = {"type": "plain_text", "text": "Agree"}
    return {"type": "button", "action_id": "policy.confirm", "text": text, "value": value}


async def test_who_can_not_confirm_changes_nothing(env: SlackEnvironment):
    """A specialist, an auditor, and the author of the change."""
    env.policy_history.records = [record(email="maya@market.example")]
    env.policy_history.rule = Loosening(authors={"maya@market.example": "U0TANAKA"})
    ts = env.posted("asks", "policy.confirm", [button("1")])
    for user, said in (
        ("U0SUZUKI", "この変更を承認できるのはリードです。"),
        ("U0CLARK", "This change needs the approval of: lead."),
        ("U0TANAKA", "ご自分の変更は承認できません。"),
    ):
        person = env.person(user)
        await person.press(await env.message(person, ts), "policy.confirm")
        assert said in await last_ephemeral(person, "ts-live", 1)
    assert kinds(env) == [RecordKind.HELD]


async def test_an_unknown_author_is_no_way_around_it(env: SlackEnvironment):
    """A commit by an e-mail address that the policy doesn't know, or no commit at all."""
    env.policy_history.records = [record(authors=("maya@market.example", "x@else.example"))]
    env.policy_history.rule = Loosening(authors={"maya@market.example": "U0TANAKA"})
    ts = env.posted("asks", "policy.confirm", [button("1")])
    for user, said in (
        ("U0REED", "The author of this change is unknown"),
        ("U0TANAKA", "ご自分の変更は承認できません。"),
    ):
        person = env.person(user)
        await person.press(await env.message(person, ts), "policy.confirm")
        assert said in await last_ephemeral(person, "ts-live", 1)
    assert kinds(env) == [RecordKind.HELD]


async def test_who_was_a_lead_a_minute_ago_confirms_nothing(env: SlackEnvironment):
    """Roles of groups are read again for it."""
    env.policy_history.records = [record()]
    env.people.left = {"U0TANAKA"}
    tanaka = env.person("U0TANAKA")
    ts = env.posted("asks", "policy.confirm", [button("1")])
    await tanaka.press(await env.message(tanaka, ts), "policy.confirm")
    assert await last_ephemeral(tanaka, "ts-live", 1)
    assert kinds(env) == [RecordKind.HELD]


async def test_a_history_shows_first_what_loosens(env: SlackEnvironment):
    """Further lines are cut."""
    plain = CHANGE.model_copy(update={"loosens": False, "path": ("channel",)})
    env.policy_history.records = [record(changes=(*[plain] * 20, CHANGE))]
    told = await env.command(env.person("U0SATO"), "/koban playbook off_platform history")
    assert told.index("（承認が必要）") < told.index("チャンネル")


async def test_an_old_button_confirms_nothing(env: SlackEnvironment):
    """A newer change waits, or none."""
    env.policy_history.records = [record(), record(2)]
    tanaka = env.person("U0TANAKA")
    for number, value in enumerate(("1", "x", "99999999999999999999"), 1):
        ts = env.posted("asks", "policy.confirm", [button(value)])
        await tanaka.press(await env.message(tanaka, ts), "policy.confirm")
        told = await last_ephemeral(tanaka, "ts-live", number)
        assert "もう承認を待っていません" in told
    assert kinds(env) == [RecordKind.HELD, RecordKind.HELD]


async def test_a_press_while_the_ledger_is_away_confirms_nothing(env: SlackEnvironment):
    """The person presses again later."""
    env.policy_history.records = [record()]
    env.policy_history.away = True
    tanaka = env.person("U0TANAKA")
    ts = env.posted("asks", "policy.confirm", [button("1")])
    await tanaka.press(await env.message(tanaka, ts), "policy.confirm")
    assert await last_ephemeral(tanaka, "ts-live", 1)
    assert kinds(env) == [RecordKind.HELD]
