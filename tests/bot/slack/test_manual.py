"""Manual cases and reported messages, over real HTTP."""

from datetime import timedelta

import pytest

from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import visible_text
from tests.bot.slack.conftest import SlackEnvironment, shown
from tests.bot.slack.fakes import CASE, NOW, line
from workflows.domain.alerts import ManualAlert, Subject, brief

CASE_LINE = line(CASE, opened_at=NOW)


def handed(env: SlackEnvironment) -> list[tuple[str, str, str]]:
    """Detector, kind and subject of each alert."""
    return [(each.detector, each.kind, each.subject.key) for each in env.alerts.alerts]


async def direct(person: Person, text: str) -> str:
    """The direct message with this text."""

    async def look() -> str:
        told = [shown(each) for each in await person.messages("dm")]
        return next((each for each in told if text in each), "")

    return await person.until(look, what=f"a message with {text!r}")


# -- by a line ----------------------------------------------------------------------------


async def test_a_case_is_opened_by_a_line(env: SlackEnvironment):
    """The alert is stored before the answer, which has the card's link; the note is evidence."""
    env.platform.facts["user:u_1"] = ()
    env.finding.by_alert["people"] = CASE_LINE
    sato = env.person("U0SATO")
    told = await env.command(sato, "/koban open off_platform user:u_1 LINE に誘導 <!here>")
    link = "<https://koban-demo.slack.com/archives/C0LIVE/p1763900000000100|K7Q2F9XM0>"
    assert told == f"ケースを作成しました: {link} · 外部誘導 · ユーザー u_123"
    [alert] = env.alerts.alerts
    assert (alert.detector, alert.kind, alert.occurred_at) == ("people", "off_platform", NOW)
    assert alert.subject == Subject(type="user", id="u_1")
    assert [each.text for each in alert.evidence] == ["LINE に誘導 <!here>"]
    assert brief(alert).manual == ManualAlert(by="U0SATO")


@pytest.mark.parametrize(
    ("typed", "subject"),
    [
        ("off_platform u_1", "user:u_1"),
        ("外部誘導 メルさん", "user:メルさん"),
        ("OFF_PLATFORM User:x", "user:x"),
        ("other m_77", "listing:m_77"),
        ("other 77", "listing:77"),
        ("off_platform listing:m_77", "listing:m_77"),
    ],
)
async def test_a_subject_is_read_as_it_is_meant(env: SlackEnvironment, typed, subject):
    """Its type, the form of its id or the presets' subject decide."""
    env.platform.facts[subject] = ()
    env.finding.by_alert["people"] = CASE_LINE
    await env.command(env.person("U0SATO"), f"/koban open {typed}")
    assert [each for _, _, each in handed(env)] == [subject]


@pytest.mark.parametrize(
    ("user", "typed", "told"),
    [
        ("U0SATO", "of_platform u_1", "`/koban open of_platform` というコマンドはありません。"),
        ("U0SATO", "zzzzzz u_1", "「zzzzzz」という種類はありません。"),
        ("U0SATO", "off_platform u_404", "「u_404」はプラットフォームで見つかりませんでした。"),
        ("U0SUZUKI", "off_platform u_1", "ケースを作成できるのはスペシャリストとリードだけです"),
    ],
)
async def test_an_invalid_line_opens_no_case(env: SlackEnvironment, user, typed, told):
    """The answer has the reason, and no alert is sent."""
    env.platform.facts["user:u_1"] = ()
    assert (await env.command(env.person(user), f"/koban open {typed}")).startswith(told)
    assert env.alerts.alerts == []


async def test_without_the_platform_a_case_opens_with_a_remark(env: SlackEnvironment):
    """An outage must not prevent a report."""
    env.platform.away = True
    env.finding.by_alert["people"] = CASE_LINE
    told = await env.command(env.person("U0CLARK"), "/koban open off_platform u_1")
    assert told.splitlines()[1] == (
        "The platform isn’t responding, so the subject was not checked."
    )
    assert len(env.alerts.alerts) == 1


async def test_an_open_case_takes_the_alert(env: SlackEnvironment):
    """The answer names the open case."""
    env.platform.facts["user:u_1"] = ()
    env.finding.by_alert["people"] = line(CASE, opened_at=NOW - timedelta(minutes=3))
    told = await env.command(env.person("U0CLARK"), "/koban open off_platform u_1")
    assert told.startswith("Added to an open case: <https://")


async def test_without_temporal_no_case_is_confirmed(env: SlackEnvironment):
    """The answer asks the person to try again."""
    env.platform.facts["user:u_1"] = ()
    env.alerts.away = True
    told = await env.command(env.person("U0SATO"), "/koban open off_platform u_1")
    assert told.startswith("いまは照会できません。")


# -- by shortcuts -------------------------------------------------------------------------


async def a_message(env: SlackEnvironment, text: str) -> tuple[Person, dict]:
    """A person without a role, and a message that they see."""
    env.people.roles_of.pop("U0CLARK")
    clark = env.person("U0CLARK")
    await clark.say("ts-live", text)
    return clark, (await clark.messages("ts-live"))[-1]


async def test_anybody_reports_a_message(env: SlackEnvironment):
    """Its text is evidence, its author is in the modal, and the answer has only the id."""
    env.platform.facts["user:u_77"] = ()
    env.finding.by_alert["reports"] = CASE_LINE
    clark, said = await a_message(env, "u_77 が <!channel> *LINE* で m_3 を売っています")
    await clark.shortcut("report_message", said)
    modal = await clark.modal()
    assert "&lt;!channel&gt; ∗LINE∗" in visible_text(modal)
    answer = await clark.fill_and_submit({"kind": "off_platform", "note": "常習の人です"})
    assert answer == {"ok": True}
    told = await direct(clark, CASE)
    assert told == f"Report received. It will be reviewed as case {CASE}."
    [alert] = env.alerts.alerts
    assert (alert.detector, alert.subject.key) == ("reports", "user:u_77")
    assert [each.text for each in alert.evidence] == [
        "u_77 が <!channel> *LINE* で m_3 を売っています",
        "常習の人です",
    ]
    link = f"https://koban-demo.slack.com/archives/C0LIVE/p{said['ts'].replace('.', '')}"
    assert brief(alert).manual == ManualAlert(by="U0CLARK", note="常習の人です", link=link)


async def test_a_report_needs_no_subject(env: SlackEnvironment):
    """Then the report is about the message itself, without actions."""
    env.finding.by_alert["reports"] = CASE_LINE
    clark, said = await a_message(env, "誰かが脅されているようです")
    await clark.shortcut("report_message", said)
    await clark.modal()
    assert await clark.fill_and_submit({"kind": "other"}) == {"ok": True}
    assert handed(env) == [("reports", "other", f"slack_message:C0LIVE/{said['ts']}")]


async def test_an_unknown_subject_is_an_error_in_the_modal(env: SlackEnvironment):
    """The input stays, and no alert is sent."""
    clark, said = await a_message(env, "見てください")
    await clark.shortcut("report_message", said)
    await clark.modal()
    answer = await clark.fill_and_submit({"kind": "off_platform", "subject": "u_404"})
    assert answer["errors"] == {
        "subject": "“u_404” wasn’t found on the platform. Please check the ID."
    }
    assert env.alerts.alerts == []


async def test_two_presses_of_one_modal_are_one_alert(env: SlackEnvironment):
    """The same view and text have the same id; other text has another."""
    clark, said = await a_message(env, "見てください")
    env.finding.by_alert["reports"] = CASE_LINE
    await clark.shortcut("report_message", said)
    view = await clark.modal()
    env.alerts.away = True
    assert (await clark.fill_and_submit({"kind": "other"}))["errors"]
    env.alerts.away = False
    await clark.fill_and_submit({"kind": "other"})
    [alert] = env.alerts.alerts
    assert alert.id.startswith(f"view/{view['id']}/")


async def test_a_long_message_fits_a_modal(env: SlackEnvironment):
    """Metadata has at most 3,000 characters; quotes and line breaks take two each."""
    env.finding.by_alert["reports"] = CASE_LINE
    clark, said = await a_message(env, '"\n\\' * 1000)
    await clark.shortcut("report_message", said)
    await clark.modal()
    assert await clark.fill_and_submit({"kind": "other"}) == {"ok": True}
    [alert] = env.alerts.alerts
    assert len(alert.evidence[0].text) > 1000


async def test_a_member_opens_a_case_from_anywhere(env: SlackEnvironment):
    """A global shortcut has no channel, so the answer is a direct message with the card."""
    env.platform.facts["user:u_1"] = ()
    env.finding.by_alert["people"] = CASE_LINE
    sato = env.person("U0SATO")
    await sato.shortcut("open_case")
    await sato.modal()
    await sato.fill_and_submit({"kind": "off_platform", "subject": "u_1", "note": "電話で通報"})
    told = await direct(sato, CASE)
    assert told.startswith("ケースを作成しました: <https://koban-demo.slack.com/archives/")
    assert handed(env) == [("people", "off_platform", "user:u_1")]


async def test_others_do_not_open_cases(env: SlackEnvironment):
    """Both the modal and its submission are refused."""
    suzuki, sato = env.person("U0SUZUKI"), env.person("U0SATO")
    await suzuki.shortcut("open_case")
    await direct(suzuki, "ケースを作成できるのはスペシャリストとリードだけです")
    assert await suzuki.views() == []
    env.platform.facts["user:u_1"] = ()
    await sato.shortcut("open_case")
    await sato.modal()
    env.people.roles_of["U0SATO"] = set()
    answer = await sato.fill_and_submit(
        {"kind": "off_platform", "subject": "u_1", "note": "電話で通報"}
    )
    assert answer["errors"]["note"].startswith("ケースを作成できるのは")
    assert env.alerts.alerts == []


async def test_a_look_up_leads_to_a_case(env: SlackEnvironment):
    """The modal has the subject."""
    env.platform.facts["user:u_1"] = ()
    env.finding.by_alert["people"] = CASE_LINE
    sato = env.person("U0SATO")
    await env.command(sato, "/koban user u_1")
    [message] = await sato.ephemerals("ts-live")
    await sato.press(message, "lookup.open")
    await sato.modal()
    await sato.fill_and_submit({"kind": "off_platform", "note": "照会から"})
    await direct(sato, CASE)
    assert handed(env) == [("people", "off_platform", "user:u_1")]
