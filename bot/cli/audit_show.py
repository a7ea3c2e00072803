"""`koban audit show CASE`: one case's story, event by event."""

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from activities.ledger.database import Row
from activities.ledger.queries import Queries
from bot.cli.process import open_ledger, run
from bot.errors import InputWrong
from bot.settings import Settings, load_settings
from workflows.domain.values import visible


def show(
    case: Annotated[str, typer.Argument(help="A case's id, such as K7Q2M4XPA.")],
) -> None:
    """Show one case's story: every event with its time, its actor and what it says."""
    settings = load_settings()
    events = run(_events(settings, case.strip().upper()))
    if not events:
        raise InputWrong(f"The ledger has no case {visible(case)[:32]}.")
    for event in events:
        at = event["at"].astimezone(settings.zone).strftime("%Y-%m-%d %H:%M:%S %Z")
        # What a case quotes must not be obeyed by the terminal that shows it.
        told = visible(json.dumps(event["data"], ensure_ascii=False))
        print(f"{event['seq']:>4}  {at}  {event['kind']}  {event['actor'] or 'koban'}  {told}")


async def _events(settings: Settings, case: str) -> Sequence[Row]:
    async with open_ledger(settings.ledger) as database:
        return await Queries(database).events_of(case)
