"""Canned answers of the UI API: a case card, an approval, a modal with every input, a home."""

from typing import Any

Json = dict[str, Any]

CASE_TS = "1795403007.000100"
APPROVAL_TS = "1795403187.000200"
HOSTILE_TS = "1795403240.000300"
GALLERY_TS = "1795403250.000350"
EPHEMERAL_TS = "1795403260.000400"
HOSTILE = "<img src=x onerror=\"document.title='owned'\"> &lt;!channel&gt; &lt;b&gt;x&lt;/b&gt;"

SHORTCUTS: list[Json] = [
    {
        "name": "Open a case",
        "type": "global",
        "callback_id": "open_case",
        "description": "Open a case by hand",
    },
    {
        "name": "Report to T&S",
        "type": "message",
        "callback_id": "report_message",
        "description": "Report this message",
    },
]

PEOPLE: list[Json] = [
    {
        "id": "U0SATO",
        "name": "佐藤 美咲",
        "display_name": "佐藤",
        "locale": "ja-JP",
        "role": "specialist",
        "groups": ["S0SHIFT"],
        "color": "2b6cb0",
    },
    {
        "id": "U0CLARK",
        "name": "Emma Clark",
        "display_name": "Emma Clark",
        "locale": "en-US",
        "role": "specialist",
        "groups": ["S0SHIFT"],
        "color": "2f855a",
    },
    {
        "id": "U0TANAKA",
        "name": "田中 健",
        "display_name": "田中",
        "locale": "ja-JP",
        "role": "lead",
        "groups": ["S0LEAD"],
        "color": "b7472a",
    },
    {
        "id": "U0REED",
        "name": "Oliver Reed",
        "display_name": "Oliver Reed",
        "locale": "en-US",
        "role": "lead",
        "groups": ["S0LEAD"],
        "color": "8e5bb5",
    },
    {
        "id": "U0SUZUKI",
        "name": "鈴木 直子",
        "display_name": "鈴木",
        "locale": "ja-JP",
        "role": "auditor",
        "groups": ["S0AUDIT"],
        "color": "8a6d1a",
    },
]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: str, **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def context(*texts: str) -> Json:
    return {"type": "context", "elements": [mrkdwn(text) for text in texts]}


def button(text: str, action_id: str, **more: Any) -> Json:
    return {
        "type": "button",
        "text": plain(text),
        "action_id": action_id,
        "value": "K7Q2F9XM:3",
        **more,
    }


def option(text: str, value: str, **more: Any) -> Json:
    return {"text": plain(text), "value": value, **more}


BAN_CONFIRM = {
    "title": plain("「強制退会」の承認を依頼しますか？"),
    "text": mrkdwn("承認されるまで、ユーザー *u_123* には何も行いません。"),
    "confirm": plain("依頼する"),
    "deny": plain("やめる"),
    "style": "danger",
}


def case_blocks(state: str = "未対応") -> list[Json]:
    return [
        section(f"*重大* · 外部誘導 · `K7Q2F9XM`   *{state}*"),
        section(
            "ユーザー *u_123*（メルさん）が配信 *s_9* で購入者を外部に誘導した疑い\n"
            "スコア 0.97 · 視聴者 1,240 · 過去の措置 警告1・コメント制限1 · 対応中の別ケース 1"
        ),
        section("&gt;「LINE ID ください hxxps://ex[.]com」 ほか213件（12:03:10–12:03:55）"),
        context(
            "担当 未定 · 判断期限 <!date^1795403607^{time}|12:13> · "
            "<!date^1795403127^{time}|12:05> までに判断がなければリードに通知 · "
            "自動対応中: メッセージ非表示"
        ),
        {
            "type": "actions",
            "block_id": "case",
            "elements": [
                button("担当する", "case.claim", style="primary"),
                button("24時間コメント制限", "case.preset.mute"),
                button("強制退会…", "case.preset.ban", style="danger", confirm=BAN_CONFIRM),
                button("違反なし", "case.clear"),
                {
                    "type": "overflow",
                    "action_id": "case.more",
                    "options": [
                        option("引き継ぐ", "handover:K7Q2F9XM:3"),
                        option("保留にする", "snooze:K7Q2F9XM:3"),
                        option("検知内容を見る", "evidence:K7Q2F9XM:3"),
                    ],
                },
            ],
        },
    ]


def message(ts: str, user: str = "U0KOBAN", channel: str = "C0LIVE", **more: Any) -> Json:
    bot = user == "U0KOBAN"
    return {
        "ts": ts,
        "thread_ts": None,
        "channel": channel,
        "user": user,
        "bot": bot,
        "username": "Koban" if bot else user,
        "text": "",
        "blocks": [],
        "ephemeral": False,
        "edited": False,
        "reply_count": 0,
        "deleted": False,
        "metadata": None,
        "files": [],
    } | more


def live_messages() -> list[Json]:
    return [
        message("1795402900.000010", "U0TANAKA", text="本日は *外部誘導* が増えています。"),
        message("1795402910.000011", "U0TANAKA", text="<@U0SATO> 先に <#C0MARKET> をお願いします"),
        message(CASE_TS, text="重大な外部誘導の疑い", blocks=case_blocks(), reply_count=2),
        message(f"{CASE_TS[:-6]}000101", thread_ts=CASE_TS, text="12:03 受付"),
        message(
            f"{CASE_TS[:-6]}000102", thread_ts=CASE_TS, text="12:04 <!subteam^S0SHIFT> 未対応です"
        ),
        message(APPROVAL_TS, text="承認をお願いします", blocks=approval_blocks(), edited=True),
        message(HOSTILE_TS, "U0CLARK", text=HOSTILE),
    ]


def approval_blocks() -> list[Json]:
    return [
        {"type": "header", "text": plain("承認の依頼: 強制退会")},
        {
            "type": "section",
            "fields": [
                mrkdwn("*対象*\nu_123（メルさん）"),
                mrkdwn("*依頼者*\n<@U0CLARK>"),
                mrkdwn("*規約*\n<https://example.com/mkt|MKT-4.2>"),
                mrkdwn("*期限*\n<!date^1795405260^{date_short_pretty} {time}|12:41>"),
            ],
        },
        {"type": "divider"},
        section("判断理由: プロフィールと配信で計3回、LINE IDを提示"),
        {
            "type": "actions",
            "block_id": "approval",
            "elements": [
                button("承認", "approval.approve", style="primary"),
                button("却下…", "approval.reject", style="danger"),
                button("質問する", "approval.ask"),
            ],
        },
    ]


def gallery_blocks() -> list[Json]:
    """Every other Block Kit block."""
    return [
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "text", "text": "rich ", "style": {"bold": True}},
                        {"type": "user", "user_id": "U0SATO"},
                        {"type": "link", "url": "javascript:alert(1)", "text": " not a link"},
                    ],
                },
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "elements": [
                        {
                            "type": "rich_text_section",
                            "elements": [{"type": "text", "text": "LINE ID 3回"}],
                        }
                    ],
                },
            ],
        },
        {
            "type": "table",
            "rows": [
                [{"type": "raw_text", "text": "検知ルール"}, {"type": "raw_text", "text": "件数"}],
                [{"type": "raw_text", "text": "live-chat"}, {"type": "raw_number", "value": 213}],
            ],
        },
        {"type": "markdown", "text": "## 見出し\n- **太字** と `code`\n- [規約](https://e.com/x)"},
        {"type": "image", "image_url": "http://127.0.0.1:9/x.png", "alt_text": "配信の画面"},
        section(
            "担当の選択",
            block_id="gal",
            accessory={
                "type": "static_select",
                "action_id": "pick",
                "placeholder": plain("期間"),
                "options": [option("1時間", "1h"), option("24時間", "24h")],
            },
        ),
    ]


def modal(view_id: str = "V1") -> Json:
    """A view with every kind of input."""

    def entry(block_id: str, label: str, element: Json, **more: Any) -> Json:
        element = {"action_id": block_id, **element}
        return {
            "type": "input",
            "block_id": block_id,
            "label": plain(label),
            "element": element,
            **more,
        }

    verdicts = [option("違反", "violation"), option("違反なし", "no_violation")]
    actions = [option("コメント制限", "mute_user"), option("強制退会", "permanent_ban")]
    date = {"type": "datepicker", "initial_date": "2026-11-24"}
    moment = {"type": "datetimepicker", "initial_date_time": 1795402800}
    return {
        "id": view_id,
        "type": "modal",
        "callback_id": "decide",
        "hash": "1.1",
        "title": plain("判断する"),
        "submit": plain("判断を確定"),
        "close": plain("キャンセル"),
        "blocks": [
            {
                "type": "alert",
                "level": "warning",
                "text": mrkdwn("*強制退会* は承認制です。"),
            },
            entry("verdict", "判断", {"type": "radio_buttons", "options": verdicts}),
            entry("actions", "措置", {"type": "multi_static_select", "options": actions}),
            entry("duration", "期間", {"type": "static_select", "options": gallery_durations()}),
            entry("checks", "確認", {"type": "checkboxes", "options": verdicts}, optional=True),
            entry("person", "引き継ぐ相手", {"type": "users_select"}, optional=True),
            entry("until", "保留の期限", date, optional=True),
            entry("at", "時刻", {"type": "timepicker"}, optional=True),
            entry("moment", "日時", moment, optional=True),
            entry("count", "件数", {"type": "number_input", "min_value": "1"}, optional=True),
            entry("mail", "メール", {"type": "email_text_input"}, optional=True),
            entry(
                "reason",
                "判断理由",
                {"type": "plain_text_input", "multiline": True, "max_length": 200},
                hint=plain("次に読む人に伝わるように書いてください。"),
            ),
        ],
    }


def gallery_durations() -> list[Json]:
    return [option("1時間", "1h"), option("24時間", "24h"), option("7日", "7d")]


def home() -> Json:
    return {
        "id": "VHOME",
        "type": "home",
        "blocks": [
            {"type": "header", "text": plain("あなたのケース")},
            section(
                "*K7Q2F9XM* 外部誘導 · 重大\n判断期限 12:13",
                block_id="mine",
                accessory=button("開く", "home.open"),
            ),
            {"type": "divider"},
            context("対応中 1件 · 承認待ち 0件"),
        ],
    }


def state_of(person: Json) -> Json:
    """Response of `GET /ui/state` for `person`."""
    japanese = person["locale"].startswith("ja")
    dm = message(
        "1795402950.000020",
        channel="D0BOT",
        text="引き継ぎがあります。" if japanese else "A handoff for you.",
    )
    channels = [
        ("C0LIVE", "ts-live", "ライブ配信の通報と検知 / Live streams", False, 0, 0),
        ("C0MARKET", "ts-market", "出品・取引の検知 / Listings and orders", False, 3, 2),
        ("C0LEADS", "ts-leads", "承認と相談 / Approvals", False, 1, 0),
        ("C0GENERAL", "general", "全員への連絡 / Everyone", False, 0, 0),
        ("D0BOT", "Koban", "", True, 1, 1),
    ]
    live = live_messages()
    if person["id"] == "U0SATO":
        text = "ケース K7Q2F9XM は Emma Clark さんが12秒前に担当しました。"
        live.append(message(EPHEMERAL_TS, text=text, ephemeral=True))
    return {
        "seq": 0,
        "me": person,
        "channels": [
            dict(
                zip(("id", "name", "topic", "is_im", "unread", "mention_count"), entry, strict=True)
            )
            for entry in channels
        ],
        "messages": {
            "C0LIVE": live,
            "C0MARKET": [message(GALLERY_TS, channel="C0MARKET", blocks=gallery_blocks())],
            "C0LEADS": [],
            "C0GENERAL": [],
            "D0BOT": [dm],
        },
        "views": [],
        "home": home(),
        "errors": [],
    }
