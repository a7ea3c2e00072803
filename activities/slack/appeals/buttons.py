"""What can be pressed on an appeal's card now."""

from typing import Any

from activities.slack.appeals import handles
from activities.slack.drawing import Block, actions, button
from activities.slack.reader import Reader
from workflows.domain.appealing.state import WAITING, Appeal
from workflows.domain.identity import appeal_route

CLAIM, RELEASE = "appeal.claim", "appeal.release"
UPHOLD, OVERTURN = "appeal.uphold", "appeal.overturn"
TELL = "appeal.retry_notice"


def buttons(appeal: Appeal, reader: Reader) -> list[Block]:
    """The row of buttons; once it is answered, only for what could not be told."""
    tell = [] if appeal.undelivered is None else [_tell(appeal, reader)]
    if appeal.state not in WAITING:
        return actions(appeal_route(appeal.id), tell)
    free = appeal.owner is None
    row = [
        *([_press(appeal, CLAIM, reader.say("button.claim"), "primary")] if free else []),
        _press(appeal, UPHOLD, reader.say("appeal.button.uphold")),
        _press(appeal, OVERTURN, reader.say("appeal.button.overturn"), "danger"),
        *([] if free else [_press(appeal, RELEASE, reader.say("appeal.button.release"))]),
        *tell,
    ]
    return actions(appeal_route(appeal.id), row)


def _tell(appeal: Appeal, reader: Reader) -> dict[str, Any]:
    return _press(appeal, TELL, reader.say("button.notice_retry"))


def _press(appeal: Appeal, action: str, label: str, style: str | None = None) -> dict[str, Any]:
    return button(action, label, handles.encode(appeal.id, appeal.version), style)
