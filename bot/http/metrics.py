"""Metrics of the intake, for Prometheus."""

import time
from collections import Counter as Tally

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 3.0, 10.0)


class Metrics:
    """One set per app, so that two apps in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._alerts = Counter(
            "koban_alerts",
            "Alerts by what became of them and the playbook that took them",
            ("result", "playbook"),
            registry=self.registry,
        )
        self._requests = Histogram(
            "koban_http_request_seconds",
            "Requests by path and status, until the answer was complete",
            ("path", "status"),
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def alerts(self, tally: Tally[tuple[str, str]]) -> None:
        """Counts alerts: `tally` is by (result, playbook or "")."""
        for (result, playbook), number in tally.items():
            self._alerts.labels(result, playbook).inc(number)

    def request(self, path: str, status: int, seconds: float) -> None:
        """Counts one answered request."""
        self._requests.labels(path, str(status)).observe(seconds)

    def page(self) -> Response:
        """What Prometheus reads."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


class Timed:
    """Middleware that measures every request by the path of its route."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on, and counts once the answer was started."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            path = getattr(scope.get("route"), "path", "other")
            self._metrics.request(path, status, time.perf_counter() - begun)
