"""Alert endpoints: alerts as Koban has them, and detectors' own JSON that the policy maps.

Both answer once Temporal has stored every accepted alert.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from pydantic import TypeAdapter
from starlette.responses import Response

from bot.admission import AlertSubmitter, Submission
from bot.http.budgets import Budget
from bot.http.endpoint import Posted, SignedEndpoint, as_json, invalid_result
from bot.http.metrics import Metrics
from bot.http.models import EXAMPLE, Batch, Problem, RequestRefused
from bot.http.validation import Invalid, Window, read_alerts, read_mapped
from workflows.domain.alerts import Alert, Outcome
from workflows.domain.policy.detectors import Accepts, Detector

_BODY = TypeAdapter(Alert | Batch).json_schema(ref_template="#/components/schemas/{model}")
SCHEMAS: dict[str, Any] = _BODY.pop("$defs")
"""Models of the request body, for the components of the OpenAPI document."""


@dataclass(frozen=True)
class AlertEndpoint(SignedEndpoint):
    """Endpoint for one alert, or a batch from one detector."""

    submitter: AlertSubmitter
    metrics: Metrics
    window: Window
    detectors: Callable[[], Mapping[str, Detector]] = field(default=dict, kw_only=True)
    """Called for every request, because policy files change."""

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

    async def process(self, posted: Posted) -> Response:
        """Submits the valid alerts; 422 when none of them is valid."""
        sender = posted.sender
        items = await self.intake.work(sender, self._reading(posted))
        self.intake.budgets.spend(sender.name, Budget.ALERTS, len(items), sender.common)
        valid = [item for item in items if isinstance(item, Alert)]
        self._take_rate(valid)
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

    def _reading(self, posted: Posted) -> Callable[[], list[Alert | Invalid]]:
        """The work that reads the alerts. Raises `RequestRefused` where nothing is to be read."""
        return lambda: read_alerts(
            posted.body, posted.speaker, posted.own, self.window, self._accepts
        )

    def _accepts(self, detector: str) -> Accepts | None:
        found = self.detectors().get(detector)
        return None if found is None else found.accepts

    def _take_rate(self, alerts: list[Alert]) -> None:
        """Books alerts on the `rate` of their detector. Raises `OverBudget`."""
        for detector in {alert.detector for alert in alerts}:
            accepts = self._accepts(detector)
            if accepts is not None and accepts.amount is not None:
                self.intake.rates.take(detector, *accepts.amount, len(alerts))


@dataclass(frozen=True)
class MappedEndpoint(AlertEndpoint):
    """Endpoint for the own JSON of a detector with a `map`: one object, or a list of them."""

    path: ClassVar = "/v1/detectors/{name}"
    summary: ClassVar = "Post the JSON of a detector whose policy file has a map"
    content: ClassVar = {
        "schema": {
            "anyOf": [
                {"type": "object"},
                {"type": "array", "items": {"type": "object"}, "maxItems": 1000},
            ]
        }
    }
    path_parameters: ClassVar = [
        {
            "name": "name",
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
            "description": "The detector, as its policy file names it",
        }
    ]
    responses: ClassVar = {
        404: {
            "description": "There is no detector of that name, or its policy file has no map",
            "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
        }
    }

    def _reading(self, posted: Posted) -> Callable[[], list[Alert | Invalid]]:
        name = posted.place
        if posted.speaker is not None and posted.speaker != name:
            raise RequestRefused(f"This secret is for {posted.speaker[:64]!r} only.", status=401)
        if posted.speaker is None and name in posted.own:
            raise RequestRefused("This detector requires its own secret.", status=401)
        detector = self.detectors().get(name)
        if detector is None or detector.map is None:
            sentence = "There is no detector of this name with a map in the policy."
            raise RequestRefused(sentence, status=404)
        return lambda: read_mapped(posted.body, detector, self.window)


def _result(item: Alert | Invalid, submission: Submission) -> dict[str, Any]:
    if isinstance(item, Invalid):
        return invalid_result(item)
    if submission.outcome is Outcome.INVALID:
        return invalid_result(Invalid(item.id, "/kind", "No playbook matches this alert."))
    return {"id": item.id, "result": submission.outcome}
