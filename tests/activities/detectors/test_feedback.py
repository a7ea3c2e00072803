"""Webhooks with verdicts: content, signature, answers, and what a failing receiver gets."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from activities.detector_runs import FeedbackActivities
from activities.detectors.feedback import Receiver, content_of, open_webhooks, post
from deploy.sandbox.feedback import FeedbackReceiver, feedback_routes
from deploy.sandbox.serve import serving
from tests.workflows.domain.builders import a_message, minutes
from workflows.domain.detection import Message
from workflows.domain.feedback import (
    FeedbackMessage,
    FeedbackProblem,
    FeedbackProblemKind,
    FeedbackRound,
)
from workflows.domain.people import Role
from workflows.domain.policy.detectors import Detector
from workflows.domain.values import Text
from workflows.ports.detectors import FeedbackAsk, FeedbackDone


def secret_of(letter: str) -> str:
    """A webhook secret of 32 equal bytes."""
    return "whsec_" + base64.b64encode(letter.encode() * 32).decode()


OLD, NEW = secret_of("o"), secret_of("n")
ASK = FeedbackAsk(detector="legacy", at=minutes(60))


def message(number: int = 1) -> FeedbackMessage:
    """A violation by alert `number`."""
    return a_message(f"e-{number}")


@dataclass
class Waiting:
    """Messages in memory, as the ledger has them."""

    messages: list[FeedbackMessage]
    done: list[str] = field(default_factory=list)
    problems: list[FeedbackProblem] = field(default_factory=list)

    async def due(self, detector: str, at: object, most: int) -> tuple[FeedbackMessage, ...]:
        return tuple(self.messages)

    async def delivered(self, sent: FeedbackMessage, at: object) -> None:
        self.done.append(sent.alert_id)

    async def failed(self, sent: FeedbackMessage, at: object, problem: FeedbackProblem) -> None:
        self.problems.append(problem)

    async def deaths(self, detector: str, at: object) -> int:
        return sum(each.kind is FeedbackProblemKind.GONE for each in self.problems)

    async def untried(self, at: object) -> tuple[str, ...]:
        return ()

    async def next_at(self, detector: str) -> object:
        return minutes(61) if self.problems else None


async def sent(waiting: Waiting, receiver: Receiver | FeedbackProblem) -> FeedbackDone:
    """The result of one round."""
    titled = Detector(detector="legacy", title=Text(ja="決済の検知", en="Payments"))
    async with open_webhooks() as http:
        made = FeedbackActivities(
            waiting,  # type: ignore[arg-type]
            partial(post, http),
            lambda _: receiver,
            lambda: {"legacy": titled},
        )
        return await made.send_feedback(ASK)


class Front:
    """A server with a receiver that is chosen by the test."""

    def __init__(self, url: str, receiver: FeedbackReceiver) -> None:
        self.url, self.receiver = url, receiver
        self.asked: list[str] = []

    async def round(
        self, waiting: Waiting, path: str = "/feedback/legacy", secrets: tuple[str, ...] = (NEW,)
    ) -> FeedbackRound:
        """One round for these messages."""
        return (await sent(waiting, Receiver(f"{self.url}{path}", secrets))).round


@pytest.fixture
async def front() -> AsyncIterator[Front]:
    """A receiver that verifies with the new secret."""
    receiver, app = FeedbackReceiver(NEW), FastAPI()
    app.include_router(feedback_routes(receiver))
    async with serving(app, 0) as url:
        made = Front(url, receiver)
        _odd_routes(app, made)
        yield made


def _odd_routes(app: FastAPI, front: Front) -> None:
    async def moved(request: Request) -> Response:
        return RedirectResponse(f"{front.url}/feedback/legacy", 307)

    async def endless(request: Request) -> Response:
        async def drips() -> AsyncIterator[bytes]:
            while True:
                front.asked.append("chunk")
                yield b"x" * 4096
                await asyncio.sleep(0)  # a response that is cut is cancelled here

        return StreamingResponse(drips(), 200)

    async def cookies(request: Request) -> Response:
        front.asked.append(request.headers.get("cookie", "no cookie"))
        return Response(status_code=204)

    app.add_route("/cookies", cookies, methods=["POST"])
    app.add_route("/moved", moved, methods=["POST"])
    app.add_route("/endless", endless, methods=["POST"])


def test_a_message_has_nothing_about_people() -> None:
    """Neither who decided nor why; what a detector needs is there."""
    assert json.loads(content_of(message())) == {
        "type": "alert.judged",
        "timestamp": "2026-11-23T03:01:00Z",
        "data": {
            "detector": "legacy",
            "alert": "e-1",
            "kind": "phishing",
            "subject": {"type": "user", "id": "u_123"},
            "case": "K7Q2F9XM0",
            "version": 4,
            "verdict": "violation",
            "clause": "MKT-4.2",
            "decided_at": "2026-11-23T03:01:00Z",
            "source": "decision",
            "auto": False,
            "overturned": False,
        },
    }


async def test_messages_are_signed_and_delivered_in_order(front: Front) -> None:
    """The receiver verifies them with its secret."""
    waiting = Waiting([message(1), message(2)])
    assert await front.round(waiting) == FeedbackRound(delivered=2)
    assert waiting.done == ["e-1", "e-2"]
    assert [each.id for each in front.receiver.deliveries] == [message(1).id, message(2).id]
    assert front.receiver.standing("e-2") == json.loads(content_of(message(2)))["data"]


async def test_both_secrets_sign_during_rotation(front: Front) -> None:
    """A receiver with either of them takes the message."""
    assert (await front.round(Waiting([message()]), secrets=(OLD, NEW))).delivered == 1
    wrong = Waiting([message()])
    assert (await front.round(wrong, secrets=(OLD,))).failed
    assert wrong.problems == [FeedbackProblem(kind=FeedbackProblemKind.REFUSED, status=401)]


async def test_a_repeated_message_has_the_same_id(front: Front) -> None:
    """A receiver that was asked twice keeps it once."""
    for _ in range(2):
        await front.round(Waiting([message()]))
    assert [each.id for each in front.receiver.deliveries] == [message().id] * 2
    assert len(front.receiver.taken) == 1


@pytest.mark.parametrize("status", [400, 404, 422, 429, 500, 503])
async def test_a_receiver_that_fails_gets_no_further_message(front: Front, status: int) -> None:
    """The others wait with it; its Retry-After counts."""
    front.receiver.status, front.receiver.headers = status, {"Retry-After": "120"}
    waiting = Waiting([message(1), message(2)])
    done = await front.round(waiting)
    assert done == FeedbackRound(failed=True, wanted=timedelta(seconds=120), next_at=minutes(61))
    assert waiting.problems == [FeedbackProblem(kind=FeedbackProblemKind.REFUSED, status=status)]
    assert (len(front.receiver.deliveries), front.receiver.taken) == (1, {})


async def test_a_receiver_that_is_gone_is_asked_for_each_message(front: Front) -> None:
    """410 ends a message, and is no failure of the receiver."""
    front.receiver.status = 410
    waiting = Waiting([message(1), message(2)])
    assert not (await front.round(waiting)).failed
    gone = FeedbackProblem(kind=FeedbackProblemKind.GONE, status=410)
    assert waiting.problems == [gone, gone]


async def test_the_owner_hears_of_dead_messages_once_a_day(front: Front) -> None:
    """A repeated attempt brings the message again, under the same key."""
    front.receiver.status = 410
    waiting, receiver = (
        Waiting([message(1), message(2)]),
        Receiver(f"{front.url}/feedback/x", (NEW,)),
    )
    first = (await sent(waiting, receiver)).message
    assert first is not None
    assert (first.message, first.count, first.owner) == (Message.UNDELIVERED, 2, Role.LEAD)
    assert first.key == "legacy/undelivered/2026-11-23"
    waiting.messages = []
    again = (await sent(waiting, receiver)).message
    assert again == first


async def test_a_receiver_gets_no_cookie_of_another_one(front: Front) -> None:
    """Several receivers may have one host; nor does a message go through a proxy."""
    front.receiver.headers = {"Set-Cookie": "theirs=1; Path=/"}
    async with open_webhooks() as http:
        for path in ("/feedback/legacy", "/feedback/other", "/cookies"):
            await post(http, Receiver(f"{front.url}{path}", (NEW,)), message())
        assert list(http.cookies.jar) == []
    assert front.asked == ["no cookie"]


async def test_a_proxy_of_the_machine_is_not_used(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address of the variable is the one that gets the message."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert (await front.round(Waiting([message()]))).delivered == 1


async def test_a_redirect_is_not_followed(front: Front) -> None:
    """Another address must not get the message."""
    waiting = Waiting([message()])
    assert (await front.round(waiting, "/moved")).failed
    assert waiting.problems == [FeedbackProblem(kind=FeedbackProblemKind.REFUSED, status=307)]
    assert front.receiver.deliveries == []


async def test_an_answer_without_end_is_cut(front: Front) -> None:
    """Its status counts: the message has arrived."""
    waiting = Waiting([message()])
    assert (await front.round(waiting, "/endless")).delivered == 1
    assert waiting.done == ["e-1"]
    assert len(front.asked) < 1000


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://[::1", "http://nowhere.invalid"])
async def test_a_receiver_that_does_not_answer_is_tried_again(url: str) -> None:
    """The message waits, whatever is wrong with the address."""
    waiting = Waiting([message()])
    done = await sent(waiting, Receiver(url, (NEW,)))
    assert (done.round.failed, done.message) == (True, None)
    assert waiting.problems == [FeedbackProblem(kind=FeedbackProblemKind.NO_ANSWER)]


async def test_a_detector_without_an_address_keeps_its_messages() -> None:
    """They are sent once the variable is set."""
    waiting = Waiting([message()])
    problem = FeedbackProblem(kind=FeedbackProblemKind.NO_ADDRESS)
    assert (await sent(waiting, problem)).round.failed
    assert (waiting.problems, waiting.done) == ([problem], [])


def test_a_forged_message_is_refused() -> None:
    """The stand-in verifies, as the other tests rely on it."""
    receiver = FeedbackReceiver(NEW)
    headers = {"webhook-id": "fb_1", "webhook-timestamp": "1", "webhook-signature": "v1,bm8="}
    assert receiver.take("legacy", headers, b"{}") == 401
    assert receiver.taken == {}
