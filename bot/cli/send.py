"""`koban send` command: posts alerts from a file to a running `koban serve`.

An interrupted file is sent again from its start: `koban serve` answers `duplicate` for what it has.
"""

import json
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from standardwebhooks.webhooks import Webhook

from activities.errors import retry_after
from bot.errors import InputWrong, NotReachable
from bot.settings import Settings, load_settings, need, secrets_named
from workflows.domain.alerts import Outcome

BATCH_ALERTS = 200
BATCH_BYTES = 512 * 1024
"""Half of the request limit, which leaves room for the list around the alerts."""

TRIES = 6
"""Attempts for a batch while Temporal is unreachable: half a minute with a Retry-After of 5 s."""


PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(seconds=30)
"""Wait after a 503 without a Retry-After, and at most."""


@dataclass(frozen=True)
class Item:
    """One alert of the file as text, with its position for error messages."""

    place: str
    detector: str | None
    text: str


def send(
    file: Annotated[Path, typer.Argument(help="Alerts: a JSON file, or JSONL with one a line.")],
    url: Annotated[
        str | None, typer.Option(help="Where koban serve listens, if not as KOBAN_HTTP says.")
    ] = None,
    secret_env: Annotated[
        str | None, typer.Option(help="Variable with the secret of the file's detector.")
    ] = None,
) -> int:
    """Send alerts from a file to a running `koban serve`, signed; run it again to resume."""
    settings = load_settings()
    webhook = Webhook(_secret(settings, secret_env))
    items = read_items(file)
    address = url or f"http://{settings.http.host}:{settings.http.port}"
    tally: Counter[str] = Counter()
    with (
        httpx.Client(base_url=address, timeout=60, trust_env=False) as http,
        typer.progressbar(length=len(items), file=sys.stderr, label="Sending") as bar,
    ):
        for batch in batches(items):
            _count(_post(http, webhook, batch), batch, tally)
            bar.update(len(batch))
    print(", ".join(f"{tally[result]} {result}" for result in Outcome))
    return 1 if tally[Outcome.INVALID] else 0


def _secret(settings: Settings, variable: str | None) -> str:
    if variable is None:
        need(settings, "ingest.secret")
        return settings.ingest.secrets[0]
    own = secrets_named(variable)
    if not own:
        raise InputWrong(f"{variable} is not set: it should hold the secret of the detector.")
    return own[0]


def read_items(file: Path) -> list[Item]:
    """Reads the alerts of a JSON or JSONL file, in order. Raises `InputWrong`."""
    text = _text(file)
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        lines = enumerate(text.split("\n"), start=1)
        return [_line(file, number, line) for number, line in lines if line.strip()]
    several = whole.get("alerts", whole) if isinstance(whole, dict) else whole
    listed = several if isinstance(several, list) else [several]
    return [_item(f"{file}: alert {n}", one) for n, one in enumerate(listed, start=1)]


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise InputWrong(f"There is no file {file}: look at its path.") from error
    except UnicodeDecodeError as error:
        raise InputWrong(f"{file} is not UTF-8: save it as UTF-8 text.") from error
    except OSError as error:
        raise InputWrong(f"{file} can't be read ({error.strerror}): look at its path.") from error


def _line(file: Path, number: int, line: str) -> Item:
    try:
        # Sent as it is: the server sees a field that is there twice.
        return replace(_item(f"{file}:{number}", json.loads(line)), text=line)
    except (ValueError, RecursionError) as error:
        raise InputWrong(f"{file}:{number}: not JSON: write one alert a line.") from error


def _item(place: str, alert: Any) -> Item:
    detector = alert.get("detector") if isinstance(alert, dict) else None
    named = detector if isinstance(detector, str) else None
    # ASCII also has halves of surrogate pairs, which the server refuses by themselves.
    return Item(place, named, json.dumps(alert))


def batches(items: list[Item]) -> Iterator[list[Item]]:
    """Yields consecutive alerts of one detector, each batch small enough for one request."""
    batch: list[Item] = []
    size = 0
    for item in items:
        length = len(item.text.encode())
        full = len(batch) == BATCH_ALERTS or size + length > BATCH_BYTES
        if batch and (full or batch[0].detector != item.detector):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield batch


def _post(http: httpx.Client, webhook: Webhook, batch: list[Item]) -> httpx.Response:
    body = '{"alerts":[' + ",".join(item.text for item in batch) + "]}"
    message = f"msg_{uuid.uuid4().hex}"
    for attempt in range(1, TRIES + 1):
        answer = _once(http, webhook, message, body)
        if answer.status_code not in (429, 503) or attempt == TRIES:
            break
        wait = retry_after(answer.headers.get("retry-after")) or PAUSE
        time.sleep(min(wait, LONGEST_PAUSE).total_seconds())
    return _usable(answer, batch)


def _once(http: httpx.Client, webhook: Webhook, message: str, body: str) -> httpx.Response:
    now = datetime.now(UTC)
    headers = {
        "content-type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": webhook.sign(message, now, body),
    }
    try:
        return http.post("/v1/alerts", content=body.encode(), headers=headers)
    except (httpx.TransportError, httpx.InvalidURL) as away:
        raise NotReachable(
            f"Koban at {http.base_url} does not answer: start koban serve or give --url; "
            "then run this again, it resumes."
        ) from away


def _usable(answer: httpx.Response, batch: list[Item]) -> httpx.Response:
    status = answer.status_code
    if status in (202, 422):
        return answer
    if status == 401:
        raise InputWrong("Koban refused the signature: the secret here and there must be the same.")
    if status == 413:
        raise InputWrong(f"{batch[0].place}: this alert is too large for one request (1 MiB).")
    if status in (404, 405) or answer.is_redirect:
        raise InputWrong(
            f"There is no Koban at {answer.request.url} ({status}): give --url with the address "
            "of koban serve, as http://127.0.0.1:8400."
        )
    raise NotReachable(f"Koban answered {status}: run this again later, it resumes.")


def _count(answer: httpx.Response, batch: list[Item], tally: Counter[str]) -> None:
    content = answer.json()
    results = content.get("results")
    if results is None:
        raise InputWrong(f"{batch[0].place}: {content['error']}")
    for item, result in zip(batch, results, strict=True):
        tally[result["result"]] += 1
        if result["result"] == Outcome.INVALID:
            print(f"{item.place}: {result['pointer']}: {result['error']}", file=sys.stderr)
