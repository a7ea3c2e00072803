"""Alerts endpoint: `POST /v1/alerts` answers once Temporal has stored every accepted alert."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from pydantic import TypeAdapter
from starlette.responses import Response

from bot.admission import AlertSubmitter, Submission
from bot.http.budgets import Budget, Sender
from bot.http.endpoint import SignedEndpoint, as_json, invalid_result
from bot.http.metrics import Metrics
from bot.http.models import EXAMPLE, Batch
from bot.http.validation import Invalid, Window, read_alerts
from workflows.domain.alerts import Alert, Outcome

_BODY = TypeAdapter(Alert | Batch).json_schema(ref_template="#/components/schemas/{model}")
SCHEMAS: dict[str, Any] = _BODY.pop("$defs")
"""Models of the request body, for the components of the OpenAPI document."""


@dataclass(frozen=True)
class AlertEndpoint(SignedEndpoint):
    """Endpoint for one alert, or a batch from one detector."""

    submitter: AlertSubmitter
    metrics: Metrics
    window: Window

    path: ClassVar = "/v1/alerts"
    summary: ClassVar = "Post one alert, or several alerts of one detector"
    accepted: ClassVar = "Every accepted alert is stored"
    noun: ClassVar = "alerts"
    content: ClassVar = {
        "schema": _BODY,
        "examples": {
            "one": {"summary": "One alert", "value": EXAMPLE},
            "several": {"summary": "Several alerts", "value": {"alerts": [EXAMPLE]}},
        },
    }

    async def process(
        self, body: bytes, speaker: str | None, own: frozenset[str], sender: Sender
    ) -> Response:
        """Submits the valid alerts; 422 when none of them is valid."""
        items = await self.intake.work(sender, lambda: read_alerts(body, speaker, own, self.window))
        self.intake.budgets.spend(sender.name, Budget.ALERTS, len(items), sender.common)
        valid = [item for item in items if isinstance(item, Alert)]
        submissions = iter(await self.submitter.submit(valid, partial(self.intake.work, sender)))
        tally: Counter[tuple[str, str]] = Counter()
        results = []
        for item in items:
            submission = next(submissions) if isinstance(item, Alert) else Submission()
            tally[submission.outcome, submission.playbook or ""] += 1
            results.append(_result(item, submission))
        self.metrics.count_alerts(tally)
        if all(result["result"] == Outcome.INVALID for result in results):
            return as_json(422, {"error": "None of the alerts is valid.", "results": results})
        return as_json(202, {"results": results})


def _result(item: Alert | Invalid, submission: Submission) -> dict[str, Any]:
    if isinstance(item, Invalid):
        return invalid_result(item)
    if submission.outcome is Outcome.INVALID:
        return invalid_result(Invalid(item.id, "/kind", "No playbook matches this alert."))
    return {"id": item.id, "result": submission.outcome}
