"""Platform activities: actions of the policy as HTTP calls, their check, dry runs and notices."""

import json
from collections.abc import Awaitable, Callable

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.errors import Unavailable
from activities.platform.client import Platform, Refused, TryAgain, Unclear, UnusableSubject
from activities.platform.requests import fill_json, fill_path, path_of, request_of
from workflows.conditions import holds
from workflows.domain.case.decision import NoticeWords, person_notice_text
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind
from workflows.domain.policy.actions import ActionSpec, Verify
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.values import Text, visible
from workflows.ports.appeals import Notice
from workflows.ports.cases import Direction, Order, Result

log = structlog.get_logger()

MOST = 500
"""Characters of a request that a card can show."""


SpecOf = Callable[[Order], Awaitable[ActionSpec | None]]
"""Finds the action of an order in its policy; None if there is none."""
Verifies = Callable[[Order], bool]
"""Whether a case decided an order."""
Pauses = Callable[[Order], Awaitable[bool]]
"""Whether a pause of automation concerns an order. Raises `Unavailable`."""


_NOT_THERE = frozenset({404, 410})
"""Statuses of an undo without anything to undo."""


class PlatformActivities:
    """Activities of the platform queue."""

    def __init__(
        self,
        platform: Platform,
        spec_of: SpecOf,
        verifies: Verifies,
        pauses: Pauses,
    ) -> None:
        self._platform = platform
        self._spec_of = spec_of
        self._verifies = verifies
        self._pauses = pauses

    @activity.defn(name="dry_run")
    async def dry_run(self, order: Order) -> Result:
        """The request of an order in one line: method, path and body."""
        spec = await self._spec_of(order)
        if spec is None:
            return _failed(ProblemKind.UNKNOWN_ACTION)
        try:
            request = request_of(order, spec)
        except UnusableSubject:
            return _failed(ProblemKind.UNUSABLE_SUBJECT)
        if request is None:
            return _failed(ProblemKind.NO_UNDO)
        body = "" if request.body is None else json.dumps(request.body, ensure_ascii=False)
        line = f"{request.method} {request.path} {body}".strip()
        return Result(status=ActionStatus.DRY_RUN, would=line[:MOST])

    @activity.defn(name="carry_out")
    async def carry_out(self, order: Order) -> Result:
        """Executes or undoes one action, and checks it once.

        It sends nothing without a proof, and nothing automatic while automation is paused.
        """
        if not self._is_decided(order):
            return _failed(ProblemKind.UNPROVEN)
        if order.automatic and await self._is_paused(order):
            log.warning("automatic_action_stopped", case=order.case, action=order.planned.action)
            return _stopped()
        spec = await self._spec_of(order)
        return _failed(ProblemKind.UNKNOWN_ACTION) if spec is None else await self._do(order, spec)

    def _is_decided(self, order: Order) -> bool:
        """Whether a case decided the order: its action, subject, direction and no dry run."""
        allowed = order.direction is Direction.UNDO or not order.proof.undo
        if allowed and not order.proof.dry_run and self._verifies(order):
            return True
        log.error(
            "enforcement_refused",
            case=order.case[:64],
            decision=order.decision[:64],
            action=order.planned.action[:64],
        )
        return False

    async def _is_paused(self, order: Order) -> bool:
        """Whether a pause stops it. Without the ledger protections go on, decisions wait."""
        try:
            return await self._pauses(order)
        except Unavailable as error:
            if order.proof.by is None:
                return False
            raise ApplicationError(
                str(error),
                Problem(kind=ProblemKind.PAUSES_UNKNOWN).model_dump(mode="json"),
                type="LedgerUnavailable",
            ) from error

    async def _do(self, order: Order, spec: ActionSpec) -> Result:
        try:
            request = request_of(order, spec)
            if request is None:
                return _failed(ProblemKind.NO_UNDO)
            await self._platform.change(
                request.method, request.path, request.body, request.key, order.actor
            )
        except TryAgain as error:
            raise retryable(error) from error
        except Refused as error:
            if order.unsure and error.status in _NOT_THERE:
                return Result(status=ActionStatus.UNDONE)
            return _failed(ProblemKind.REFUSED, error.status)
        except UnusableSubject:
            return _failed(ProblemKind.UNUSABLE_SUBJECT)
        except Unclear as error:
            if not await self._took_effect(order, spec, error):
                raise unreadable(error) from error
        if order.direction is Direction.UNDO:
            return Result(status=ActionStatus.UNDONE)
        return await self._first_look(order, spec)

    async def _took_effect(self, order: Order, spec: ActionSpec, answer: Unclear) -> bool:
        """Whether the platform shows the change whose answer can't be read.

        Without `verify`, a broken answer counts as the success that its status says.
        """
        if spec.verify is None:
            return answer.broken
        try:
            shown = await self._shows(order, spec.verify)
        except (TryAgain, Refused, UnusableSubject):
            return False
        return shown is (order.direction is Direction.DO)

    @activity.defn(name="read_back")
    async def read_back(self, order: Order) -> Result:
        """Checks an action at the platform: VERIFIED or DRIFTED."""
        if not self._is_decided(order):
            return _failed(ProblemKind.UNPROVEN)
        spec = await self._spec_of(order)
        if spec is None or spec.verify is None:
            return Result(status=ActionStatus.DONE)
        try:
            matches = await self._shows(order, spec.verify)
        except TryAgain as error:
            raise retryable(error) from error
        except (Refused, UnusableSubject):
            matches = False
        return Result(status=ActionStatus.VERIFIED if matches else ActionStatus.DRIFTED)

    async def _first_look(self, order: Order, spec: ActionSpec) -> Result:
        """VERIFIED where the platform shows the change at once; else DONE, for `read_back`."""
        done = Result(status=ActionStatus.DONE)
        if spec.verify is None:
            return done
        try:
            shown = await self._shows(order, spec.verify)
        except (TryAgain, Refused, UnusableSubject):
            return done
        return Result(status=ActionStatus.VERIFIED) if shown else done

    async def _shows(self, order: Order, verify: Verify) -> bool:
        response = await self._platform.read(path_of(order, verify.path))
        subject = order.planned.subject.model_dump()
        return holds(
            verify.expect,
            {"response": response, "subject": subject, "case": {"id": order.case}},
        )


def _failed(kind: ProblemKind, status: int | None = None) -> Result:
    return Result(status=ActionStatus.FAILED, problem=Problem(kind=kind, status=status))


def _stopped() -> Result:
    """The result of an automatic action that a pause stops; an earlier attempt may have made it."""
    problem, again = Problem(kind=ProblemKind.PAUSED), activity.info().attempt > 1
    return Result(status=ActionStatus.SKIPPED, problem=problem, unsure=again)


def retryable(error: TryAgain) -> ApplicationError:
    """A retryable error with the platform's Retry-After as the delay."""
    problem = Problem(kind=ProblemKind.UNREACHABLE, status=error.status)
    return ApplicationError(
        str(error),
        problem.model_dump(mode="json"),
        type="PlatformUnavailable",
        next_retry_delay=error.wait,
    )


def unreadable(error: Unclear) -> ApplicationError:
    """A retryable error about an answer without its meaning."""
    problem = Problem(kind=ProblemKind.UNREADABLE, status=error.status)
    return ApplicationError(str(error), problem.model_dump(mode="json"), type="PlatformUnreadable")


class NoticeActivities:
    """Activity of the platform queue that sends notices."""

    def __init__(
        self,
        platform: Platform,
        wording: NoticeWords,
        call: Callable[[], NoticeCall | None],
    ) -> None:
        """`wording` has the texts that the policy does not; `call` reads platform.yaml."""
        self._platform = platform
        self._call = call
        self._wording = wording

    @activity.defn(name="send_notice")
    async def send_notice(self, notice: Notice) -> Problem | None:
        """Sends a notice; idempotent over all attempts."""
        values = _values(notice, self._wording)
        call = self._call()
        if call is None:
            return Problem(kind=ProblemKind.UNUSABLE_SUBJECT)
        key = _key(notice)
        try:
            path = fill_path(call.path, {name: value or "" for name, value in values.items()})
            body = None if call.json_ is None else fill_json(dict(call.json_), values)
            await self._platform.change(call.method, path, body, key, None)
        except TryAgain as error:
            raise retryable(error) from error
        except Unclear as error:
            if not error.broken:
                raise unreadable(error) from error
        except Refused as error:
            return Problem(kind=ProblemKind.REFUSED, status=error.status)
        except UnusableSubject:
            return Problem(kind=ProblemKind.UNUSABLE_SUBJECT)
        return None


def _key(notice: Notice) -> str:
    """The idempotency key; that of a decision is built like those of its actions."""
    if notice.kind is NoticeKind.DECISION:
        return f"{notice.case}/{notice.decision}/notice/{notice.person.id}"
    return f"{notice.case}/{notice.decision}/notice/{notice.appeal}/{notice.kind.value}"


def _values(notice: Notice, wording: NoticeWords) -> dict[str, str | None]:
    facts: dict[str, str | None] = {
        "subject.id": notice.person.id,
        "subject.type": notice.person.type,
        "case.id": notice.case,
        "decision.id": notice.decision,
        "appeal.id": notice.appeal or None,
        "notice": notice.kind.value,
    }
    text = _text(notice, facts, wording)
    return {**facts, "text.ja": text.ja, "text.en": text.en}


def _text(notice: Notice, facts: dict[str, str | None], wording: NoticeWords) -> Text:
    if notice.letter is not None:
        whole = person_notice_text(notice.letter, wording)
        return Text(ja=visible(whole.ja), en=visible(whole.en))
    return _filled(notice.text, {**facts, "reason": visible(notice.reason)})


def _filled(text: Text, values: dict[str, str | None]) -> Text:
    ja, en = (fill_json(f"{each} ", values) for each in (text.ja, text.en))
    return Text(ja=str(ja)[:-1], en=str(en)[:-1])
