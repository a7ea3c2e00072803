"""Buttons of a look-up: personal data, related subjects, a new case."""

import pytest

from bot.services.cases import Record, Story
from bot.services.lookups import Fact
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import controls, visible_text
from tests.bot.slack.conftest import SlackEnvironment, shown
from tests.bot.slack.fakes import CASE, LOOKUPS, NOW, line
from workflows.domain.people import Role
from workflows.domain.values import Text

FACTS = (
    Fact(title=Text(ja="状態", en="Status"), value="active"),
    Fact(title=Text(ja="メール", en="E-mail"), value="aiko@example.com", personal=True),
)


async def looked_up(env: SlackEnvironment, user: str) -> tuple[Person, dict]:
    """A person with the ephemeral answer about u_1."""
    env.platform.facts["user:u_1"] = FACTS
    person = env.person(user)
    await env.command(person, "/koban user u_1")
    [message] = await person.ephemerals("ts-live")
    return person, message


async def modal_text(person: Person, text: str) -> str:
    """Text of the topmost modal, once it contains `text`."""

    async def look() -> str:
        views = await person.views()
        told = visible_text(views[-1]) if views else ""
        return told if text in told else ""

    return await person.until(look, what=f"a modal with {text!r}")


@pytest.mark.parametrize(
    ("user", "names"),
    [
        ("U0SATO", ["lookup.reveal", "lookup.related", "lookup.open"]),
        ("U0SUZUKI", ["lookup.related"]),
    ],
)
async def test_the_buttons_fit_the_reader(env: SlackEnvironment, user, names):
    """An auditor can neither reveal data nor open cases; data is masked for everyone."""
    _, message = await looked_up(env, user)
    assert [each.action_id for each in controls(message)] == names
    assert "aiko" not in shown(message)


async def test_personal_data_is_shown_for_a_reason(env: SlackEnvironment):
    """Only the modal shows it, after the record is written."""
    sato, message = await looked_up(env, "U0SATO")
    await sato.press(message, "lookup.reveal")
    await sato.modal()
    assert await sato.fill_and_submit({"reason": "購入者への連絡"}) == {"ok": True}
    told = await modal_text(sato, "aiko")
    assert "メール: aiko@example[.]com" in told
    assert told.endswith("表示したことを記録しました。確認が終わったら閉じてください。")
    note = env.ledger.notes[-1]
    assert (note.actor, note.at) == ("U0SATO", NOW)
    assert (note.subject_type, note.subject_id) == ("user", "u_1")
    assert (note.why, note.revealed, note.case_id) == ("購入者への連絡", True, None)
    assert env.ledger.notes[0].revealed is False
    assert all("aiko" not in each["text"] for each in await sato.messages("ts-live"))


async def test_a_case_is_reason_enough(env: SlackEnvironment):
    """A case id counts in any spelling."""
    env.ledger.stories[CASE] = Story(line=line(CASE), alerts=1)
    sato, message = await looked_up(env, "U0SATO")
    await sato.press(message, "lookup.reveal")
    await sato.modal()
    await sato.fill_and_submit({"case": "k7q2f9xmo"})
    await modal_text(sato, "aiko")
    note = env.ledger.notes[-1]
    assert (note.why, note.case_id, note.revealed) == ("case K7Q2F9XM0", "K7Q2F9XM0", True)


async def test_an_unknown_case_is_no_reason(env: SlackEnvironment):
    """Nothing is shown or recorded."""
    sato, message = await looked_up(env, "U0SATO")
    await sato.press(message, "lookup.reveal")
    await sato.modal()
    await sato.fill_and_submit({"case": "K00000000"})
    await modal_text(sato, "ケース K00000000 は見つかりません。")
    assert [note.revealed for note in env.ledger.notes] == [False]


@pytest.mark.parametrize(
    ("given", "block"),
    [({}, "reason"), ({"reason": "  "}, "reason"), ({"case": "いつもの"}, "case")],
)
async def test_without_a_reason_nothing_is_shown(env: SlackEnvironment, given, block):
    """The modal asks for the reason, and nothing is recorded."""
    sato, message = await looked_up(env, "U0SATO")
    await sato.press(message, "lookup.reveal")
    await sato.modal()
    answer = await sato.fill_and_submit(given)
    assert list(answer["errors"]) == [block]
    assert [note.revealed for note in env.ledger.notes] == [False]
    assert env.platform.asked == ["user:u_1"]


async def test_a_forged_button_reveals_nothing(env: SlackEnvironment):
    """The role is checked for any button value."""
    env.platform.facts["user:u_1"] = FACTS
    text = {"type": "plain_text", "text": "Show"}
    forged = {"type": "button", "action_id": "lookup.reveal", "text": text, "value": "user:u_1"}
    ts = env.posted("forged", "lookup", [forged])
    suzuki = env.person("U0SUZUKI")
    await suzuki.press(await env.message(suzuki, ts), "lookup.reveal")
    assert (await env.ephemeral(suzuki)).startswith("個人情報の表示に必要な役割がありません。")
    assert await suzuki.views() == []
    assert (env.ledger.notes, env.platform.asked) == ([], [])


async def test_who_lost_the_role_meanwhile_sees_nothing(env: SlackEnvironment):
    """The role is checked again at the submission."""
    sato, message = await looked_up(env, "U0SATO")
    await sato.press(message, "lookup.reveal")
    await sato.modal()
    env.people.roles_of["U0SATO"] = {Role.AUDITOR}
    await sato.fill_and_submit({"reason": "確認"})
    await modal_text(sato, "個人情報の表示に必要な役割がありません。")
    assert [note.revealed for note in env.ledger.notes] == [False]


async def test_without_the_record_nothing_is_shown(env: SlackEnvironment):
    """The ledger is written before the platform is read."""
    sato, message = await looked_up(env, "U0SATO")
    await sato.press(message, "lookup.reveal")
    await sato.modal()
    env.ledger.away = True
    await sato.fill_and_submit({"reason": "確認"})
    told = await modal_text(sato, "いまは照会できません。")
    assert "aiko" not in told
    assert env.platform.asked == ["user:u_1"]


def test_leads_and_specialists_reveal_unless_it_is_said_otherwise():
    """This is the default of platform.yaml."""
    for role in Role:
        may = role in (Role.SPECIALIST, Role.LEAD)
        assert LOOKUPS.may_reveal(frozenset({role})) is may


# -- related ------------------------------------------------------------------------------


async def test_related_subjects_are_shown_with_their_records(env: SlackEnvironment):
    """Subjects with open cases and sanctions come first; the look-up is recorded."""
    env.bulk_decisions.members = 12
    env.finding.on = {
        "user:u_7": Record(open_cases=("K7Q2F9XM0",), in_force=2),
        "user:u_9": Record(in_force=1),
    }
    clark, message = await looked_up(env, "U0CLARK")
    await clark.press(message, "Related subjects")

    async def answered() -> list[dict]:
        found = await clark.ephemerals("ts-live")
        return found if len(found) == 2 else []

    answer = (await clark.until(answered))[-1]
    told = shown(answer).splitlines()
    assert told[0] == "*23 subjects related to User u_1*"
    assert told[1].startswith("*User u_7* · Same device")
    assert told[1].endswith("1 open case (K7Q2F9XM0) · 2 actions in force")
    assert told[2] == "*User u_9* · Same device · 1 action in force"
    assert len(told) == 11
    assert env.ledger.notes[-1].why == "/koban related user in C0LIVE"
    await clark.press(answer, "related.page.next")

    async def turned() -> bool:
        return "u_0" not in shown((await clark.ephemerals("ts-live"))[-1]).split()[1]

    await clark.until(turned)


async def test_hostile_ties_are_escaped(env: SlackEnvironment):
    """Neither titles from the policy nor ids from the platform are interpreted."""
    env.bulk_decisions.members = 1
    told = await env.command(env.person("U0SATO"), "/koban related user u_1")
    assert "&lt;!channel&gt; ∗太字∗ hxxps://evil[.]example" in told
    assert env.workspace.notifications == []


async def test_a_subject_without_look_ups_gets_a_sentence(env: SlackEnvironment):
    """No look-up starts from an order."""
    told = await env.command(env.person("U0SATO"), "/koban related order o_1")
    assert told == "この種類の対象（注文 o_1）では、関連する対象を調べられません。"
    assert env.ledger.notes == []


async def test_an_outage_of_the_platform_is_reported(env: SlackEnvironment):
    """An error is not shown as an empty result."""
    env.bulk_decisions.away = True
    told = await env.command(env.person("U0CLARK"), "/koban related user u_1")
    assert told.startswith("Can’t look this up right now.")
