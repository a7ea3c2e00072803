"""Long history: ten thousand alerts for one case, with its length and duration.

Standalone: `python -m tests.bench.long_life [ALERTS]`.
"""

import asyncio
import json
import sqlite3
import sys
import tempfile
from pathlib import Path
from time import monotonic

from deploy.sandbox.slack.person import wait_until
from deploy.sandbox.slack.screen import controls
from tests.conftest import a_server
from tests.environment import Environment, koban
from tests.stories.flood import alerts, runs_of, send_alerts
from tests.stories.test_a_shift import case_of, lure

WAVE = 500
"""Alerts that arrive at once."""


async def measure(temporal: str, folder: Path, number: int = 10_000) -> dict:
    """Sends `number` alerts and measures the case."""
    async with koban(temporal, folder) as env:
        sato = await env.person("U0SATO")
        await env.happens(lure())
        card, case = await case_of(sato)
        workflow_id = str(controls(card)[0].block_id)
        began = monotonic()
        for start in range(2, number + 1, WAVE):
            upto = min(start + WAVE, number + 1)
            await send_alerts(env, alerts(range(start, upto)))
            await _counted(env, case, upto - 1)
        seconds = monotonic() - began
        runs = await runs_of(env, workflow_id)
        memory = await env.cases.memory(workflow_id)
        return {
            "alerts": memory.case.alerts if memory and memory.case else None,
            "in_ledger": _rows(env),
            "cards": len(await sato.cards("ts-live")),
            "histories": len(runs),
            "longest_events": max(run.events for run in runs),
            "largest_bytes": max(run.bytes for run in runs),
            "seconds": round(seconds, 1),
        }


async def _counted(env: Environment, case: str, number: int) -> None:
    async def there() -> bool:
        row = await env.queries.case(case)
        return row is not None and row["alerts"] == number

    await wait_until(there, 120, what=f"{number} alerts")


def _rows(env: Environment) -> int:
    path = env.settings.ledger.url.get_secret_value().removeprefix("sqlite+aiosqlite:///")
    with sqlite3.connect(path) as ledger:
        return int(ledger.execute("select count(*) from alerts").fetchone()[0])


async def _alone(number: int) -> dict:
    with tempfile.TemporaryDirectory(prefix="koban-long-") as place:
        folder = Path(place)
        async with a_server(folder) as address:
            return await measure(address, folder, number)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_alone(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))))
