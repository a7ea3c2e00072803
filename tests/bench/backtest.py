"""Backtests of 100,000 to 4,000,000 alerts: time, processor time and memory by size.

`python -m tests.bench.backtest [SIZE …]` prints a table. The alerts are made: their times follow
the shipped live chat rates, shill features are those of the shipped records; the mix of kinds
(12 spam, 5 live chat, 2 phishing, 1 shill bidding), scores and subjects are made up.
`python -m tests.bench.backtest --records FILE` writes the shipped shill bidding records as alerts,
with their label in the column `Class`; their times are made up.
"""

import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.sandbox.traffic.live_chat import INSULTS, LURES, seconds
from deploy.sandbox.traffic.records import records
from deploy.sandbox.traffic.shill_bidding import WEIGHTS, score
from deploy.sandbox.traffic.spam import TEXTS

SIZES = (100_000, 1_000_000, 4_000_000)
MIX = ("spam",) * 12 + ("off_platform",) * 3 + ("harassment",) * 2 + ("phishing",) * 2 + ("shill",)
PER_SUBJECT = 5
_START = datetime(2026, 1, 1, tzinfo=UTC)


def times() -> Iterator[datetime]:
    """Times at the shipped rates, over and over."""
    rates = sorted((each.second, each.messages) for each in seconds())
    length = rates[-1][0] + 1
    start = _START
    while True:
        for second, messages in rates:
            for part in range(messages):
                yield start + timedelta(seconds=second, milliseconds=1000 * part // messages)
        start += timedelta(seconds=length)


def alerts(count: int, seed: int = 7) -> Iterator[dict[str, Any]]:
    """`count` alerts in the order of their times."""
    chance = random.Random(seed)
    shills = records("shill_bidding")
    for number, at in zip(range(count), times(), strict=False):
        kind = chance.choice(MIX)
        subject = f"u_{kind}{chance.randrange(1 + count // len(MIX) // PER_SUBJECT)}"
        made = {
            "id": f"{kind}-{number}",
            "detector": kind if kind == "spam" else "default",
            "kind": "shill_bidding" if kind == "shill" else kind,
            "subject": {"type": "user", "id": subject},
            "score": round(chance.random(), 3),
            "occurred_at": at.isoformat(timespec="milliseconds"),
            "title": {"ja": "検知", "en": "Alert"},
        }
        if kind == "shill":
            row = shills[number % len(shills)]
            made["score"] = round(score(row), 3)
            made["attributes"] = {each.lower(): round(float(row[each]), 3) for each in WEIGHTS}
        else:
            text = chance.choice(TEXTS if kind == "spam" else LURES + INSULTS)
            made["evidence"] = [{"kind": "text", "text": text}]
            made["related"] = [{"type": "message", "id": f"m_{number}"}]
            made["attributes"] = {"viewers": chance.randint(40, 2400)}
        yield made


def write(file: Path, count: int) -> None:
    """Writes `count` alerts as JSONL."""
    with file.open("w", encoding="utf-8") as written:
        for each in alerts(count):
            written.write(json.dumps(each, ensure_ascii=False) + "\n")


def write_records(file: Path) -> None:
    """Writes the real shill bidding records as CSV of alerts, one a minute."""
    rows = records("shill_bidding")
    features = [each.lower() for each in WEIGHTS]
    columns = [*_COLUMNS, *(f"attributes.{each}" for each in features), "Class"]
    with file.open("w", encoding="utf-8", newline="") as written:
        table = csv.writer(written)
        table.writerow(columns)
        for number, row in enumerate(rows):
            at = (_START + timedelta(minutes=number)).isoformat()
            own = (f"shill-{row['Record_ID']}", "shill_bidding", "user", f"u_bid{row['Record_ID']}")
            table.writerow([*own, score(row), at, *(row[each] for each in WEIGHTS), row["Class"]])


_COLUMNS = ("id", "kind", "subject.type", "subject.id", "score", "occurred_at")


def main(sizes: tuple[int, ...]) -> int:
    """Prints a row for each size."""
    print(f"{'alerts':>10} {'seconds':>8} {'cpu':>8} {'MiB':>6} {'µs each':>8} {'cases':>8}")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            file, result = Path(folder) / "alerts.jsonl", Path(folder) / "result.json"
            write(file, size)
            command = ("-m", "bot.cli.main", "backtest", "deploy/policy")
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            began = time.perf_counter()
            done = subprocess.run(
                [sys.executable, *command, "--alerts", str(file), "--json", str(result)],
                stdout=subprocess.DEVNULL,
            )
            if done.returncode != 0:
                return done.returncode
            took = time.perf_counter() - began
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            found = json.loads(result.read_text("utf-8"))
        print(
            f"{size:>10,} {took:>8.1f} {cpu:>8.1f} {after.ru_maxrss // 1024:>6} "
            f"{cpu / size * 1e6:>8.1f} {found['cases']:>8,}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--records"]:
        write_records(Path(sys.argv[2]))
        sys.exit(0)
    sys.exit(main(tuple(int(each) for each in sys.argv[1:]) or SIZES))
