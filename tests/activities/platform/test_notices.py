"""Notices to users: one idempotent request, with a path that an id can't change."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from temporalio.exceptions import ApplicationError

from activities.platform.activities import NoticeActivities
from activities.platform.client import Platform
from tests.timeouts import PLATFORM_TIMEOUT
from tests.workflows.domain.wording import WORDING
from workflows.domain.alerts import Subject
from workflows.domain.case.decision import Measure, PersonNotice
from workflows.domain.case.enforcement import Problem, ProblemKind
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.values import Text
from workflows.ports.appeals import Notice

CALL = NoticeCall.model_validate(
    {
        "path": "/v1/users/{subject.id}/notices",
        "json": {"kind": "{notice}", "text": {"ja": "{text.ja}", "en": "{text.en}"}},
    }
)


def a_notice(**more: Any) -> Notice:
    """A notice to u_123 that the decision is upheld."""
    given: dict[str, Any] = {
        "appeal": "A0123456789AB",
        "case": "K7Q2F9XM0",
        "decision": "D1",
        "kind": NoticeKind.UPHELD,
        "text": Text(ja="維持({appeal.id}): {reason}", en="{reason}"),
        "reason": "規約の {case.id} 項",
        "person": Subject(type="user", id="u_123"),
    }
    return Notice(**{**given, **more})


class Market:
    """A platform with a fixed status that records its requests."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(self.status, json={})


async def sent(
    status: int, notice: Notice, call: NoticeCall = CALL
) -> tuple[Problem | None, list[httpx.Request]]:
    """Result of a notice at a platform that answers with `status`."""
    market = Market(status)
    transport = httpx.MockTransport(market)
    async with httpx.AsyncClient(transport=transport, base_url="http://market") as http:
        return await NoticeActivities(
            Platform(http, PLATFORM_TIMEOUT), WORDING, lambda: call
        ).send_notice(notice), market.asked


async def test_the_texts_are_filled_in_and_the_reason_is_not_read_again() -> None:
    """Placeholders in a reviewer's text are not filled in."""
    problem, (asked,) = await sent(201, a_notice())
    assert problem is None
    assert asked.url.path == "/v1/users/u_123/notices"
    assert json.loads(asked.content) == {
        "kind": "upheld",
        "text": {"ja": "維持(A0123456789AB): 規約の {case.id} 項", "en": "規約の {case.id} 項"},
    }
    key = "K7Q2F9XM0/D1/notice/A0123456789AB/upheld"
    assert asked.headers["Idempotency-Key"] == key


async def test_a_refusal_is_a_problem_for_the_card() -> None:
    """The problem has the platform's status."""
    problem, _ = await sent(404, a_notice())
    assert problem == Problem(kind=ProblemKind.REFUSED, status=404)


async def test_an_outage_is_tried_again() -> None:
    """Temporal retries the notice."""
    with pytest.raises(ApplicationError):
        await sent(503, a_notice())


async def test_an_id_can_not_change_the_path() -> None:
    """An id is one path segment, or refused before any request."""
    _, (asked,) = await sent(201, a_notice(person=Subject(type="user", id="../bans")))
    assert asked.url.raw_path == b"/v1/users/..%2Fbans/notices"
    problem, calls = await sent(201, a_notice(person=Subject(type="user", id="..")))
    assert (problem, calls) == (Problem(kind=ProblemKind.UNUSABLE_SUBJECT), [])


async def test_the_notice_of_a_decision_has_the_actions_in_effect() -> None:
    """Texts are filled in once, and the key has the format of an action's key."""
    frame = Text(ja="{facts} {actions} {automation} \u202e", en="Facts")
    mute = Measure(title=Text(ja="制限", en="Mute"), lasts=timedelta(hours=1))
    facts = {"facts": Text(ja="事実 {reason}", en="Facts")}
    user = Subject(type="user", id="u_123")
    letter = PersonNotice(person=user, call=CALL, frame=frame, values=facts, done=(mute,))
    call = NoticeCall.model_validate(
        {
            "path": "/v1/users/{subject.id}/notices",
            "json": {"appeal": "{appeal.id}", "kind": "{notice}", "text": "{text.ja}"},
        }
    )
    told = a_notice(appeal="", kind=NoticeKind.DECISION, text=frame, letter=letter)
    problem, (asked,) = await sent(201, told, call)
    assert problem is None
    assert json.loads(asked.content) == {
        "appeal": None,
        "kind": "decision",
        "text": "事実 {reason} 制限（60分） 判断:person \ufffd",
    }
    assert asked.headers["Idempotency-Key"] == "K7Q2F9XM0/D1/notice/u_123"
