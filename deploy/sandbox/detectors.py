"""Detector panel of the page: last run, next run and errors of each detector of the policy."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from temporalio.client import Client

from activities.ledger.database import Database, LedgerUnavailable
from activities.ledger.detectors import DetectorLedger, DetectorRun
from activities.ledger.feedback import FeedbackLedger
from activities.slack.i18n.catalog import texts
from bot.policies import Policies
from bot.services.detectors import DetectorLine, DetectorReader
from deploy.sandbox.traffic.alerts import Json
from workflows.domain.values import Language

RPC_TIMEOUT = timedelta(seconds=2)

Rows = Callable[[], Awaitable[list[Json]]]


async def _none() -> list[Json]:
    return []


@dataclass
class DetectorPanel:
    """Rows for the page; none before Koban runs, and in a sandbox without Koban."""

    rows: Rows = _none


def detector_routes(panel: DetectorPanel) -> APIRouter:
    """`GET /detectors-ui/state` of the page."""
    router = APIRouter()

    @router.get("/detectors-ui/state")
    async def state() -> Json:
        return {"detectors": await panel.rows()}

    return router


@asynccontextmanager
async def detector_rows(ledger: str, temporal: str, policies: Policies) -> AsyncIterator[Rows]:
    """A reader of the rows, from Koban's ledger and Temporal."""
    database = Database(ledger)
    client = await Client.connect(temporal, lazy=True)
    reader = DetectorReader(
        *(DetectorLedger(database), policies, client, "koban", RPC_TIMEOUT),
        FeedbackLedger(database),
    )

    async def rows() -> list[Json]:
        try:
            lines = await reader.lines(datetime.now(UTC))
            return [await _row(each, reader) for each in lines]
        except LedgerUnavailable:
            return []

    try:
        yield rows
    finally:
        await database.aclose()


async def _row(line: DetectorLine, reader: DetectorReader) -> Json:
    detector = line.detector
    is_query = detector.sql is not None
    runs = await reader.runs(detector.detector) if is_query else ()
    next_run = await reader.next_run(detector.detector) if is_query else None
    return {
        "id": detector.detector,
        "title": dict(detector.title) if detector.title is not None else {},
        "kind": "sql" if is_query else "mapped" if detector.map is not None else "pushed",
        "state": _state(line),
        "seen_at": _time(line.state.seen_at),
        "last_run": _run(runs[0]) if runs else None,
        "next_run": _time(next_run),
        "error": _error(line),
        "feedback": _feedback(line),
    }


def _state(line: DetectorLine) -> str:
    if line.paused:
        return "paused"
    if line.state.failures:
        return "failing"
    return "silent" if line.state.silent_since is not None else "ok"


def _run(run: DetectorRun) -> Json:
    result = run.result
    counts = {"rows": result.rows, "alerts": result.alerts, "junk": result.junk}
    return {"at": run.at.isoformat(), "seconds": round(run.seconds, 1), **counts}


def _error(line: DetectorLine) -> Json | None:
    problem = line.state.problem
    if problem is None or not line.state.failures:
        return None
    key = f"detector.problem.{problem.kind}"
    return {
        language.value: texts(language).say(key, detail=problem.detail) for language in Language
    }


def _feedback(line: DetectorLine) -> Json | None:
    if line.detector.feedback is None:
        return None
    counts = line.feedback
    return {"waiting": counts.waiting if counts else 0, "dead": counts.dead if counts else 0}


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
