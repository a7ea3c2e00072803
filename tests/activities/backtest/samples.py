"""Sample reports of a backtest: an empty one, and three busy days with every section."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from activities.backtest.html import Shown
from workflows.domain.backtest.report import (
    BacktestReport,
    Change,
    ChangeKind,
    Comparison,
    Hour,
    Labels,
    Point,
    Staffing,
    TripRecord,
)
from workflows.domain.values import Text

TOKYO = ZoneInfo("Asia/Tokyo")
STARTS = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
"""Midnight of November 24 in Tokyo."""
TITLES = {
    "spam": Text(ja="スパム", en="Spam"),
    "off_platform": Text(ja="外部誘導", en="Off-platform inducement"),
    "counterfeit": Text(ja="偽ブランド品", en="Counterfeit"),
    "harassment": Text(ja="誹謗中傷", en="Abuse"),
    "phishing": Text(ja="フィッシング", en="Phishing"),
    "shill_bidding": Text(ja="サクラ入札", en="Shill bidding"),
    "resale_ring": Text(ja="転売グループ", en="Resale ring"),
    "self_harm": Text(ja="自傷・自殺のおそれ", en="Risk of self-harm"),
    "hide_message": Text(ja="メッセージ非表示", en="Hide message"),
    "mute_user": Text(ja="コメント制限", en="Mute"),
    "pause_listing": Text(ja="出品停止", en="Pause listing"),
}
SHOWN = Shown(
    folder="policy-2026-12",
    against="policy",
    inputs=("alerts-2026-11-24.jsonl", "alerts-2026-11-25.jsonl", "alerts-2026-11-26.jsonl"),
    zone=TOKYO,
    made=datetime(2026, 11, 27, 1, 30, tzinfo=UTC),
)


def hours(count: int = 72) -> tuple[Hour, ...]:
    """Hours with a busy evening each day."""
    found = []
    for index in range(count):
        evening = max(0, 6 - abs(index % 24 - 20))
        alerts = 240 + 190 * evening + index * 37 % 90
        found.append(
            Hour(hour=STARTS + timedelta(hours=index), alerts=alerts, cases=alerts * 2 // 17)
        )
    return tuple(found)


def labels() -> Labels:
    """Labels with a curve; above the highest score nothing is counted."""
    curve = [
        Point(
            threshold=step / 20,
            precision=None if step == 20 else 0.31 + 0.66 * (step / 19) ** 0.7,
            recall=1 - (step / 20) ** 3,
            cases=4_210 - 210 * step,
        )
        for step in range(21)
    ]
    return Labels(
        tp=1_184, fp=127, fn=96, tn=2_803, precision=0.9031, recall=0.925, curve=tuple(curve)
    )


def changes() -> tuple[Change, ...]:
    """Ten examples of two kinds, and a few of the others."""
    handling = (("log", "case"), ("unmatched", "case"), ("silenced", "refused"))
    sides = {
        ChangeKind.PLAYBOOK: [("spam", "phishing")] * 3,
        ChangeKind.HANDLING: [handling[n % 3] for n in range(10)],
        ChangeKind.SEVERITY: [("medium", "critical")] * 10,
        ChangeKind.ACTIONS: [("", "hide_message, mute_user")] * 4,
    }
    return tuple(
        Change(kind=kind, alert=f"comment_model/a{n:04}", before=before, after=after)
        for kind, pairs in sides.items()
        for n, (before, after) in enumerate(pairs)
    )


def comparison() -> Comparison:
    """Differences of all four kinds."""
    counts = {"playbook": 3, "handling": 1_204, "severity": 318, "actions": 4}
    return Comparison(cases=5_002, counts=counts, changed=changes())


def trips() -> tuple[TripRecord, ...]:
    """One breaker of each cause."""
    given = (
        ("spam", "comment_model", "hide_message", "rate"),
        ("phishing", "link_feed", "mute_user", "subjects"),
        ("counterfeit", "image_model", "pause_listing", "precision"),
        ("harassment", "comment_model", "mute_user", "undone"),
    )
    return tuple(
        TripRecord(
            at=STARTS + timedelta(hours=20 + 9 * n, minutes=7 * n),
            playbook=playbook,
            detector=detector,
            action=action,
            cause=cause,
        )
        for n, (playbook, detector, action, cause) in enumerate(given)
    )


STAFFING = Staffing(
    people=12,
    minutes=4.5,
    handled=4_550,
    waiting=41,
    late_claims=212,
    late_decisions=67,
    busy=0.874,
    wait_median=6.25,
    wait_p90=38.0,
)
EMPTY: dict[str, Any] = {
    **dict.fromkeys(("alerts", "cases", "logged", "silenced", "unmatched", "invalid"), 0),
    **dict.fromkeys(("duplicates", "auto", "approvals", "escalations", "breaker_trips"), 0),
    **{key: {} for key in ("by_playbook", "by_severity", "actions", "withheld", "shadow")},
    "per_hour": (),
    "trips": (),
}
FULL: dict[str, Any] = {
    "alerts": 39_312,
    "cases": 4_591,
    "logged": 14_203,
    "silenced": 611,
    "unmatched": 23,
    "invalid": 7,
    "duplicates": 142,
    "by_playbook": {
        "self_harm": 38,
        "spam": 1_430,
        "off_platform": 922,
        "counterfeit": 871,
        "harassment": 640,
        "phishing": 402,
        "shill_bidding": 203,
        "resale_ring": 85,
    },
    "by_severity": {"low": 1_810, "critical": 311, "medium": 1_614, "high": 856},
    "actions": {"mute_user": 322, "hide_message": 1_904, "pause_listing": 118},
    "withheld": {"breaker": 406, "detector": 88, "playbook": 31, "exempt": 12, "trusted": 9},
    "auto": 734,
    "shadow": {"resale_ring": 57, "shill_bidding": 19},
    "approvals": 96,
    "escalations": 148,
    "per_hour": hours(),
    "breaker_trips": 4,
    "trips": trips(),
    "labels": labels(),
    "against": comparison(),
    "staffing": STAFFING,
    "since": STARTS,
    "until": STARTS + timedelta(days=3),
    "unfinished": True,
    "seconds": 41.26,
}


def empty(**changes: Any) -> BacktestReport:
    """A report without a single alert."""
    return BacktestReport(**{**EMPTY, **changes})


def full(**changes: Any) -> BacktestReport:
    """A report with every section."""
    return BacktestReport(**{**FULL, **changes})
