"""Modals for hand over, hold, note, question, reopen and merge, over real HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.services.cases import Past
from deploy.sandbox.slack.blockkit.values import options_of
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import controls, visible_text
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import CASE, NOW, ROUTE, case, line
from workflows.domain.case.commands import (
    AddNote,
    AnswerApprover,
    AskRequester,
    HandOver,
    Merge,
    Place,
    Reopen,
    Snooze,
    SnoozeDetector,
    Wait,
)
from workflows.domain.case.model import Phase
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.people import Actor

SATO = {"by": Actor(id="U0SATO"), "version": 3}
OTHER = "K11111111"
HOUR = timedelta(hours=1)


async def open_(env: SlackEnvironment, user: str, name: str) -> Person:
    """The modal of a menu entry, or of a button of the approval card."""
    person = env.person(user)
    if name.startswith("approval."):
        await person.press(await env.message(person, env.card()), name)
    else:
        card = await env.message(person, env.card(entries=((name, name),)))
        await person.choose_overflow(card, f"{name}:{CASE}:3")
    await person.modal()
    return person


def at(moment: datetime) -> int:
    return int(moment.timestamp())


SENT = [
    (
        "handover",
        {"person": "U0CLARK", "note": " 本人に確認済み "},
        HandOver(**SATO, to=Actor(id="U0CLARK"), note="本人に確認済み"),
    ),
    ("snooze", {"until": at(NOW + HOUR)}, Snooze(**SATO, until=NOW + HOUR)),
    ("snooze", {"lasts": "30m"}, Snooze(**SATO, until=NOW + HOUR / 2)),
    (
        "snooze_detector",
        {"lasts": "8h", "reason": " 店の定型文 "},
        SnoozeDetector(**SATO, detector="chat", lasts=8 * HOUR, reason="店の定型文"),
    ),
    ("wait", {"note": "配信者の返事"}, Wait(**SATO, note="配信者の返事")),
    (
        "wait",
        {"note": "配信者の返事", "until": at(NOW + HOUR)},
        Wait(**SATO, note="配信者の返事", until=NOW + HOUR),
    ),
    ("note", {"note": "3件目"}, AddNote(**SATO, note="3件目")),
    ("merge", {"into": "ｋ1111111l"}, Merge(**SATO, into=OTHER)),
    (
        "approval.ask",
        {"question": "どの配信ですか"},
        AskRequester(**SATO, question="どの配信ですか"),
    ),
    ("approval.answer", {"answer": "s_9 です"}, AnswerApprover(**SATO, answer="s_9 です")),
]


@pytest.mark.parametrize(("name", "answers", "command"), SENT)
async def test_a_modal_sends_its_command(env: SlackEnvironment, name, answers, command):
    """The input is one command, and the modal closes."""
    sato = await open_(env, "U0SATO", name)
    assert await sato.fill_and_submit(answers) == {"ok": True}
    [(workflow_id, click)] = env.cases.clicks
    assert (workflow_id, click.case, click.command) == (ROUTE, CASE, command)
    assert click.place == Place(channel="C0LIVE")
    assert await sato.views() == []


@pytest.mark.parametrize(
    ("name", "answers", "errors"),
    [
        ("handover", {"person": "U0CLARK", "note": " "}, {"note": "内容を書いてください。"}),
        (
            "handover",
            {"person": "<!channel>", "note": "a"},
            {"person": "引き継ぐ相手を選んでください。"},
        ),
        ("snooze", {}, {"until": "時間か日時を選んでください。"}),
        (
            "snooze",
            {"lasts": "1h", "until": at(NOW + HOUR)},
            {"until": "時間と日時は、どちらか一方だけ選んでください。"},
        ),
        (
            "snooze",
            {"until": at(NOW)},
            {"until": "この日時は過ぎています。これからの日時を選んでください。"},
        ),
        (
            "snooze",
            {"until": at(NOW + timedelta(days=31))},
            {"until": "保留にできるのは最長 30日です。"},
        ),
        (
            "wait",
            {"note": "\n", "until": at(NOW - HOUR)},
            {
                "note": "内容を書いてください。",
                "until": "この日時は過ぎています。これからの日時を選んでください。",
            },
        ),
        (
            "snooze_detector",
            {"lasts": "1h", "reason": "　"},
            {"reason": "抑止する理由を書いてください。"},
        ),
        ("note", {"note": "　"}, {"note": "内容を書いてください。"}),
        (
            "merge",
            {"into": "K123"},
            {"into": "ケースの ID を指定してください（例: K7Q2F9XM0）。"},
        ),
        (
            "merge",
            {"into": CASE},
            {"into": "同じケースには統合できません。別のケースを選んでください。"},
        ),
        ("approval.ask", {"question": " "}, {"question": "質問を書いてください。"}),
        ("approval.answer", {"answer": " "}, {"answer": "回答を書いてください。"}),
    ],
)
async def test_errors_are_under_their_fields(env: SlackEnvironment, name, answers, errors):
    """Nothing is sent, and the input stays."""
    sato = await open_(env, "U0SATO", name)
    assert await sato.fill_and_submit(answers) == {"ok": False, "errors": errors}
    assert env.cases.clicks == []
    assert len(await sato.views()) == 1


@pytest.mark.parametrize(("name", "answers", "command"), SENT)
async def test_input_survives_temporal_being_out_of_reach(
    env: SlackEnvironment, name, answers, command
):
    """A field has an error, and the next submission has the same id."""
    sato = await open_(env, "U0SATO", name)
    env.cases.away = True
    done = await sato.fill_and_submit(answers)
    assert list(done["errors"].values()) == [
        "いまは受け付けられませんでした。入力は残っています。もう一度送信してください。"
    ]
    env.cases.away = False
    assert (await sato.fill_and_submit({}))["ok"] is True
    assert env.cases.clicks[0][1].command == command


async def test_a_second_delivery_of_a_quick_choice_is_the_same_click(env: SlackEnvironment):
    """A relative time gives another end a second later, but the same submission."""
    sato = await open_(env, "U0SATO", "snooze")
    view = env.workspace.views.find((await sato.modal())["id"])
    for _ in range(2):
        env.workspace.views.stacks["U0SATO"] = [view]
        await sato.fill_and_submit({"lasts": "30m"})
        env.now += timedelta(seconds=1)
    assert len(env.cases.clicks) == 2
    assert len({click.id for _, click in env.cases.clicks}) == 1


async def test_a_modal_speaks_its_readers_language(env: SlackEnvironment):
    """Emma reads English in a Japanese channel."""
    emma = await open_(env, "U0CLARK", "snooze")
    view = await emma.modal()
    assert (view["title"]["text"], view["submit"]["text"]) == ("Put on hold", "Put on hold")
    soon = next(control for control in controls(view) if control.block_id == "lasts")
    assert [option["text"]["text"] for option in options_of(soon.element)] == [
        "for 15 minutes",
        "for 30 minutes",
        "for 1 hour",
        "for 3 hours",
    ]
    assert f"{CASE} · Off-platform inducement · User u_123" in visible_text(view)


async def test_merge_offers_the_subjects_other_open_cases(env: SlackEnvironment):
    """Neither the case itself nor closed cases are offered."""
    env.ledger.pasts["user:u_123"] = Past(
        cases=(line(OTHER), line(CASE), line("K22222222", phase=Phase.CLOSED))
    )
    sato = await open_(env, "U0SATO", "merge")
    into = next(c for c in controls(await sato.modal()) if c.block_id == "into")
    assert [(o["value"], o["text"]["text"]) for o in options_of(into.element)] == [
        (OTHER, f"{OTHER} · 対応中 · 外部誘導")
    ]
    await sato.fill_and_submit({"into": OTHER})
    assert env.cases.clicks[0][1].command == Merge(**SATO, into=OTHER)


async def test_merge_takes_an_id_where_the_ledger_is_away(env: SlackEnvironment):
    """The id can be typed."""
    env.ledger.away = True
    sato = await open_(env, "U0SATO", "merge")
    await sato.fill_and_submit({"into": OTHER})
    assert env.cases.clicks[0][1].command == Merge(**SATO, into=OTHER)


async def test_a_closed_case_takes_notes_and_can_be_reopened(env: SlackEnvironment):
    """Its workflow has ended; the click starts it again."""
    env.cases.memories.clear()
    sato = await open_(env, "U0SATO", "note")
    assert await sato.fill_and_submit({"note": "後日の連絡"}) == {"ok": True}
    sato = await open_(env, "U0SATO", "reopen")
    refused = await sato.fill_and_submit({"reason": " "})
    assert refused["errors"] == {"reason": "再開する理由を書いてください。"}
    assert (await sato.fill_and_submit({"reason": "新しい証拠"}))["ok"] is True
    assert [click.command for _, click in env.cases.clicks] == [
        AddNote(**SATO, note="後日の連絡"),
        Reopen(**SATO, reason="新しい証拠"),
    ]


@pytest.mark.parametrize("name", ["handover", "snooze", "wait", "merge"])
async def test_a_form_for_a_closed_case_does_not_open(env: SlackEnvironment, name):
    """Its workflow has ended, or runs for another reason."""
    closed = case().model_copy(update={"phase": Phase.CLOSED})
    for memories in ({}, {f"case/{CASE}": CaseSnapshot(case=closed)}):
        env.cases.memories = memories
        person = env.person("U0SATO")
        card = await env.message(person, env.card(entries=((name, name),)))
        await person.choose_overflow(card, f"{name}:{CASE}:3")
        told = await env.ephemeral(person)
        assert told == f"ケース {CASE} はすでに完了しています。最新のカードを確認してください。"
        assert await person.views() == []


async def test_an_undo_that_waits_is_found_where_its_case_woke_up(env: SlackEnvironment):
    """The card's workflow id may belong to the next case already."""
    closed = case().model_copy(update={"phase": Phase.CLOSED})
    env.cases.memories = {
        ROUTE: CaseSnapshot(case=case("K99999999")),
        f"case/{CASE}": CaseSnapshot(case=closed),
    }
    reed = await open_(env, "U0REED", "approval.ask")
    assert await reed.fill_and_submit({"question": "Why?"}) == {"ok": True}
    assert env.cases.clicks[0][1].case == CASE


async def test_an_invalid_time_is_refused(env: SlackEnvironment):
    """Slack sends Unix seconds, and only those are accepted."""
    sato = await open_(env, "U0SATO", "snooze")
    for until in (10**18, "soon", -1):
        done = await sato.fill_and_submit({"until": until})
        assert set(done["errors"]) == {"until"}
    assert env.cases.clicks == []
    assert datetime.fromtimestamp(at(NOW), UTC) == NOW
