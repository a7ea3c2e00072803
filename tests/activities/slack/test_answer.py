"""Refusals: ephemeral, in the language and place of the person who clicked."""

import inspect
import re

import pytest

from activities.slack.activities import SlackActivities
from deploy.sandbox.slack.blockkit.blocks import Surface, check_blocks
from deploy.sandbox.slack.screen import visible_text
from tests.activities.slack.cases import AT, CASE
from tests.activities.slack.conftest import Attempts, SlackWorld
from workflows.domain.case.commands import Place
from workflows.domain.case.refusals import Reason, Refusal
from workflows.domain.case.snapshot import CardRef
from workflows.domain.people import Holders, Role
from workflows.domain.values import Text
from workflows.ports.cases import Answer, CasePort

CLOSED = Refusal(reason=Reason.CLOSED, by="U0SATO", at=AT, what="case_closed")


def answer(person: str, place: Place) -> Answer:
    return Answer(person=person, place=place, case=CASE, refusal=CLOSED, command="claim")


async def test_a_refusal_is_seen_by_its_person_only(slack: SlackWorld) -> None:
    """An English reader gets English with the colleague's name."""
    await Attempts().run(slack.activities.answer, answer("U0CLARK", Place(channel="C0LIVE")))
    (said,) = slack.workspace.messages.all("C0LIVE")
    assert said.ephemeral_to == "U0CLARK"
    assert said.text.startswith(f"Case {CASE}: 佐藤 closed it ")
    assert said.text.endswith(" ago. See the card for the result.")


async def test_a_refused_reassignment_names_the_colleague(slack: SlackWorld) -> None:
    """The colleague is named without being part of an event."""
    refusal = Refusal(reason=Reason.NOT_A_COLLEAGUE, name="U0SUZUKI", roles=(Role.LEAD,))
    wanted = Answer(
        person="U0SATO",
        place=Place(channel="C0LIVE"),
        case=CASE,
        refusal=refusal,
        command="hand_over",
    )
    await Attempts().run(slack.activities.answer, wanted)
    (said,) = slack.workspace.messages.all("C0LIVE")
    assert said.text == (
        f"ケース {CASE}: 鈴木さんはケースを担当できません。"
        "リードの人を選んでください（Oliver Reedさん、田中さん）。"
    )


async def refused(slack: SlackWorld, refusal: Refusal, command: str, person: str = "U0SATO") -> str:
    """Text of the refusal, after the name of the case."""
    wanted = Answer(
        person=person, place=Place(channel="C0LIVE"), case=CASE, refusal=refusal, command=command
    )
    await Attempts().run(slack.activities.answer, wanted)
    text = str(slack.workspace.messages.all("C0LIVE")[-1].text)
    return text.partition(f"{CASE}: ")[2]


async def test_a_refusal_about_rights_names_who_could_do_it(slack: SlackWorld) -> None:
    """People with the right are named without a mention; the requester is left out."""
    refusal = Refusal(reason=Reason.ROLE_NEEDED, roles=(Role.LEAD,), barred=("U0REED",))
    assert await refused(slack, refusal, "undo") == (
        "この操作ができるのはリードです（田中さん）。必要なときは依頼してください。"
    )
    own = Refusal(reason=Reason.OWN_DECISION, roles=(Role.LEAD,), barred=("U0TANAKA",))
    assert (await refused(slack, own, "approve", "U0TANAKA")).endswith(
        "ほかの人に依頼してください（Oliver Reedさん）。"
    )


async def test_covers_are_named_for_an_approval(slack: SlackWorld) -> None:
    """Covers count for approvals only, and a cover for the decider does not."""

    async def with_cover(role: Role) -> list[tuple[str, str]]:
        return [("U0SUZUKI", "U0REED"), ("U0CLARK", "U0TANAKA")] if role is Role.LEAD else []

    slack.configure(covers_of=with_cover)
    refusal = Refusal(reason=Reason.ROLE_NEEDED, roles=(Role.LEAD,), barred=("U0REED",))
    assert await refused(slack, refusal, "approve") == (
        "承認できるのはリードです（田中さん、代理のEmma Clarkさん）。必要なときは依頼してください。"
    )
    assert "代理" not in await refused(slack, refusal, "undo")


async def test_at_most_three_names(slack: SlackWorld) -> None:
    """Further people are counted."""
    slack.roles[Role.LEAD] = Holders(users=("U0A", "U0B", "U0C", "U0D", "U0E"))
    refusal = Refusal(reason=Reason.ROLE_NEEDED, roles=(Role.LEAD,))
    text = await refused(slack, refusal, "undo", "U0CLARK")
    assert text == (
        "This needs the role lead (U0A, U0B, U0C and 2 more). Please ask someone who has it."
    )


async def test_without_slack_the_role_alone_is_named(slack: SlackWorld) -> None:
    """The refusal does not wait for names."""
    slack.roles[Role.LEAD] = Holders(group="S0TYPO")
    refusal = Refusal(reason=Reason.ROLE_NEEDED, roles=(Role.LEAD,))
    assert await refused(slack, refusal, "undo") == (
        "この操作ができるのはリードです。必要なときは依頼してください。"
    )


async def test_a_refusal_names_its_case_and_leads_to_its_card(slack: SlackWorld) -> None:
    """It has the playbook, the case id and a link."""
    posted = await slack.client.chat_postMessage(channel="C0LIVE", text="card")
    card = CardRef(channel="C0LIVE", ts=posted["ts"])
    title = Text(ja="外部誘導 <!channel>", en="Off-platform")
    wanted = answer("U0SATO", Place(channel="C0LIVE")).model_copy(
        update={"title": title, "card": card}
    )
    await Attempts().run(slack.activities.answer, wanted)
    said = slack.workspace.messages.all("C0LIVE")[-1]
    assert re.match(
        rf"ケース <http[^|>]+\|{CASE}>（外部誘導 &lt;!channel&gt;）: 佐藤さんが", said.text
    )


async def test_a_card_that_is_gone_costs_the_link_and_not_the_answer(slack: SlackWorld) -> None:
    """The refusal is sent without a link."""
    card = CardRef(channel="C0LIVE", ts="1.000001")
    wanted = answer("U0SATO", Place(channel="C0LIVE")).model_copy(update={"card": card})
    await Attempts().run(slack.activities.answer, wanted)
    (said,) = slack.workspace.messages.all("C0LIVE")
    assert said.text.startswith(f"ケース {CASE}: 佐藤さんが")


async def test_the_typed_text_is_in_the_refusal(slack: SlackWorld) -> None:
    """The modal is closed, so its text can be copied from the refusal; it is escaped."""
    typed = "<!channel> *3回目* https://line.example/x\n2行目"
    wanted = answer("U0SATO", Place(channel="C0LIVE")).model_copy(update={"typed": typed})
    await Attempts().run(slack.activities.answer, wanted)
    (said,) = slack.workspace.messages.all("C0LIVE")
    assert check_blocks(said.blocks, Surface.MESSAGE) == []
    sentence, note, words = said.blocks
    assert sentence["text"]["text"] == said.text
    assert note["elements"][0]["text"] == "入力した内容（あなたにだけ表示しています）"
    [kept] = words["elements"]
    assert kept["type"] == "rich_text_preformatted"
    assert kept["elements"] == [{"type": "text", "text": typed}]
    assert slack.workspace.notifications == []


async def test_the_typed_text_is_in_the_direct_message(slack: SlackWorld) -> None:
    """Without access to the channel the refusal is a direct message."""
    wanted = answer("U0SATO", Place(channel="C0NOWHERE")).model_copy(update={"typed": "理由"})
    await Attempts().run(slack.activities.answer, wanted)
    direct = slack.workspace.conversation_with(["U0SATO"])
    (said,) = slack.workspace.messages.all(direct.id)
    assert "理由" in visible_text({"blocks": said.blocks})


async def test_who_pressed_in_a_thread_is_answered_there(slack: SlackWorld) -> None:
    """The refusal is in the thread of the click."""
    parent = await slack.client.chat_postMessage(channel="C0LIVE", text="card")
    place = Place(channel="C0LIVE", thread=parent["ts"])
    await Attempts().run(slack.activities.answer, answer("U0SATO", place))
    said = slack.workspace.messages.all("C0LIVE")[-1]
    assert said.thread_ts == parent["ts"]
    assert "佐藤さんが" in said.text


@pytest.mark.parametrize("channel", ["C0GENERAL", "C0NOWHERE"])
async def test_a_refusal_outside_of_the_apps_channels_is_a_direct_message(
    slack: SlackWorld, channel: str
) -> None:
    """The app may not be in the channel of the command."""
    await Attempts().run(slack.activities.answer, answer("U0SATO", Place(channel=channel)))
    direct = slack.workspace.conversation_with(["U0SATO"])
    (said,) = slack.workspace.messages.all(direct.id)
    assert "最新の状態をカードで確認してください。" in said.text


@pytest.mark.parametrize("name", ["show", "answer", "tell", "roles_of"])
def test_the_activities_are_what_the_workflows_ask_for(name: str) -> None:
    """Same name, same arguments, same answer as the port."""
    port = inspect.signature(getattr(CasePort, name))
    mine = inspect.signature(getattr(SlackActivities, name))
    assert [p.annotation for p in mine.parameters.values()][1:] == [
        p.annotation for p in port.parameters.values()
    ][1:]
    assert mine.return_annotation == port.return_annotation
    defined = getattr(SlackActivities, name).__temporal_activity_definition
    assert defined.name == name
