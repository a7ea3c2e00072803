"""Finding out who pressed: roles are asked for where the command is decided, never believed."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows import ports
from workflows.casework.patience import quickly
from workflows.domain.commands import Click
from workflows.domain.people import Actor, Role

_PATIENTLY = RetryPolicy(maximum_interval=timedelta(seconds=10))
_WAITS = timedelta(minutes=10)
"""How long a click waits for Slack to tell its person's roles, before it is refused in words."""


@dataclass(frozen=True)
class Vouched:
    """A click whose person's roles are known."""

    click: Click


async def vouched_soon(click: Click) -> Vouched:
    """Asks the worker's cache, nearly always. Raises `FailureError`."""
    return _with(click, await quickly(ports.roles_of, click.command.by.id))


async def vouched_at_last(click: Click) -> Vouched:
    """Asks for as long as a click may wait. Raises `FailureError`."""
    roles = await workflow.execute_activity(
        ports.roles_of,
        click.command.by.id,
        start_to_close_timeout=timedelta(seconds=10),
        schedule_to_close_timeout=_WAITS,
        retry_policy=_PATIENTLY,
    )
    return _with(click, roles)


def _with(click: Click, roles: tuple[Role, ...]) -> Vouched:
    actor = Actor(id=click.command.by.id, roles=frozenset(roles))
    return Vouched(
        click.model_copy(update={"command": click.command.model_copy(update={"by": actor})})
    )
