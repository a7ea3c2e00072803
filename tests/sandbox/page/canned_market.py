"""Canned answers of the marketplace panel and the fault switches."""

from typing import Any

Json = dict[str, Any]


def market() -> Json:
    """Response of `GET /market-ui/state`."""
    users = [
        {
            "id": f"u_{n}",
            "name": name,
            "status": status,
            "muted": muted,
            "muted_until": until,
            "strikes": n % 3,
        }
        for n, name, status, muted, until in [
            (123, "メル", "active", True, "2026-11-24T03:06:00Z"),
            (124, "はなこの古着屋さん", "active", False, None),
            (125, "<b>bold</b>", "banned", False, None),
            (126, "sneaker_king", "active", False, None),
            (127, "ゆうた", "suspended", False, None),
        ]
    ]
    streams = [{"id": "s_9", "title": "秋の古着セール", "status": "live", "viewers": 1240}]
    listings = [{"id": "m_77", "title": "ブランド財布", "status": "paused", "price": 12800}]
    texts = [{"id": "c_1", "text": "LINE ID ください", "user": "u_123", "hidden": True}]
    auctions = [{"id": "a_732", "status": "open", "bids": 14, "seller": "u_126"}]
    return {
        "users": users,
        "listings": listings,
        "streams": streams,
        "messages": texts,
        "auctions": auctions,
        "calls": calls(),
    }


def calls() -> list[Json]:
    def call(at: str, method: str, path: str, status: int, **more: Any) -> Json:
        base = {"idempotency_key": None, "actor": None, "replayed": False, "fault": None}
        made = {"at": f"2026-11-23T03:{at}Z", "method": method, "path": path, "status": status}
        return base | made | more

    key = "K7Q2F9XM/d1/mute_user/u_123"
    mutes = "/market/v1/users/u_123/mutes"
    return [
        call("06:04", "GET", "/market/v1/users/u_123", 200),
        call("06:03", "POST", mutes, 200, idempotency_key=key, actor="U0SATO", replayed=True),
        call(
            "06:01",
            "POST",
            mutes,
            503,
            idempotency_key=key,
            actor="U0SATO",
            fault="platform_500",
        ),
        call("05:20", "DELETE", "/market/v1/messages/c_1/hides/K7Q2F9XM", 204),
    ]


def faults() -> list[Json]:
    titles = {
        "slack_429": ("Slack のレート制限（429）", "Slack rate limit (429)"),
        "platform_500": ("マーケットのエラー（500）", "Marketplace errors (500)"),
        "platform_hang": ("マーケットの応答なし", "Marketplace not responding"),
        "kill_worker": ("ワーカーの停止", "Worker down"),
    }
    return [
        {"name": n, "on": False, "title": {"ja": ja, "en": en}} for n, (ja, en) in titles.items()
    ]


def detectors() -> list[dict]:
    """Detectors of `GET /detectors-ui/state`: a failing query, a mapped one, a pushed one."""
    text = "列がありません: bidder_id <b>bold</b>"
    return [
        {
            "id": "shill_sql",
            "title": {"ja": "吊り上げ（SQL）", "en": "Shill bidding (SQL)"},
            "kind": "sql",
            "state": "failing",
            "seen_at": "2026-11-23T03:05:00+00:00",
            "last_run": {
                "at": "2026-11-23T03:09:30+00:00",
                "seconds": 0.2,
                "rows": 25,
                "alerts": 24,
                "junk": 1,
            },
            "next_run": "2026-11-23T03:10:00+00:00",
            "error": {"ja": text, "en": "No such column: bidder_id"},
            "feedback": None,
        },
        {
            "id": "phishing_feed",
            "title": {"ja": "偽サイト通報フィード", "en": "Phishing feed"},
            "kind": "mapped",
            "state": "ok",
            "seen_at": "2026-11-23T03:08:00+00:00",
            "last_run": None,
            "next_run": None,
            "error": None,
            "feedback": None,
        },
        {
            "id": "spam",
            "title": {"ja": "チャットスパム", "en": "Chat spam"},
            "kind": "pushed",
            "state": "silent",
            "seen_at": None,
            "last_run": None,
            "next_run": None,
            "error": None,
            "feedback": {"waiting": 3, "dead": 1},
        },
    ]
