"""Prometheus metrics: alerts, requests, activities, problems, refused messages, the process."""

import time
from collections import Counter as Tally
from collections.abc import Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.errors import FORGERIES, Forgery

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 3.0, 10.0)


class Metrics:
    """Metrics of one app; its own registry keeps several apps in one process apart."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._alerts = Counter(
            "koban_alerts",
            "Alerts by what became of them and the playbook that took them",
            ("result", "playbook"),
            registry=self.registry,
        )
        self.requests = Histogram(
            "koban_http_request_seconds",
            "Requests by path and status, until the answer was complete",
            ("path", "status"),
            buckets=_BUCKETS,
            registry=self.registry,
        )

        self._activities = Histogram(
            "koban_activity_seconds",
            "Attempts of activities by their type and result",
            ("activity", "result"),
            buckets=_BUCKETS,
            registry=self.registry,
        )

        self._problems = Gauge(
            "koban_problems",
            "1 where a check of /readyz has a problem, also one that leaves its status at 200",
            ("what",),
            registry=self.registry,
        )
        self.registry.register(_Forgeries())

    def note_problems(self, problems: Mapping[str, str | None]) -> None:
        """Keeps which checks have a problem."""
        for what, problem in problems.items():
            self._problems.labels(what).set(problem is not None)

    def observe_activity(self, type_: str, succeeded: bool, seconds: float) -> None:
        """Measures one attempt of an activity."""
        result = "ok" if succeeded else "failed"
        self._activities.labels(type_, result).observe(seconds)

    def count_alerts(self, tally: Tally[tuple[str, str]]) -> None:
        """Counts alerts by (result, playbook or "")."""
        for (result, playbook), number in tally.items():
            self._alerts.labels(result, playbook).inc(number)

    def page(self) -> Response:
        """Returns the metrics in Prometheus's text format."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


class _Forgeries(Collector):
    """Refused messages of this process; each reason is there before its first one."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        refused = CounterMetricFamily(
            "koban_refused",
            "Messages that were refused because nobody who may send them has sent them",
            labels=("reason",),
        )
        for reason in Forgery:
            refused.add_metric((reason.value,), FORGERIES[reason])
        yield refused


class RequestTimer:
    """Middleware that measures every request by the path of its route."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Calls the app and measures it; a request without an answer counts as 500."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note_status)
        finally:
            path = getattr(scope.get("route"), "path", "other")
            took = time.perf_counter() - started
            self._metrics.requests.labels(path, str(status)).observe(took)
