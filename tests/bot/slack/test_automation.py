"""`/koban pause` and `resume` over real HTTP."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import controls
from tests.bot.slack.conftest import SlackEnvironment, button, shown
from tests.bot.slack.fakes import NOW
from tests.timeouts import LONG_TIMEOUTS
from workflows.domain.automation import PauseChange


async def last_ephemeral(person: Person, channel: str, count: int) -> str:
    """Text of the last ephemeral message, once there are `count` of them."""

    async def look() -> str:
        found = await person.ephemerals(channel)
        return shown(found[-1]) if len(found) >= count else ""

    return await person.until(look, what=f"{count} answers in {channel}")


async def direct(person: Person, text: str) -> dict:
    """The direct message with this text."""

    async def look() -> dict | None:
        found = [each for each in await person.messages("dm") if text in shown(each)]
        return found[-1] if found else None

    return await person.until(look, what=f"a message with {text!r}")


def kinds(env: SlackEnvironment) -> list[tuple[str, str, str | None]]:
    """Kind, person and playbook of each change so far."""
    return [(each.kind.value, each.by, each.playbook) for each in env.automation.changes]


async def test_a_specialist_stops_everything(env: SlackEnvironment):
    """The pause is immediate; the leads get a direct message in their language."""
    told = await env.command(env.person("U0SATO"), "/koban pause all")
    assert told.startswith(
        "すべての自動対応を停止しました。再開にはリードを含む2人の操作が必要です。"
    )
    assert kinds(env) == [("paused", "U0SATO", None)]
    await direct(env.person("U0TANAKA"), "<@U0SATO>さんがすべての自動対応を停止しました。")
    await direct(env.person("U0REED"), "<@U0SATO> paused auto-actions: everything.")


async def test_one_detector_alone_is_paused_and_resumed_by_two(env: SlackEnvironment):
    """By its name or its title; the button of the request resumes that one and nothing else."""
    sato, tanaka = env.person("U0SATO"), env.person("U0TANAKA")
    told = await env.command(sato, "/koban pause 検知器 吊り上げの疑い for 2h")
    assert told.startswith("検知器「吊り上げの疑い」の自動対応を <!date^")
    await env.command(sato, "/koban pause action mute_user")
    await sato.command("/koban resume detector shill")
    asked = await direct(tanaka, "検知器「吊り上げの疑い」の自動対応の再開を依頼しています")
    await tanaka.press(asked, "再開を承認する")
    assert [(each.kind.value, each.key) for each in env.automation.changes] == [
        ("paused", "detector/shill"),
        ("paused", "action/mute_user"),
        ("resume_asked", "detector/shill"),
        ("resumed", "detector/shill"),
    ]


async def test_a_detector_without_a_file_is_known_by_its_alerts(env: SlackEnvironment):
    """Detectors that sign with the common secret need no file."""
    env.automation.senders.add("live-chat")
    told = await env.command(env.person("U0CLARK"), "/koban pause detector live-chat")
    assert told.startswith("Auto-actions paused: detector live-chat.")
    assert [each.key for each in env.automation.changes] == ["detector/live-chat"]


async def announced(env: SlackEnvironment, count: int) -> list[str]:
    """The app's messages in the channel of both playbooks, once there are `count`."""
    sato = env.person("U0SATO")

    async def look() -> list[str] | None:
        found = [shown(each) for each in await sato.cards("ts-live")]
        return found if len(found) >= count else None

    return await sato.until(look, what=f"{count} messages in the channel")


async def test_the_channels_hear_of_a_pause_and_of_its_end_once(env: SlackEnvironment):
    """In the deployment's language; a request to resume is for the leads."""
    clark, tanaka = env.person("U0CLARK"), env.person("U0TANAKA")
    await env.command(clark, "/koban pause all")
    await clark.command("/koban resume")
    await last_ephemeral(clark, "ts-live", 2)
    await env.command(tanaka, "/koban resume")
    await env.command(clark, "/koban pause off_platform for 2h")
    first, second, third = await announced(env, 3)
    assert first.startswith("<@U0CLARK>さんがすべての自動対応を停止しました。")
    assert second == "<@U0TANAKA>さんの承認ですべての自動対応を再開しました。"
    assert third.startswith("<@U0CLARK>さんが外部誘導の自動対応を <!date^")


@pytest.mark.parametrize(
    ("typed", "rows"),
    [
        (
            "pause",
            [
                "• `/koban pause off_platform` Off-platform inducement",
                "• `/koban pause other` Other alerts",
                "• `/koban pause all` everything",
            ],
        ),
        (
            "pause for 2h",
            [
                "• `/koban pause off_platform for 2h` Off-platform inducement",
                "• `/koban pause other for 2h` Other alerts",
                "• `/koban pause all for 2h` everything",
            ],
        ),
        (
            "pause nope for 2h",
            [
                "• `/koban pause off_platform for 2h` Off-platform inducement",
                "• `/koban pause other for 2h` Other alerts",
            ],
        ),
        (
            "pause of_platform for 2h",
            [
                "`/koban pause of_platform for 2h` is not a command. "
                "Did you mean `/koban pause off_platform for 2h`?"
            ],
        ),
    ],
)
async def test_what_is_offered_is_never_more_than_what_was_typed(
    env: SlackEnvironment, typed, rows
):
    """Everything is offered only to a person who named nothing, and the time is kept."""
    told = await env.command(env.person("U0CLARK"), f"/koban {typed}")
    assert told.splitlines()[-len(rows) :] == rows
    assert kinds(env) == []


async def test_a_pause_may_name_its_playbook_and_its_end(env: SlackEnvironment):
    """The playbook can be given by its title."""
    told = await env.command(env.person("U0SATO"), "/koban 停止 外部誘導 2時間")
    assert told.startswith("外部誘導の自動対応を <!date^")
    [change] = env.automation.changes
    assert (change.playbook, change.until) == ("off_platform", NOW + timedelta(hours=2))


async def test_resuming_takes_a_lead_who_presses(env: SlackEnvironment):
    """The request has a button that its requester can't use."""
    tanaka, reed = env.person("U0TANAKA"), env.person("U0REED")
    await env.command(tanaka, "/koban pause off_platform")
    await tanaka.command("/koban resume")
    told = await last_ephemeral(tanaka, "ts-live", 2)
    assert told.startswith("外部誘導の自動対応の再開を依頼しました。ほかのリードが30分以内に")
    asked = await direct(reed, "asks to resume")
    assert env.automation.changes[-1].kind is PauseChange.RESUME_ASKED
    await tanaka.command("/koban resume")
    assert "再開は依頼済みです" in await last_ephemeral(tanaka, "ts-live", 3)
    await reed.press(asked, "Approve resuming")
    assert kinds(env)[-1] == ("resumed", "U0REED", "off_platform")
    await direct(tanaka, "<@U0REED>さんの承認で外部誘導の自動対応を再開しました")


async def test_an_approved_request_has_no_button_left(env: SlackEnvironment):
    """Every lead's message says who resumed, and when."""
    sato, tanaka, reed = (env.person(f"U0{name}") for name in ("SATO", "TANAKA", "REED"))
    await env.command(sato, "/koban pause off_platform")
    await sato.command("/koban resume")
    asked = [await direct(tanaka, "再開を依頼しています"), await direct(reed, "asks to resume")]
    await tanaka.press(asked[0], "再開を承認する")
    assert kinds(env)[-1] == ("resumed", "U0TANAKA", "off_platform")
    for lead, text in ((tanaka, "承認し、"), (reed, "approved at")):
        message = await direct(lead, text)
        assert controls(message) == []
        assert "<@U0TANAKA>" in shown(message)
        assert "<!date^" in shown(message)
    assert not [each for each in await reed.messages("dm") if "asks to resume" in shown(each)]


async def test_the_button_of_another_process_is_gone_after_the_approval(env: SlackEnvironment):
    """A process that has ended sent it: the pressed message says how the request ended."""
    sato, tanaka = env.person("U0SATO"), env.person("U0TANAKA")
    await env.command(sato, "/koban pause off_platform")
    await sato.command("/koban resume")
    await direct(tanaka, "再開を依頼しています")
    agree = button("automation.resume", "再開を承認する", "playbook/off_platform")
    ts = env.posted("another process", "automation", [agree])
    await tanaka.press(await env.message(tanaka, ts), "再開を承認する")

    async def settled() -> dict | None:
        found = await env.message(tanaka, ts)
        return found if "承認し、" in shown(found) else None

    pressed = await tanaka.until(settled, what="the end in the pressed message")
    assert controls(pressed) == []
    assert controls(await direct(tanaka, "承認し、")) == []
    assert [kind for kind, _, _ in kinds(env)] == ["paused", "resume_asked", "resumed"]


async def test_a_forged_button_resumes_nothing(env: SlackEnvironment):
    """The role is checked at the click: auditors and specialists are refused."""
    sato, clark, suzuki = (env.person(f"U0{name}") for name in ("SATO", "CLARK", "SUZUKI"))
    await env.command(sato, "/koban pause all")
    await sato.command("/koban resume")
    await last_ephemeral(sato, "ts-live", 2)
    forged = button("automation.resume", "Agree", "all")
    ts = env.posted("forged", "automation", [forged])
    for person, said in (
        (clark, "Only a lead can approve"),
        (suzuki, "スペシャリストとリードだけ"),
    ):
        await person.press(await env.message(person, ts), "automation.resume")
        assert said in await last_ephemeral(person, "ts-live", 1)
    assert [kind for kind, _, _ in kinds(env)] == ["paused", "resume_asked"]


@pytest.mark.parametrize("timeouts", [replace(LONG_TIMEOUTS, resume=0.0)])
async def test_a_request_that_nobody_approves_loses_its_button(env: SlackEnvironment):
    """Its message says that it has ended; the automation stays paused."""
    sato, tanaka, reed = (env.person(f"U0{name}") for name in ("SATO", "TANAKA", "REED"))
    await env.command(sato, "/koban pause off_platform")
    await sato.command("/koban resume")
    for lead, said in (
        (tanaka, "さん）は、30分を過ぎたため終了しました。"),
        (reed, "asked to resume auto-actions: Off-platform inducement. The request ended after"),
    ):
        assert controls(await direct(lead, said)) == []
    assert kinds(env)[-1] == ("resume_asked", "U0SATO", "off_platform")


async def test_a_button_of_an_ended_request_asks_for_nothing(env: SlackEnvironment):
    """Another process may have posted it: the press is refused, and the button removed."""
    sato, tanaka = env.person("U0SATO"), env.person("U0TANAKA")
    await env.command(sato, "/koban pause off_platform")
    await sato.command("/koban resume")
    asked = await direct(tanaka, "再開を依頼しています")
    env.now = NOW + timedelta(minutes=31)
    await tanaka.press(asked, "再開を承認する")
    over = await direct(tanaka, "この再開の依頼は終了しています。")
    assert controls(over) == []
    assert kinds(env) == [
        ("paused", "U0SATO", "off_platform"),
        ("resume_asked", "U0SATO", "off_platform"),
    ]


async def test_a_second_request_ends_the_first_ones_button(env: SlackEnvironment):
    """Each lead has one button: that of the request that can be approved."""
    sato, tanaka = env.person("U0SATO"), env.person("U0TANAKA")
    await env.command(sato, "/koban pause off_platform")
    await sato.command("/koban resume")
    await direct(tanaka, "再開を依頼しています")
    env.now = NOW + timedelta(minutes=31)
    await env.person("U0CLARK").command("/koban resume")
    asked = await direct(tanaka, "<@U0CLARK>さんが外部誘導の自動対応の再開を依頼しています")
    found = [each for each in await tanaka.messages("dm") if controls(each)]
    assert [each["ts"] for each in found] == [asked["ts"]]
    await tanaka.press(asked, "再開を承認する")
    assert kinds(env)[-1] == ("resumed", "U0TANAKA", "off_platform")


@pytest.mark.parametrize(
    ("user", "typed", "told"),
    [
        ("U0SUZUKI", "pause all", "自動対応を停止・再開できるのは"),
        ("U0SATO", "resume", "該当する自動対応は停止していません。"),
        ("U0SATO", "pause all for 99d", "停止できるのは最長 7日です。"),
        ("U0CLARK", "pause of_platform", "`/koban pause of_platform` is not a command. Did you"),
        ("U0CLARK", "pause nope", "*There is no playbook “nope”. Choose one of these:*"),
        ("U0CLARK", "resume nope", "*There is no playbook “nope”. Choose one of these:*"),
        ("U0SATO", "pause", "*何を停止しますか？*"),
        ("U0CLARK", "pause detector shil", "`/koban pause detector shil` is not a command. Did"),
        ("U0CLARK", "pause detector", "*What should be paused?*\n• `/koban pause detector shill`"),
        ("U0CLARK", "pause action mute_usr for 2h", "`/koban pause action mute_usr for 2h` is not"),
        ("U0CLARK", "pause action xyz", "*What should be paused?*\n• `/koban pause action"),
        ("U0SATO", "pause detector shill now please", "内容を指定してください（例: "),
        ("U0SATO", "resume detector shill", "該当する自動対応は停止していません。"),
    ],
)
async def test_what_can_not_be_done_changes_nothing(env: SlackEnvironment, user, typed, told):
    """The answer is one sentence, and no change is recorded."""
    assert (await env.command(env.person(user), f"/koban {typed}")).startswith(told)
    assert kinds(env) == []


async def test_without_the_ledger_nothing_is_said_to_have_stopped(env: SlackEnvironment):
    """A confirmation is only sent for a recorded pause."""
    env.automation.away = True
    told = await env.command(env.person("U0SATO"), "/koban pause all")
    assert told.startswith("いまは照会できません。")


async def test_the_queue_and_home_show_the_pauses(env: SlackEnvironment):
    """They come first."""
    sato = env.person("U0SATO")
    await env.command(sato, "/koban pause off_platform for 2h")
    await sato.command("/koban queue")
    told = await last_ephemeral(sato, "ts-live", 2)
    assert told.startswith("*自動対応は停止中*: 外部誘導 · <@U0SATO> · <!date^")

    async def drawn() -> bool:
        home = await sato.home()
        return home is not None and "*自動対応は停止中*" in shown(home)

    await sato.until(drawn, what="a home that tells it")
