"""Making changes at the platform and reading them back, as the workflows ask for it."""

from datetime import UTC, datetime

from pydantic import JsonValue
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.platform.client import Platform
from activities.platform.errors import Refused, TryAgain, UnusableSubject
from activities.platform.template import fill_json, fill_path
from workflows.conditions import holds
from workflows.domain.enforcement import ActionStatus, Problem, ProblemKind, idempotency_key
from workflows.domain.playbook.actions import Call, Verify
from workflows.ports import Direction, Order, Result


class PlatformActivities:
    """The activities of the platform's queue."""

    def __init__(self, platform: Platform) -> None:
        """`platform` is where the changes are made."""
        self._platform = platform

    @activity.defn(name="carry_out")
    async def carry_out(self, order: Order) -> Result:
        """Makes (or takes back) one change and reads it back once."""
        undo = order.direction is Direction.UNDO
        call = order.spec.undo if undo else order.spec.request
        if call is None:
            return _failed(ProblemKind.NO_UNDO)
        try:
            await self._change(order, call)
        except TryAgain as error:
            raise retryable(error) from error
        except Refused as error:
            return _failed(ProblemKind.REFUSED, error.status)
        except UnusableSubject:
            return _failed(ProblemKind.UNUSABLE_SUBJECT)
        if undo:
            return Result(status=ActionStatus.UNDONE)
        return await self._first_look(order)

    @activity.defn(name="read_back")
    async def read_back(self, order: Order) -> Result:
        """Reads a change back: VERIFIED or DRIFTED."""
        assert order.spec.verify is not None
        try:
            matches = await self._shows(order, order.spec.verify)
        except TryAgain as error:
            raise retryable(error) from error
        except (Refused, UnusableSubject):
            matches = False
        return Result(status=ActionStatus.VERIFIED if matches else ActionStatus.DRIFTED)

    async def _change(self, order: Order, call: Call) -> None:
        undo = order.direction is Direction.UNDO
        values = _values(order)
        body: JsonValue = None if call.json_ is None else fill_json(dict(call.json_), values)
        path = fill_path(call.path, {name: value or "" for name, value in values.items()})
        key = idempotency_key(order.case, order.decision, order.planned, undo)
        await self._platform.change(call.method, path, body, key, order.actor)

    async def _first_look(self, order: Order) -> Result:
        """VERIFIED where the platform shows it at once; DONE leaves the rest to `read_back`."""
        done = Result(status=ActionStatus.DONE)
        if order.spec.verify is None:
            return done
        try:
            shown = await self._shows(order, order.spec.verify)
        except (TryAgain, Refused, UnusableSubject):
            return done
        return Result(status=ActionStatus.VERIFIED) if shown else done

    async def _shows(self, order: Order, verify: Verify) -> bool:
        values = _values(order)
        path = fill_path(verify.path, {name: value or "" for name, value in values.items()})
        response = await self._platform.read(path)
        subject = order.planned.subject.model_dump()
        return holds(
            verify.expect,
            {"response": response, "subject": subject, "case": {"id": order.case}},
        )


def _values(order: Order) -> dict[str, str | None]:
    until = None if order.until is None else _iso(order.until)
    return {
        "subject.id": order.planned.subject.id,
        "subject.type": order.planned.subject.type,
        "case.id": order.case,
        "decision.id": order.decision,
        "actor": order.actor or "koban",
        "until": until,
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _failed(kind: ProblemKind, status: int | None = None) -> Result:
    return Result(status=ActionStatus.FAILED, problem=Problem(kind=kind, status=status))


def retryable(error: TryAgain) -> ApplicationError:
    """What Temporal tries again, after as long as the platform asked for."""
    problem = Problem(kind=ProblemKind.UNREACHABLE, status=error.status)
    return ApplicationError(
        str(error),
        problem.model_dump(mode="json"),
        type="PlatformUnavailable",
        next_retry_delay=error.wait,
    )
