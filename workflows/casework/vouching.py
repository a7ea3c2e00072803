"""Finding out who pressed: roles are asked for where the command is decided, never believed."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows import ports
from workflows.domain.appealing.commands import AppealClick
from workflows.domain.commands import Click
from workflows.domain.people import Actor, Role

_TWICE = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=2)
_PATIENTLY = RetryPolicy(maximum_interval=timedelta(seconds=10))
_WAITS = timedelta(minutes=10)
"""How long a click waits for Slack to tell its person's roles, before it is refused in words."""


C = TypeVar("C", Click, AppealClick)


@dataclass(frozen=True)
class Vouched(Generic[C]):
    """A click whose person's roles are known."""

    click: C


async def vouched_soon(click: C) -> Vouched[C]:
    """Asks the worker's cache, nearly always. Raises `FailureError`."""
    roles = await workflow.execute_local_activity(
        ports.roles_of,
        click.command.by.id,
        start_to_close_timeout=timedelta(seconds=5),
        retry_policy=_TWICE,
    )
    return _with(click, roles)


async def vouched_at_last(click: C) -> Vouched[C]:
    """Asks for as long as a click may wait. Raises `FailureError`."""
    roles = await workflow.execute_activity(
        ports.roles_of,
        click.command.by.id,
        start_to_close_timeout=timedelta(seconds=10),
        schedule_to_close_timeout=_WAITS,
        retry_policy=_PATIENTLY,
    )
    return _with(click, roles)


def _with(click: C, roles: tuple[Role, ...]) -> Vouched[C]:
    actor = Actor(id=click.command.by.id, roles=frozenset(roles))
    return Vouched(
        click.model_copy(update={"command": click.command.model_copy(update={"by": actor})})
    )
