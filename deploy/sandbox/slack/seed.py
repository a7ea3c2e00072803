"""People, groups and channels of a new workspace."""

from deploy.sandbox.slack.model import BOT_USER, Channel, Group, Member, Role

PEOPLE = [
    Member("U0SATO", "sato", "佐藤 美咲", "佐藤", role=Role.SPECIALIST, color="b8433f"),
    Member(
        "U0CLARK",
        "emma.clark",
        "Emma Clark",
        "Emma Clark",
        locale="en-US",
        role=Role.SPECIALIST,
        color="256ea6",
        tz="Europe/London",
    ),
    Member("U0TANAKA", "tanaka", "田中 健一", "田中", role=Role.LEAD, color="2f7a33"),
    Member(
        "U0REED",
        "oliver.reed",
        "Oliver Reed",
        "Oliver Reed",
        locale="en-US",
        role=Role.LEAD,
        color="8e5bb5",
        tz="America/New_York",
    ),
    Member("U0SUZUKI", "suzuki", "鈴木 直子", "鈴木", role=Role.AUDITOR, color="8a6508"),
    Member(BOT_USER, "koban", "Koban", "Koban", is_bot=True, color="1d3557"),
]
GROUPS = [
    ("S0SHIFT", "ts-shift", "T&S シフト", ["U0SATO", "U0CLARK"]),
    ("S0LEAD", "ts-lead", "T&S リード", ["U0TANAKA", "U0REED"]),
    ("S0AUDIT", "ts-audit", "T&S 監査", ["U0SUZUKI"]),
]
CHANNELS = [
    ("C0LIVE", "ts-live", "ライブ配信の通報と検知 / Live streams"),
    ("C0MARKET", "ts-market", "出品・取引の検知 / Listings and orders"),
    ("C0LEADS", "ts-leads", "承認と相談 / Approvals"),
    ("C0GENERAL", "general", "全員への連絡 / Everyone"),
]


def people() -> list[Member]:
    return list(PEOPLE)


def groups() -> list[Group]:
    return [Group(id_, handle, name, list(users)) for id_, handle, name, users in GROUPS]


def channels() -> list[Channel]:
    """The channels, all public; the app is not a member of #general."""
    everyone = {member.id for member in PEOPLE if not member.is_bot}
    return [
        Channel(
            id_, name, topic, members=everyone | ({BOT_USER} if name.startswith("ts-") else set())
        )
        for id_, name, topic in CHANNELS
    ]
