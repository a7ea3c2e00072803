"""Faults of the demo: failures of Slack, of the marketplace and of Koban's processes."""

from enum import StrEnum

from deploy.sandbox.slack import faults as slack
from deploy.sandbox.slack.faults import SLACK_FAULTS, SlackFault


class Fault(StrEnum):
    SLACK_429 = SlackFault.RATE_LIMITED.value
    SLACK_LOST_RESPONSE = SlackFault.LOST_RESPONSE.value
    SLACK_DOWN = SlackFault.DOWN.value
    SLACK_HANG = SlackFault.HANG.value
    PLATFORM_429 = "platform_429"
    PLATFORM_500 = "platform_500"
    PLATFORM_HANG = "platform_hang"
    PLATFORM_LOST_RESPONSE = "platform_lost_response"
    KILL_WORKER = "kill_worker"
    KILL_BOT = "kill_bot"
    KILL_TEMPORAL = "kill_temporal"


TITLES: dict[str, dict[str, str]] = {
    **SLACK_FAULTS,
    Fault.PLATFORM_429: {
        "ja": "マーケットのレート制限（429）",
        "en": "Marketplace rate limit (429)",
    },
    Fault.PLATFORM_500: {"ja": "マーケットのエラー（500）", "en": "Marketplace errors (500)"},
    Fault.PLATFORM_HANG: {"ja": "マーケットの応答なし", "en": "Marketplace not responding"},
    Fault.PLATFORM_LOST_RESPONSE: {
        "ja": "マーケットの応答消失（処理は完了）",
        "en": "Marketplace response lost (change made)",
    },
    Fault.KILL_WORKER: {"ja": "ワーカーの停止", "en": "Worker down"},
    Fault.KILL_BOT: {"ja": "ボットの停止", "en": "Bot down"},
    Fault.KILL_TEMPORAL: {"ja": "Temporal の停止", "en": "Temporal down"},
}


class Faults(slack.Faults):
    """All switches of the demo, initially off."""

    def __init__(self) -> None:
        super().__init__(TITLES)
