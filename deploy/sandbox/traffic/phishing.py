"""Phishing reports at the real per-minute counts of one marketplace's look-alike sites."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from deploy.sandbox.traffic.alerts import Scene, alert, user
from deploy.sandbox.traffic.records import records


@dataclass(frozen=True)
class Minute:
    """One minute of reports, `at` in the data's time."""

    at: str
    reports: int


def minutes() -> tuple[Minute, ...]:
    """All minutes with reports, oldest first."""
    rows = records("phishing_minutes")
    return tuple(Minute(row["minute"], int(row["reports"])) for row in rows)


def worst() -> Minute:
    """The minute with the most reports."""
    return max(minutes(), key=lambda minute: minute.reports)


def scene(count: int, subjects: int = 12, first: int = 0) -> Scene:
    """`count` reports about `subjects` accounts, with made-up addresses on a reserved domain."""
    made = Scene()
    for number in range(subjects):
        made.things.append(user(f"u_phish{number}", number))
    for number in range(first, first + count):
        account = f"u_phish{number % subjects}"
        address = f"https://ma-ket{number % 97}.login.example/verify?u={number}"
        made.alerts.append(
            alert(
                f"phish-{number}",
                "phishing",
                ("user", account),
                ("偽サイトへの誘導", "Link to a look-alike site"),
                score=0.9 if number % 3 else 0.98,
                text=f"お支払いの確認が必要です。こちらから手続きしてください {address}",
            )
        )
    return made


def gaps(speed: float) -> Iterator[tuple[int, float]]:
    """(reports, seconds to wait before them) for each minute, `speed` times faster."""
    before = None
    for minute in minutes():
        now = datetime.fromisoformat(minute.at)
        waited = (now - before).total_seconds() if before else 0.0
        before = now
        yield minute.reports, waited / speed


def feed(number: int, at: datetime) -> Scene:
    """One report in the own JSON of the feed, which the policy maps to an alert."""
    account = f"u_feed{number}"
    event = {
        "event_id": f"feed-{number}",
        "account": {"id": account},
        "ts": at.isoformat(),
        "confidence": 0.9,
        "url": f"https://ma-ket{number % 97}.login.example/verify",
    }
    return Scene(alerts=[event], things=[user(account, number)])
