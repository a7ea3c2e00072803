"""Dry run: tells what would have been asked of the platform. It has no way to reach it."""

import json

from temporalio import activity

from activities.platform.errors import UnusableSubject
from activities.platform.requests import Asked, asked_for
from workflows.domain.enforcement import ActionStatus, Problem, ProblemKind
from workflows.ports import Order, Result

MOST = 500
"""Characters of a request that a card can show."""


@activity.defn(name="rehearse")
async def rehearse(order: Order) -> Result:
    """The request of an order in one line: method, path and body."""
    try:
        asked = asked_for(order)
    except UnusableSubject:
        return Result(status=ActionStatus.FAILED, problem=_problem(ProblemKind.UNUSABLE_SUBJECT))
    if asked is None:
        return Result(status=ActionStatus.FAILED, problem=_problem(ProblemKind.NO_UNDO))
    return Result(status=ActionStatus.REHEARSED, would=_line(asked)[:MOST])


def _line(asked: Asked) -> str:
    body = "" if asked.body is None else json.dumps(asked.body, ensure_ascii=False)
    return f"{asked.method} {asked.path} {body}".strip()


def _problem(kind: ProblemKind) -> Problem:
    return Problem(kind=kind)
