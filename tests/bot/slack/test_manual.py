"""Manual cases and reported messages, over real HTTP."""

from datetime import timedelta

import pytest

from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import visible_text
from tests.bot.slack.conftest import Stage, shown
from tests.bot.slack.fakes import CASE, NOW, line
from workflows.domain.alerts import ManualAlert, Subject, brief

STANDS = line(CASE, opened_at=NOW)


def handed(stage: Stage) -> list[tuple[str, str, str]]:
    """Detector, kind and subject of each alert."""
    return [(each.detector, each.kind, each.subject.key) for each in stage.alerts.alerts]


async def direct(person: Person, text: str) -> str:
    """The direct message with this text."""

    async def look() -> str:
        told = [shown(each) for each in await person.messages("dm")]
        return next((each for each in told if text in each), "")

    return await person.until(look, what=f"a message with {text!r}")


# -- by a line ----------------------------------------------------------------------------


async def test_a_case_is_opened_by_a_line(stage: Stage):
    """The alert is stored before the answer, which has the card's link; the note is evidence."""
    stage.platform.facts["user:u_1"] = ()
    stage.finding.by_alert["people"] = STANDS
    sato = stage.person("U0SATO")
    told = await stage.command(sato, "/koban open off_platform user:u_1 LINE に誘導 <!here>")
    link = "<https://koban-demo.slack.com/archives/C0LIVE/p1763900000000100|K7Q2F9XM0>"
    assert told == f"ケースを作成しました: {link} · 外部誘導 · ユーザー u_123"
    [alert] = stage.alerts.alerts
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
async def test_a_subject_is_read_as_it_is_meant(stage: Stage, typed, subject):
    """Its type, the form of its id or the presets' subject decide."""
    stage.platform.facts[subject] = ()
    stage.finding.by_alert["people"] = STANDS
    await stage.command(stage.person("U0SATO"), f"/koban open {typed}")
    assert [each for _, _, each in handed(stage)] == [subject]


@pytest.mark.parametrize(
    ("user", "typed", "told"),
    [
        ("U0SATO", "of_platform u_1", "`/koban open of_platform` というコマンドはありません。"),
        ("U0SATO", "zzzzzz u_1", "「zzzzzz」という種類はありません。"),
        ("U0SATO", "off_platform u_404", "「u_404」はプラットフォームで見つかりませんでした。"),
        ("U0SUZUKI", "off_platform u_1", "ケースを作成できるのはスペシャリストとリードだけです"),
    ],
)
async def test_an_invalid_line_opens_no_case(stage: Stage, user, typed, told):
    """The answer has the reason, and no alert is sent."""
    stage.platform.facts["user:u_1"] = ()
    assert (await stage.command(stage.person(user), f"/koban open {typed}")).startswith(told)
    assert stage.alerts.alerts == []


async def test_without_the_platform_a_case_opens_with_a_remark(stage: Stage):
    """An outage must not prevent a report."""
    stage.platform.away = True
    stage.finding.by_alert["people"] = STANDS
    told = await stage.command(stage.person("U0CLARK"), "/koban open off_platform u_1")
    assert told.splitlines()[1] == (
        "The platform isn’t responding, so the subject was not checked."
    )
    assert len(stage.alerts.alerts) == 1


async def test_an_open_case_takes_the_alert(stage: Stage):
    """The answer names the open case."""
    stage.platform.facts["user:u_1"] = ()
    stage.finding.by_alert["people"] = line(CASE, opened_at=NOW - timedelta(minutes=3))
    told = await stage.command(stage.person("U0CLARK"), "/koban open off_platform u_1")
    assert told.startswith("Added to an open case: <https://")


async def test_without_temporal_no_case_is_confirmed(stage: Stage):
    """The answer asks the person to try again."""
    stage.platform.facts["user:u_1"] = ()
    stage.alerts.away = True
    told = await stage.command(stage.person("U0SATO"), "/koban open off_platform u_1")
    assert told.startswith("いまは照会できません。")


# -- by shortcuts -------------------------------------------------------------------------


async def a_message(stage: Stage, text: str) -> tuple[Person, dict]:
    """A person without a role, and a message that they see."""
    stage.people.roles_of.pop("U0CLARK")
    clark = stage.person("U0CLARK")
    await clark.say("ts-live", text)
    return clark, (await clark.messages("ts-live"))[-1]


async def test_anybody_reports_a_message(stage: Stage):
    """Its text is evidence, its author is in the modal, and the answer has only the id."""
    stage.platform.facts["user:u_77"] = ()
    stage.finding.by_alert["reports"] = STANDS
    clark, said = await a_message(stage, "u_77 が <!channel> *LINE* で m_3 を売っています")
    await clark.shortcut("report_message", said)
    modal = await clark.modal()
    assert "&lt;!channel&gt; ∗LINE∗" in visible_text(modal)
    answer = await clark.fill_and_submit({"kind": "off_platform", "note": "常習の人です"})
    assert answer == {"ok": True}
    told = await direct(clark, CASE)
    assert told == f"Report received. It will be reviewed as case {CASE}."
    [alert] = stage.alerts.alerts
    assert (alert.detector, alert.subject.key) == ("reports", "user:u_77")
    assert [each.text for each in alert.evidence] == [
        "u_77 が <!channel> *LINE* で m_3 を売っています",
        "常習の人です",
    ]
    link = f"https://koban-demo.slack.com/archives/C0LIVE/p{said['ts'].replace('.', '')}"
    assert brief(alert).manual == ManualAlert(by="U0CLARK", note="常習の人です", link=link)


async def test_a_report_needs_no_subject(stage: Stage):
    """Then the report is about the message itself, without actions."""
    stage.finding.by_alert["reports"] = STANDS
    clark, said = await a_message(stage, "誰かが脅されているようです")
    await clark.shortcut("report_message", said)
    await clark.modal()
    assert await clark.fill_and_submit({"kind": "other"}) == {"ok": True}
    assert handed(stage) == [("reports", "other", f"slack_message:C0LIVE/{said['ts']}")]


async def test_an_unknown_subject_is_an_error_in_the_modal(stage: Stage):
    """The input stays, and no alert is sent."""
    clark, said = await a_message(stage, "見てください")
    await clark.shortcut("report_message", said)
    await clark.modal()
    answer = await clark.fill_and_submit({"kind": "off_platform", "subject": "u_404"})
    assert answer["errors"] == {
        "subject": "“u_404” wasn’t found on the platform. Please check the ID."
    }
    assert stage.alerts.alerts == []


async def test_two_presses_of_one_modal_are_one_alert(stage: Stage):
    """The same view and text have the same id; other text has another."""
    clark, said = await a_message(stage, "見てください")
    stage.finding.by_alert["reports"] = STANDS
    await clark.shortcut("report_message", said)
    view = await clark.modal()
    stage.alerts.away = True
    assert (await clark.fill_and_submit({"kind": "other"}))["errors"]
    stage.alerts.away = False
    await clark.fill_and_submit({"kind": "other"})
    [alert] = stage.alerts.alerts
    assert alert.id.startswith(f"view/{view['id']}/")


async def test_a_long_message_fits_a_modal(stage: Stage):
    """Metadata has at most 3,000 characters; quotes and line breaks take two each."""
    stage.finding.by_alert["reports"] = STANDS
    clark, said = await a_message(stage, '"\n\\' * 1000)
    await clark.shortcut("report_message", said)
    await clark.modal()
    assert await clark.fill_and_submit({"kind": "other"}) == {"ok": True}
    [alert] = stage.alerts.alerts
    assert len(alert.evidence[0].text) > 1000


async def test_a_member_opens_a_case_from_anywhere(stage: Stage):
    """A global shortcut has no channel, so the answer is a direct message with the card."""
    stage.platform.facts["user:u_1"] = ()
    stage.finding.by_alert["people"] = STANDS
    sato = stage.person("U0SATO")
    await sato.shortcut("open_case")
    await sato.modal()
    await sato.fill_and_submit({"kind": "off_platform", "subject": "u_1", "note": "電話で通報"})
    told = await direct(sato, CASE)
    assert told.startswith("ケースを作成しました: <https://koban-demo.slack.com/archives/")
    assert handed(stage) == [("people", "off_platform", "user:u_1")]


async def test_others_do_not_open_cases(stage: Stage):
    """Both the modal and its submission are refused."""
    suzuki, sato = stage.person("U0SUZUKI"), stage.person("U0SATO")
    await suzuki.shortcut("open_case")
    await direct(suzuki, "ケースを作成できるのはスペシャリストとリードだけです")
    assert await suzuki.views() == []
    stage.platform.facts["user:u_1"] = ()
    await sato.shortcut("open_case")
    await sato.modal()
    stage.people.roles_of["U0SATO"] = set()
    answer = await sato.fill_and_submit(
        {"kind": "off_platform", "subject": "u_1", "note": "電話で通報"}
    )
    assert answer["errors"]["note"].startswith("ケースを作成できるのは")
    assert stage.alerts.alerts == []


async def test_a_look_up_leads_to_a_case(stage: Stage):
    """The modal has the subject."""
    stage.platform.facts["user:u_1"] = ()
    stage.finding.by_alert["people"] = STANDS
    sato = stage.person("U0SATO")
    await stage.command(sato, "/koban user u_1")
    [message] = await sato.ephemerals("ts-live")
    await sato.press(message, "lookup.open")
    await sato.modal()
    await sato.fill_and_submit({"kind": "off_platform", "note": "照会から"})
    await direct(sato, CASE)
    assert handed(stage) == [("people", "off_platform", "user:u_1")]
