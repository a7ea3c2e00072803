"""`/koban detector`, and the gaps in detection on Home and in the statistics."""

import pytest

from activities.ledger.detectors import DetectorRun
from bot.services.detectors import DetectorLine
from deploy.sandbox.slack.screen import visible_text
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import NOW
from tests.slack_shapes.surfaces.harness import SHILL
from tests.workflows.domain.builders import a_message
from workflows.domain.detection import (
    DetectorState,
    JunkRow,
    RunProblem,
    RunProblemKind,
    RunResult,
    Window,
)
from workflows.domain.feedback import (
    FeedbackCount,
    FeedbackProblem,
    FeedbackProblemKind,
)
from workflows.domain.policy.detectors import Detector

TITLE = {"ja": "吊り上げの疑い", "en": "Shill bidding"}
DETECTOR = Detector.model_validate({**SHILL, "title": TITLE})
STATE = DetectorState(detector="shill", seen_at=NOW)
BROKEN = STATE.model_copy(
    update={
        "failures": 2,
        "retry_at": NOW,
        "problem": RunProblem(kind=RunProblemKind.NO_COLUMN, detail="bidder"),
    }
)
CHAT = DetectorLine(detector=Detector(detector="chat"), state=DetectorState(detector="chat"))


def shill(state: DetectorState = STATE, paused: bool = False) -> DetectorLine:
    """The SQL detector in this state."""
    return DetectorLine(detector=DETECTOR, state=state, paused=paused)


async def test_the_list_begins_with_what_fails(env: SlackEnvironment) -> None:
    """Each detector has one line."""
    env.detectors.known = [CHAT, shill(BROKEN)]
    told = await env.command(env.person("U0SATO"), "/koban detector")
    lines = told.splitlines()
    assert lines[0] == "*検知器*"
    assert lines[1].startswith("• 吊り上げの疑い（`shill`） · ⚠️ クエリが失敗しています")
    assert lines[2] == "• `chat` · まだ何も届いていません"


async def test_one_detector_shows_its_runs_and_the_rows_it_could_not_use(
    env: SlackEnvironment,
) -> None:
    """By its name or its title."""
    junk = JunkRow(row=3, field="id", reason="Field required <!channel>")
    result = RunResult(rows=3, alerts=1, duplicates=1, junk=1, examples=(junk,))
    window = Window(since=NOW, until=NOW)
    run = DetectorRun(detector="shill", at=NOW, window=window, result=result, seconds=0.1)
    env.detectors.known, env.detectors.history = [shill()], [run]
    for name in ("shill", "吊り上げの疑い"):
        told = await env.command(env.person("U0CLARK"), f"/koban detector {name}")
        assert "rows: 3 · new alerts: 1 · known: 1 · unusable: 1" in told
        assert "row 3, `id`: Field required" in told
        assert "<!channel>" not in told
        assert "Next run: " in told


@pytest.mark.parametrize(
    ("user", "typed", "line", "told"),
    [
        ("U0SUZUKI", "detector shill run", shill(), "クエリを実行できるのは"),
        ("U0CLARK", "detector chat run", CHAT, "`chat` has no query to run."),
        ("U0SATO", "detector shill run", shill(paused=True), "吊り上げの疑い（`shill`） は停止中"),
        ("U0CLARK", "detector shil run", shill(), "`/koban detector shil` is not a command. Did"),
        ("U0CLARK", "detector nope", shill(), "*Detectors*\n• `/koban detector shill`"),
        ("U0CLARK", "detector shill run fast", shill(), "Something is missing."),
    ],
)
async def test_what_can_not_be_run_is_not_run(
    env: SlackEnvironment, user: str, typed: str, line: DetectorLine, told: str
) -> None:
    """The answer says why."""
    env.detectors.known = [line]
    said = await env.command(env.person(user), f"/koban {typed}")
    assert said.startswith(told), said
    assert env.detectors.ran == []


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (RunResult(rows=2, alerts=2), "2行 · 新規 2件 · 検知済み 0件 · 不備 0件"),
        (None, "を実行しています。"),
        (RunResult(problem=BROKEN.problem), "を実行できませんでした：結果に列 bidder がありません"),
    ],
)
async def test_a_run_is_answered_with_its_result(
    env: SlackEnvironment, result: RunResult | None, told: str
) -> None:
    """One that takes long goes on."""
    env.detectors.known, env.detectors.result = [shill()], result
    assert told in await env.command(env.person("U0SATO"), "/koban detector shill 実行")
    assert env.detectors.ran == ["shill"]


PROBLEM = FeedbackProblem(kind=FeedbackProblemKind.REFUSED, status=503)
UNDELIVERED = CHAT.model_copy(
    update={
        "feedback": FeedbackCount(
            detector="chat", waiting=3, dead=1, oldest=NOW, problem=PROBLEM, next_at=NOW
        )
    }
)


async def test_undelivered_verdicts_are_named(env: SlackEnvironment) -> None:
    """In the list by their number, in the page of the detector with the last dead ones."""
    env.detectors.known, env.detectors.dead = (
        [UNDELIVERED],
        [a_message("a1 <!channel>", problem=PROBLEM)],
    )
    listed = await env.command(env.person("U0TANAKA"), "/koban detector")
    assert "⚠️ 判断結果の通知: 送信待ち 3件 · 未達 1件" in listed
    page = await env.command(env.person("U0SATO"), "/koban detector chat")
    assert "直近の失敗: 送信先の応答は 503 でした" in page
    assert "（ケース `K7Q2F9XM0`）: 送信先の応答は 503 でした" in page
    assert "`/koban detector chat resend`" in page
    assert "<!channel>" not in page


@pytest.mark.parametrize(
    ("user", "typed", "number", "told", "resent"),
    [
        ("U0SATO", "再送", 4, "`chat` への判断結果 4件を再送します。", ["chat"]),
        ("U0CLARK", "resend", 1, "Sending 1 verdict to `chat` again.", ["chat"]),
        ("U0SATO", "resend", 0, "`chat` に再送する判断結果はありません。", ["chat"]),
        ("U0SUZUKI", "resend", 4, "再送できるのは", []),
    ],
)
async def test_verdicts_are_sent_again_by_who_works_cases(
    env: SlackEnvironment, user: str, typed: str, number: int, told: str, resent: list[str]
) -> None:
    """A refused request has no effect."""
    env.detectors.known, env.detectors.undelivered = [UNDELIVERED], number
    said = await env.command(env.person(user), f"/koban detector chat {typed}")
    assert said.startswith(told), said
    assert env.detectors.resent == resent


async def test_gaps_are_on_home_and_in_the_statistics(env: SlackEnvironment) -> None:
    """A paused query is none: somebody wanted it."""
    sato = env.person("U0SATO")
    env.detectors.known = [shill(BROKEN)]
    assert "検知が止まっています" in await env.command(sato, "/koban stats")

    async def drawn() -> bool:
        return "検知が止まっています" in visible_text(await sato.home())

    await sato.until(drawn, what="the gap on Home")
    env.detectors.known = [shill(BROKEN, paused=True)]
    await sato.command("/koban stats")

    async def gone() -> bool:
        found = await sato.ephemerals("ts-live")
        return len(found) == 2 and "検知が止まっています" not in visible_text(found[-1])

    await sato.until(gone, what="statistics without a gap")
