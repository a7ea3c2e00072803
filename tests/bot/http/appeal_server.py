"""Appeals endpoint over a real ledger on SQLite and a real Temporal without workers."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.ledger.appeals import AppealsLedger
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.schema import actions, cases, events
from bot.http.app import make_app
from bot.http.appeals import AppealEndpoint
from bot.http.metrics import Metrics
from deploy.sandbox.slack.person import WAIT_SECONDS
from tests.activities.ledger.recording import following, opening
from tests.bot.http.conftest import APPEAL_KEYS, WINDOW, Front, SigningClient
from tests.bot.http.fakes import APPEALS
from tests.workflows.domain.appeal.builders import RULES, TITLES, a_request
from tests.workflows.domain.builders import SATO, T0, TANAKA, a_case, follow, minutes, news, preset
from workflows.client import Appeals
from workflows.domain.appeal.model import AppealRequest
from workflows.domain.appeal.rules import received
from workflows.domain.case import commands as cmd
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.ids import appeal_id, appeal_workflow_id
from workflows.ports.appeals import AppealStart, AppealWrite, appeal_row

APPEAL = appeal_id("default", "ap-1")


def _start(id_: str, request: AppealRequest) -> AppealStart:
    return AppealStart(id=id_, request=request, rules=RULES, titles=TITLES)


def appeal(id: str = "ap-1", **fields: Any) -> dict[str, Any]:
    """The smallest appeal, with `fields` on top."""
    return {
        "id": id,
        "case": "K7Q2F9XM0",
        "statement": "型番です",
        "submitted_at": "2026-11-25T03:04:05Z",
        **fields,
    }


async def record_closed_case(database: Database) -> None:
    """K7Q2F9XM0 is closed; its decision D1 banned u_123 and is in force."""
    ledger, ban, agree = Ledger(database), preset(SATO, "ban"), cmd.Approve(by=TANAKA)
    await ledger.record(opening())
    decided = follow(follow(a_case(), ban, minutes(1)), agree, minutes(2))
    await ledger.record(following(a_case(), ban, agree, news(decided, ActionStatus.DONE)))
    async with database.writing() as connection:
        await connection.execute(sa.update(cases).values(phase="closed"))


@dataclass
class AppealServer:
    """The served app and its dependencies."""

    http: SigningClient
    front: Front
    database: Database
    client: Client

    def serve(self, database: Database | None = None, client: Client | None = None) -> None:
        """Serves an app over these instead of its own."""
        appeals = Appeals(client or self.client, "no-worker")
        endpoint = AppealEndpoint(
            *(lambda: APPEAL_KEYS, appeals, database or self.database, _start, WINDOW),
            # On a busy machine the ledger may need longer than in production.
            ledger_timeout=WAIT_SECONDS,
        )
        self.front.app = make_app([endpoint.router()], {}, Metrics())

    async def post(self, value: Any, secret: str = APPEALS) -> tuple[int, dict[str, Any]]:
        """Posts an appeal; status and answer."""
        answer = await self.http.send_signed("/v1/appeals", value, secret)
        return answer.status_code, answer.json()

    async def filed(self, id_: str = APPEAL) -> AppealStart | None:
        """The appeal that Temporal has."""
        handle = self.client.get_workflow_handle(appeal_workflow_id(id_))
        try:
            async for event in handle.fetch_history_events(page_size=1):
                given = event.workflow_execution_started_event_attributes.input.payloads
                [start] = await self.client.data_converter.decode(given, [AppealStart])
                return start
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        return None

    async def end(self) -> None:
        """The appeal's workflow has ended, and the ledger has its row."""
        handle = self.client.get_workflow_handle(appeal_workflow_id(APPEAL))
        await handle.terminate()
        row = appeal_row(received(APPEAL, a_request(), RULES, T0, TITLES))
        await AppealsLedger(self.database).record_appeal(AppealWrite(row=row, events=()))

    async def record(self) -> None:
        """The ledger has the row of the filed appeal."""
        start = await self.filed()
        assert start is not None
        row = appeal_row(received(APPEAL, start.request, RULES, T0, TITLES))
        await AppealsLedger(self.database).record_appeal(AppealWrite(row=row, events=()))

    async def withdrawals(self) -> int:
        """The number of withdrawals that the appeal's workflow has."""
        handle = self.client.get_workflow_handle(appeal_workflow_id(APPEAL))
        events = [each async for each in handle.fetch_history_events()]
        names = [e.workflow_execution_signaled_event_attributes.signal_name for e in events]
        return names.count("withdraw")

    async def reopen_case(self) -> None:
        """The case is worked on again."""
        await self._write(sa.update(cases).values(phase="claimed"))

    async def fail_actions(self) -> None:
        """No measure took effect."""
        await self._write(sa.update(actions).values(status="failed"))

    async def decide_in_bulk(self) -> None:
        """The decision was for many accounts."""
        await self.fail_actions()
        decided = events.c.kind == "decided"
        async with self.database.reading() as connection:
            data = (await connection.execute(sa.select(events.c.data).where(decided))).scalar_one()
        data["decision"]["bulk"] = {"id": "R1", "type": "user", "count": 60}
        await self._write(sa.update(events).where(decided).values(data=data))

    async def remove_case(self) -> None:
        """The ledger has no such case."""
        await self._write(sa.delete(cases))

    async def _write(self, statement: sa.Executable) -> None:
        async with self.database.writing() as connection:
            await connection.execute(statement)
