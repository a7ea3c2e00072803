"""Alert inbox: alerts of one case are decoded, assessed, debounced in bounded batches and stored.

Debounce: while a write to Slack is under way, alerts that only raise the count are batched for up
to 5 s, since no alert is visible before that write. An alert that raises the severity or needs a
protection is taken at once.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import FailureError

from workflows.activity_options import execute
from workflows.conditions import holds
from workflows.domain.alerts import MANUAL_DETECTORS, Alert, brief, values_in
from workflows.domain.automation import AutomationPause
from workflows.domain.brakes import content_digest
from workflows.domain.case.events import CaseOpened
from workflows.domain.case.evolve import opened
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.projection import case_row
from workflows.domain.case.rules.automatic import may_decide
from workflows.domain.case.rules.intake import only_counts
from workflows.domain.case.rules.protections import fresh_rules, known_pauses
from workflows.domain.case.snapshot import SeenKeys
from workflows.domain.policy.matching import (
    Assessment,
    RecordFacts,
    RecordKind,
    assess,
    facts_of_record,
    record_of,
)
from workflows.domain.policy.playbook import Playbook, Policy, Severity
from workflows.ports.cases import CasePort, ClaimAlerts, OpenCase, OpenedCase, SilenceAsk

AT_ONCE = 100
"""Alerts in one batch, which is the work of one workflow task."""
LARGEST = 250_000
"""Work of one batch, in bytes as in their signals: conditions read all of them."""
VALUE = 25
"""Work of one value in an alert's attributes, in bytes: ten alerts with the most make a batch."""
DEBOUNCE = timedelta(seconds=5)


@dataclass(frozen=True)
class Assessed:
    """An assessed alert with the rules that hold in a case of severity `worst`.

    `rules` are those of `protect`, `auto` is the first one of `auto`, all as indexes.
    """

    weighed: Assessment
    worst: Severity
    rules: tuple[int, ...]
    auto: int | None = None

    @property
    def alert(self) -> Alert:
        """The assessed alert."""
        return self.weighed.alert

    def facts(self, playbook: Playbook) -> RecordFacts:
        """The facts of its record without a case."""
        return facts_of_record(playbook, self.weighed, self.rules, self.auto)


class Inbox:
    """Waiting alerts of one case, about `weight` bytes."""

    def __init__(self, alerts: Iterable[Alert], seen: Callable[[], SeenKeys]) -> None:
        """`alerts` are the first in the queue; `seen` returns the keys that the case has had."""
        self._raw: deque[RawValue] = deque()
        self._alerts: deque[tuple[Alert, int]] = deque((each, _size(each)) for each in alerts)
        self.weight = sum(size for _, size in self._alerts)
        self._seen = seen

    def __bool__(self) -> bool:
        """Whether any alert waits."""
        return bool(self._raw or self._alerts)

    def put(self, raw: RawValue) -> None:
        """Queues a signal undecoded: decoding thousands would exceed their workflow task."""
        self._raw.append(raw)
        self.weight += len(raw.payload.data)

    def put_first(self, alerts: Sequence[Alert]) -> None:
        """Puts alerts back to the front."""
        sized = [(each, _size(each)) for each in alerts]
        self._alerts.extendleft(reversed(sized))
        self.weight += sum(size for _, size in sized)

    def take(self, at_most: int = AT_ONCE) -> list[Alert]:
        """Removes and returns the oldest alerts, without duplicates and those the case has had.

        It may return none although more alerts wait: duplicates are work too.
        """
        batch: dict[str, Alert] = {}
        size = 0
        while len(batch) < at_most and size < LARGEST and self:
            if not self._alerts:
                self._decode()
                continue
            alert, bytes_ = self._alerts.popleft()
            self.weight -= bytes_
            size += _work(alert, bytes_)
            if self._seen().is_new(alert_key(alert)):
                batch.setdefault(alert.key, alert)
        return list(batch.values())

    def all_that_wait(self) -> tuple[Alert, ...]:
        """Removes and returns every alert, in order."""
        while self._raw:
            self._decode()
        alerts, self._alerts = tuple(each for each, _ in self._alerts), deque()
        self.weight = 0
        return alerts

    def _decode(self) -> None:
        """Decodes one signal; one that is invalid is logged and dropped."""
        payload = self._raw.popleft().payload
        size = len(payload.data)
        try:
            alerts = workflow.payload_converter().from_payload(payload, tuple[Alert, ...])
        except ValueError:
            workflow.logger.error("alerts_unreadable", extra={"bytes": size})
            alerts = ()
        share = size // max(len(alerts), 1)
        self._alerts.extend((each, share) for each in alerts)
        self.weight += share * len(alerts) - size

    async def next_batch(
        self, case: Callable[[], Case], idle: Callable[[], bool]
    ) -> list[Assessed]:
        """Returns the next alerts; those that only count wait for an `idle` Slack or the end."""
        batch = self._assessed(case(), AT_ONCE)
        if not _may_wait(case(), batch) or idle():
            return batch
        timer = asyncio.create_task(workflow.sleep(DEBOUNCE))
        size = _sizes(batch)

        def over() -> bool:
            return timer.done() or idle() or case().phase is Phase.CLOSED

        while len(batch) < AT_ONCE and size < LARGEST and not over():
            await workflow.wait_condition(lambda: bool(self) or over())
            more = self._assessed(case(), AT_ONCE - len(batch))
            batch, size = batch + more, size + _sizes(more)
            if more and not _may_wait(case(), more):
                break
        timer.cancel()
        return assessed(case(), [each.weighed for each in batch], batch)

    def _assessed(self, case: Case, at_most: int) -> list[Assessed]:
        playbook = case.policy.playbook
        return assessed(case, [assess(playbook, each, holds) for each in self.take(at_most)])


def assessed(
    case: Case, weighed: Sequence[Assessment], before: Iterable[Assessed] = ()
) -> list[Assessed]:
    """Returns alerts with their rules by the worst severity; reuses those of `before`."""
    severities = [case.severity, *(each.severity for each in weighed)]
    worst = min(severities, key=lambda severity: severity.rank)
    known = {each.alert.key: each for each in before if each.worst is worst}
    playbook = case.policy.playbook
    return [
        known.get(each.alert.key)
        or Assessed(
            each,
            worst,
            each.protections(playbook, worst, holds),
            each.decides(playbook, worst, holds),
        )
        for each in weighed
    ]


async def opening(
    workflow_id: str, key: str, policy: Policy, alert: Alert, after: str = ""
) -> tuple[OpenedCase, Case | None, Assessed]:
    """Opens a case; returns the ledger's answer, the case, and the assessed alert.

    `key` is unique to the case. None is opened if the ledger has the alert, or if a reopened case
    of the group takes it. `after` is a reopened case that returned the alert.
    """
    weighed = assess(policy.playbook, alert, holds)
    event = CaseOpened(
        at=workflow.now(),
        case="",
        playbook=policy.playbook.playbook,
        subject=alert.subject,
        severity=weighed.severity,
        alert=brief(alert),
    )
    (first,) = assessed(opened(workflow_id, policy, event), [weighed])
    wanted = OpenCase(
        key=key,
        event=event,
        row=case_row(opened(workflow_id, policy, event)),
        alert=alert,
        after=after,
        automation=bool(first.rules) or first.auto is not None,
        silence=_silence(policy, alert, weighed),
        facts=first.facts(policy.playbook),
    )
    found = await execute(CasePort.open_case, wanted)
    case = opened(workflow_id, policy, found.event) if found.event is not None else None
    return found, case, first


def _silence(policy: Policy, alert: Alert, weighed: Assessment) -> SilenceAsk | None:
    """Returns what the ledger compares with cleared content; people are always heard."""
    rule, content = policy.playbook.silence, content_digest(alert)
    if rule is None or content is None or alert.detector in MANUAL_DETECTORS:
        return None
    record = record_of(RecordKind.SILENCED, policy, alert, holds, weighed.facts)
    return SilenceAsk(rule=rule, content=content, record=record)


async def claim(
    case: Case, batch: Sequence[Assessed], now: datetime
) -> tuple[list[Assessed], list[Alert], tuple[AutomationPause, ...]]:
    """Returns the new alerts of `batch`, those not claimed, and the pauses of automation.

    Those of snoozed detectors are not new. While the ledger is unreachable all count as new, and
    are stored with their events.
    """
    alerts, playbook = [each.alert for each in batch], case.policy.playbook
    wanted = ClaimAlerts(
        case=case.id,
        at=now,
        alerts=tuple(alerts),
        automation=any(is_automatic(case, each) for each in batch),
        playbook=playbook.playbook,
        policy_version=case.policy_version,
        facts=tuple(each.facts(playbook) for each in batch),
    )
    if not alerts:
        return [], [], ()
    try:
        found = await execute(CasePort.claim_alerts, wanted)
    except FailureError:
        return list(batch), alerts, known_pauses(case)
    known = frozenset(found.known + found.snoozed)
    return [each for each in batch if each.alert.key not in known], [], found.pauses


def is_automatic(case: Case, alert: Assessed) -> bool:
    """Whether the alert makes Koban act by itself in the case, as far as the policy goes."""
    decides = alert.auto is not None and may_decide(case)
    return decides or bool(fresh_rules(case, alert.rules))


def alert_key(alert: Alert) -> str:
    """Returns the key by which a case recognizes a second delivery."""
    return f"alert/{alert.key}"


def _size(alert: Alert) -> int:
    return len(alert.model_dump_json().encode())


def _sizes(batch: Iterable[Assessed]) -> int:
    return sum(_work(each.alert, _size(each.alert)) for each in batch)


def _work(alert: Alert, size: int) -> int:
    return max(size, VALUE * values_in(alert.attributes))


def _may_wait(case: Case, batch: Sequence[Assessed]) -> bool:
    return bool(batch) and all(
        only_counts(case, each.weighed.severity, is_automatic(case, each)) for each in batch
    )
