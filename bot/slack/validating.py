"""Asks Slack whether it would take something, without sending it to anybody.

https://docs.slack.dev/reference/methods/blocks.validate: no scope is needed; "special rate limits
apply", which have no figure: one call at a time, and Slack says how long to wait.
"""

import asyncio
import json
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from activities.slack.client import FAILURES
from bot.slack.samples import Sample

METHOD = "blocks.validate"
_LIMITED = "ratelimited"
_TRIES = 5
_MOST_FAULTS = 3


class NotAsked(Exception):
    """Slack did not look at it; the message is a sentence that says why, and what to do."""


async def fault_of(web: AsyncWebClient, sample: Sample) -> str | None:
    """What Slack would refuse, with its place; None where it takes the sample.

    Raises:
        NotAsked: where Slack does not answer, or does not know the method.
    """
    for _ in range(_TRIES):
        try:
            # In the body: the client's own blocks_validate puts whole modals into the address.
            await web.api_call(METHOD, data={sample.kind: json.dumps(sample.payload)})
        except SlackApiError as refused:
            code = str(refused.response.get("error"))
            if code != _LIMITED:
                return _worded(code, refused.response.get("errors"), web)
            await asyncio.sleep(_pause(refused))
        except FAILURES as failed:
            raise NotAsked(f"Slack at {web.base_url} does not answer: look at the network.") from (
                failed
            )
        else:
            return None
    raise NotAsked("Slack takes no more questions for now: try again in some minutes.")


def _pause(refused: SlackApiError) -> float:
    asked = str((refused.response.headers or {}).get("Retry-After", ""))
    return float(asked) if asked.isdecimal() else 30.0


def _worded(code: str, faults: Any, web: AsyncWebClient) -> str:
    if code == "unknown_method":
        raise NotAsked(f"Slack at {web.base_url} does not know {METHOD}: nothing was looked at.")
    if not code.startswith("invalid_") or not isinstance(faults, list) or not faults:
        raise NotAsked(f"Slack does not look at it ({code}).")
    told = [_fault(each) for each in faults[:_MOST_FAULTS]]
    more = len(faults) - len(told)
    return "; ".join([*told, *([f"{more} more"] if more else [])])


def _fault(fault: Any) -> str:
    if not isinstance(fault, dict):
        return str(fault)
    return f"{fault.get('pointer') or '/'}: {fault.get('message') or fault.get('code')}"
