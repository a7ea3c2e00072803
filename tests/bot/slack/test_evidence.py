"""Evidence list over real HTTP: its pages, and clicks on hidden pieces."""

import asyncio
import hashlib

import pytest

from deploy.sandbox.slack.person import Person, Refused
from deploy.sandbox.slack.screen import controls, visible_text
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fake_evidence import an_alert, image, words
from tests.bot.slack.fakes import CASE, ROUTE
from tests.bot.slack.test_everything import chosen, with_presets
from workflows.domain.case.commands import Click, Modal, Place, RevealEvidence
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.people import Actor

HIDDEN = [an_alert(1, words("LINE ID https://ex.com"), image(), words("住所", True))]


async def pressed(env: SlackEnvironment, user: str = "U0SATO") -> Person:
    """A person who clicked the card's button."""
    person = env.person(user)
    await person.press(await env.message(person, env.card()), "case.evidence")
    return person


async def showing(person: Person, text: str) -> dict:
    """The topmost modal, once it contains this text."""

    async def look() -> dict | None:
        views = await person.views()
        return views[-1] if views and text in visible_text(views[-1]) else None

    return await person.until(look, what=f"{text} in the modal")


async def opened(env: SlackEnvironment, user: str = "U0SATO") -> tuple[Person, dict]:
    """A person with the list of one alert with two hidden pieces."""
    env.evidence.alerts = HIDDEN
    person = await pressed(env, user)
    return person, await showing(person, "LINE ID hxxps://ex[.]com")


async def test_it_opens_before_the_ledger_answers(env: SlackEnvironment):
    """A trigger is valid for 3 s; a ledger can take longer."""
    env.evidence.gate = asyncio.Event()
    env.evidence.alerts = HIDDEN
    sato = await pressed(env)
    await showing(sato, "読み込んでいます…")
    env.evidence.gate.set()
    view = await showing(sato, "このページでは閲覧注意の2件を隠しています。")
    assert "閲覧注意の画像を隠しています。" in visible_text(view)
    assert "閲覧注意の文章を隠しています（2文字）。" in visible_text(view)
    assert "住所" not in str(view)
    assert "images.example" not in str(view)


async def test_from_the_modal_of_all_entries_it_takes_its_place(env: SlackEnvironment):
    """The list replaces that modal; hidden pieces open above it."""
    env.evidence.alerts = HIDDEN
    env.cases.memories[ROUTE] = CaseSnapshot(case=with_presets())
    sato = await chosen(env, "U0SATO", "all")
    await sato.press(await showing(sato, "ワンタップの判断"), "case.evidence")
    view = await showing(sato, "LINE ID hxxps://ex[.]com")
    assert len(await sato.views()) == 1
    await sato.press(view, "evidence.reveal.1")
    await showing(sato, "読み込んでいます…")
    assert [click.command.kind for _, click in env.cases.clicks] == ["reveal_evidence"]


async def test_an_english_reader_reads_english(env: SlackEnvironment):
    """The list and the texts about hidden pieces are English."""
    _, view = await opened(env, "U0CLARK")
    assert "*1 alert*" in visible_text(view)
    assert "2 sensitive items on this page are hidden." in visible_text(view)
    assert "[Show (logged)]" in visible_text(view)


async def test_reading_the_list_is_recorded_first(env: SlackEnvironment):
    """Each page has a record."""
    env.evidence.alerts = [an_alert(n, words(f"言葉{n}。")) for n in range(10)]
    sato = await pressed(env)
    view = await showing(sato, "言葉0。")
    await sato.press(view, "evidence.page.next")
    view = await showing(sato, "言葉9。")
    assert "検知 10件中 9–10件目" in visible_text(view)
    await sato.press(view, "evidence.page.before")
    await showing(sato, "言葉0。")
    notes = [
        (note.actor, note.subject_type, note.subject_id, note.why) for note in env.ledger.notes
    ]
    assert notes == [
        ("U0SATO", "case", CASE, "evidence, page 1"),
        ("U0SATO", "case", CASE, "evidence, page 2"),
        ("U0SATO", "case", CASE, "evidence, page 1"),
    ]
    assert env.evidence.asked == [(CASE, 0), (CASE, 8), (CASE, 0)]


async def test_without_a_role_nothing_is_read(env: SlackEnvironment):
    """The ledger is neither read nor written."""
    env.evidence.alerts = HIDDEN
    env.people.roles_of["U0SATO"] = set()
    sato = await pressed(env)
    await showing(sato, "この操作ができるのは")
    assert (env.evidence.asked, env.ledger.notes) == ([], [])


async def test_with_unknown_roles_nothing_is_read(env: SlackEnvironment):
    """Slack is unreachable, and roles.yaml has no people."""
    env.evidence.alerts = HIDDEN
    env.people.unknown = True
    sato = await pressed(env)
    await showing(sato, "役割を確認できませんでした。")
    assert (env.evidence.asked, env.ledger.notes) == ([], [])


@pytest.mark.parametrize("which", ["evidence", "ledger"])
async def test_a_ledger_that_is_away_is_a_sentence(env: SlackEnvironment, which: str):
    """Reading the alerts and writing the record can both fail."""
    env.evidence.alerts = HIDDEN
    getattr(env, which).away = True
    sato = await pressed(env)
    await showing(sato, "いまは照会できません。")
    assert env.evidence.asked == []


async def test_a_case_without_alerts_says_so(env: SlackEnvironment):
    """Old or imported cases can have none."""
    sato = await pressed(env)
    await showing(sato, "このケースには検知内容がありません。")


async def test_a_press_on_what_is_hidden_goes_to_the_case(env: SlackEnvironment):
    """A modal above the list waits for the case's decision."""
    sato, view = await opened(env)
    await sato.press(view, "evidence.reveal.1")
    piece = await showing(sato, "読み込んでいます…")
    assert len(await sato.views()) == 2
    ((workflow_id, click),) = env.cases.clicks
    assert workflow_id == ROUTE
    assert isinstance(click.command, RevealEvidence)
    assert click == Click(
        id=click.id,
        case=CASE,
        command=RevealEvidence(
            by=Actor(id="U0SATO"),
            version=3,
            alert_key="live-chat/chat-001",
            item=1,
            modal=Modal(id=piece["external_id"], carries=piece["private_metadata"]),
        ),
        place=Place(channel="C0LIVE"),
        received_at=env.now,
    )
    digest = hashlib.sha256(click.id.encode()).hexdigest()[:24]
    assert piece["external_id"] == f"evidence/{digest}"


async def test_a_failed_press_is_reported_in_its_modal(env: SlackEnvironment):
    """Nothing is stored, and nothing hidden is shown."""
    sato, view = await opened(env)
    env.cases.away = True
    await sato.press(view, "evidence.reveal.2")
    await showing(sato, f"{CASE}: いまは受け付けられませんでした。もう一度押してください。")
    assert env.cases.clicks == []


async def test_a_modal_that_slack_does_not_open_is_reported_in_the_channel(env: SlackEnvironment):
    """Three modals are open; the click is recorded, and the person gets a message."""
    sato, view = await opened(env)
    above = {**{name: view[name] for name in ("type", "title", "close")}, "blocks": []}
    for _ in range(2):
        env.workspace.views.push("U0SATO", above)
    await sato.press(view, "evidence.reveal.1")
    assert await env.ephemeral(sato) == "画面を開けませんでした。もう一度押してください。"
    assert len(env.cases.clicks) == 1


async def test_trying_again_stays_in_its_modal(env: SlackEnvironment):
    """The same piece is requested for the open modal."""
    sato, view = await opened(env)
    await sato.press(view, "evidence.reveal.1")
    piece = await showing(sato, "読み込んでいます…")
    value = next(c for c in controls(view) if c.action_id == "evidence.reveal.1").element["value"]
    failed = {
        **{name: piece[name] for name in ("type", "title", "close", "callback_id")},
        "external_id": piece["external_id"],
        "private_metadata": piece["private_metadata"],
        "blocks": [
            {
                "type": "actions",
                "elements": [
                    {
                        "type": "button",
                        "action_id": "evidence.reveal.again",
                        "text": {"type": "plain_text", "text": "もう一度試す"},
                        "value": value,
                    }
                ],
            }
        ],
    }
    env.workspace.views.update(env.workspace.views.find(piece["id"]), failed)
    await sato.press(await showing(sato, "もう一度試す"), "もう一度試す")
    (_, first), (_, second) = env.cases.clicks
    assert first.id != second.id
    assert first.command == second.command
    assert len(await sato.views()) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("evidence.reveal.1", "K7Q2F9XM0:3:1:no-slash"),
        ("evidence.reveal.1", "K0000000Z:3:1:live-chat/chat-001"),
        ("evidence.invented", f"{CASE}:3"),
    ],
)
async def test_a_button_that_was_tampered_with_does_nothing(
    env: SlackEnvironment, name: str, value: str
):
    """Slack shows its own error, and no case gets a command."""
    sato, view = await opened(env)
    (first, *_) = env.workspace.views.stack("U0SATO")
    for block in first.blocks:
        if "accessory" in block and block["accessory"]["action_id"] == "evidence.reveal.1":
            block["accessory"] |= {"action_id": name, "value": value}
    view = (await sato.views())[-1]
    with pytest.raises(Refused):
        await sato.press(view, name)
    assert env.cases.clicks == []
    assert len(await sato.views()) == 1
