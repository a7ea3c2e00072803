"""Shift: alert → card → claim → decision → approval → enforcement."""

from datetime import UTC, datetime, timedelta

from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import controls, visible_text
from deploy.sandbox.traffic.alerts import alert, message, stream, user
from tests.environment import Environment, scene
from workflows.domain.case.commands import ChoosePreset, Claim, Click, Place
from workflows.domain.people import Actor

LURE = "LINE ID ください https://line.example/ti/p/abc"


def lure(number: int = 1, person: str = "u_123", viewers: int = 240, **more: object):
    """An alert about a message in a live stream, with its subjects.

    With an audience of a thousand it is critical, so Koban hides the message automatically.
    """
    return scene(
        [
            alert(
                f"chat-{number:06}",
                "off_platform",
                ("user", person),
                ("LINEへの誘導", "Moved the buyer to LINE"),
                score=0.98,
                text=LURE,
                related=(("stream", "s_9"), ("message", "m_77")),
                viewers=viewers,
                **more,
            )
        ],
        [user(person), stream("s_9", "ライブ", "u_host", viewers), message("m_77", LURE, person)],
    )


async def case_of(person: Person, text: str = "u_123") -> tuple[dict, str]:
    """The card of a subject, and its case id."""
    card = await person.wait_card("ts-live", text)
    return card, card["metadata"]["event_payload"]["case"]


async def test_a_specialist_claims_and_decides_with_one_tap(env: Environment) -> None:
    """The platform is changed once, read back, and the card is updated."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "担当する")
    card = await sato.wait_text(card, "佐藤")
    await sato.press(card, "24時間コメント制限")
    card = await sato.wait_text(card, "完了")
    assert (await env.thing("users", "u_123"))["muted"] is True
    assert await env.changes() == [("POST", "users/u_123/mutes")]
    assert [c.label for c in controls(card) if c.kind == "button"] == ["措置を取り消す"]
    assert await env.kinds(case) == [
        "case_opened",
        "case_claimed",
        "decided",
        "action_verified",
        "notice_sent",
        "case_closed",
    ]


async def test_a_lead_approves_what_is_irreversible(env: Environment) -> None:
    """Nothing changes at the platform before, and the decider's own approval is refused."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "case.decide")
    answer = await sato.fill_and_submit(
        {
            "verdict": "violation",
            "actions": ["permanent_ban"],
            "reason": "プロフィールと配信で計3回、LINE IDを提示",
        }
    )
    assert answer == {"ok": True}
    await sato.wait_text(card, "承認待ち")
    asked = await tanaka.wait_card("ts-leads", "u_123")
    assert "プロフィールと配信で計3回" in visible_text(asked)
    assert await env.changes() == []
    await tanaka.press(asked, "approval.approve")
    await sato.wait_text(card, "完了")
    assert (await env.thing("users", "u_123"))["status"] == "banned"
    assert await env.changes() == [("POST", "users/u_123/bans")]
    await tanaka.wait_text(asked, "承認済み")
    assert "approved" in await env.kinds(case)


async def test_the_decider_cannot_approve(env: Environment) -> None:
    """A lead who decided needs another lead; only they see the refusal."""
    tanaka, reed = await env.person("U0TANAKA"), await env.person("U0REED")
    await env.happens(lure())
    card, _ = await case_of(tanaka)
    await tanaka.press(card, "case.decide")
    await tanaka.fill_and_submit(
        {"verdict": "violation", "actions": ["permanent_ban"], "reason": "常習"}
    )
    asked = await tanaka.wait_card("ts-leads", "u_123")
    await tanaka.press(asked, "approval.approve")
    answers = await tanaka.until(lambda: tanaka.ephemerals("ts-leads"), what="the refusal")
    assert "自分の判断" in answers[-1]["text"]
    assert await reed.ephemerals("ts-leads") == []
    assert await env.changes() == []


async def test_a_rejection_goes_back_with_its_reason(env: Environment) -> None:
    """The case returns to the decider, who can decide again."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await env.happens(lure())
    card, _ = await case_of(sato)
    await sato.press(card, "case.decide")
    await sato.fill_and_submit(
        {"verdict": "violation", "actions": ["permanent_ban"], "reason": "誘導"}
    )
    asked = await tanaka.wait_card("ts-leads", "u_123")
    await tanaka.press(asked, "approval.reject")
    await tanaka.fill_and_submit({"reason": "初回なので警告にしてください"})
    card = await sato.wait_text(card, "初回なので警告にしてください")
    await sato.press(card, "24時間コメント制限")
    await sato.wait_text(card, "完了")
    assert await env.changes() == [("POST", "users/u_123/mutes")]


async def test_two_people_press_in_the_same_second(env: Environment) -> None:
    """One person gets the case; the other one is refused with the owner's name."""
    sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
    await env.happens(lure())
    card, _ = await case_of(sato)
    await sato.press(card, "担当する")
    await clark.press(card, "case.claim")
    answers = await clark.until(lambda: clark.ephemerals("ts-live"), what="the refusal")
    assert "佐藤" in answers[-1]["text"]
    assert await sato.ephemerals("ts-live") == []


async def test_a_second_click_where_claim_was_decides_nothing(env: Environment) -> None:
    """The card was redrawn under the pointer: only the person who clicked is told."""
    sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
    await env.happens(lure())
    card, case = await case_of(sato)
    by, at = Actor(id="U0SATO"), datetime.now(UTC)
    workflow_id = str(controls(card)[0].block_id)
    for command, seconds in ((Claim(by=by), 0.0), (ChoosePreset(by=by, preset="hide"), 0.9)):
        received = at + timedelta(seconds=seconds)
        place = Place(channel=card["channel"])
        press = Click(id=command.kind, case=case, command=command, place=place)
        click = press.model_copy(update={"received_at": received})
        await env.cases.click(workflow_id, click)
    answers = await sato.until(lambda: sato.ephemerals("ts-live"), what="the refusal")
    assert "たった今担当になりました。" in answers[-1]["text"]
    assert await clark.ephemerals("ts-live") == []
    assert await env.kinds(case) == ["case_opened", "case_claimed"]


async def test_alerts_on_one_subject_join_its_case(env: Environment) -> None:
    """One card with a count; a repeated alert is a duplicate."""
    sato = await env.person("U0SATO")
    for number in range(1, 6):
        await env.happens(lure(number))
    card, case = await case_of(sato)
    await sato.wait_text(card, "4件")
    assert (await env.happens(lure(3)))[0]["result"] == "duplicate"
    await sato.press(card, "case.clear")
    await sato.wait_text(card, "完了")
    assert (await env.happens(lure(3)))[0]["result"] == "duplicate"
    assert len(await sato.cards("ts-live")) == 1
    row = await env.queries.case(case)
    assert row is not None
    assert row["alerts"] == 5


async def test_a_new_alert_after_the_end_opens_a_new_case(env: Environment) -> None:
    """The closed card does not change."""
    sato = await env.person("U0SATO")
    await env.happens(lure(1))
    card, first = await case_of(sato)
    await sato.press(card, "case.clear")
    closed = await sato.wait_text(card, "完了")
    await env.wait_kind(first, "case_closed")
    await env.happens(lure(2))
    new = await sato.wait_card("ts-live", lambda c: c["ts"] != card["ts"])
    assert new["metadata"]["event_payload"]["case"] != first
    assert visible_text(await sato.latest(card)) == visible_text(closed)


async def test_a_click_on_a_closed_case_names_who_closed_it(env: Environment) -> None:
    """A click on an old card changes nothing."""
    sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
    await env.happens(lure())
    old, case = await case_of(sato)
    await sato.press(old, "case.clear")
    await sato.wait_text(old, "完了")
    await env.wait_kind(case, "case_closed")
    await clark.press(old, "case.claim")
    answers = await clark.until(lambda: clark.ephemerals("ts-live"), what="the refusal")
    assert "佐藤" in answers[-1]["text"]
    assert await env.changes() == []


async def test_an_undo_after_the_end(env: Environment) -> None:
    """The card keeps its place and shows the undo."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "24時間コメント制限")
    card = await sato.wait_text(card, "完了")
    await env.wait_kind(case, "case_closed")
    await sato.press(card, "action.undo")
    await sato.wait_text(card, "取り消し済み")
    assert (await env.thing("users", "u_123"))["muted"] is False
    assert await env.changes() == [
        ("POST", "users/u_123/mutes"),
        ("DELETE", f"users/u_123/mutes/{case}"),
    ]


async def test_an_auditor_sees_everything_and_changes_nothing(env: Environment) -> None:
    """The refusal names people with the right."""
    suzuki = await env.person("U0SUZUKI")
    await env.happens(lure())
    card, case = await case_of(suzuki)
    await suzuki.press(card, "case.claim")
    answers = await suzuki.until(lambda: suzuki.ephemerals("ts-live"), what="the refusal")
    assert "スペシャリスト" in answers[-1]["text"]
    assert await env.kinds(case) == ["case_opened"]


async def test_an_unknown_kind_is_taken_by_the_catch_all(env: Environment) -> None:
    """The catch-all playbook opens the case."""
    sato = await env.person("U0SATO")
    strange = alert("x-1", "brand_new", ("user", "u_7"), ("謎", "Riddle"), score=0.5)
    assert (await env.happens(scene([strange], [user("u_7")])))[0]["result"] == "accepted"
    card = await sato.wait_card("ts-live", "u_7")
    assert "その他の検知" in visible_text(card)


async def test_the_thread_has_every_event(env: Environment) -> None:
    """Each event is one line with its person, without a mention."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, _ = await case_of(sato)
    await sato.press(card, "担当する")
    card = await sato.wait_text(card, "佐藤")
    await sato.press(card, "24時間コメント制限")
    await sato.wait_text(card, "完了")

    async def complete() -> bool:
        return "完了" in "\n".join(visible_text(m) for m in await sato.thread(card))

    await sato.until(complete, what="the end of the story")
    assert env.sandbox.workspace.notifications == []


async def test_nothing_of_an_alert_can_mention_link_or_format(env: Environment) -> None:
    """Hostile text of the detector is escaped."""
    sato = await env.person("U0SATO")
    bad = "<!channel> <@U0SATO> *太字* https://evil.example/x <https://e.example|here> \u202e"
    hostile = alert(
        "bad-1",
        "off_platform",
        ("user", "../../admin?x=1 %00"),
        (bad[:150], bad[:150]),
        score=0.99,
        text=bad * 300,
        viewers=5000,
    )
    assert (await env.happens(scene([hostile])))[0]["result"] == "accepted"
    card = await sato.wait_card("ts-live", "admin")
    assert "https://" not in visible_text(card)
    assert env.sandbox.workspace.notifications == []
    await sato.press(card, "24時間コメント制限")
    await sato.wait_text(card, "（404）")
    paths = [call["path"] for call in env.sandbox.market.calls() if call["method"] == "POST"]
    assert set(paths) == {"/market/v1/users/..%2F..%2Fadmin%3Fx%3D1%20%2500/mutes"}
