"""Composition objects: texts, options, option groups, confirm dialogs.

Limits: https://docs.slack.dev/reference/block-kit/composition-objects
"""

from deploy.sandbox.slack.blockkit.shape import (
    Check,
    Spot,
    anything,
    boolean,
    items,
    one_of,
    shape,
    string,
    tagged,
    url,
)


def plain(most: int = 3000) -> Check:
    return tagged(
        {
            "plain_text": shape(
                {"type": string(), "text": string(most)},
                {"emoji": boolean},
            )
        }
    )


def any_text(most: int = 3000) -> Check:
    mrkdwn = shape({"type": string(), "text": string(most)}, {"verbatim": boolean})
    return tagged({"plain_text": plain(most), "mrkdwn": mrkdwn})


def option(text: Check | None = None) -> Check:
    return shape(
        {"text": text or plain(75), "value": string(150)},
        {"description": text or plain(75), "url": url()},
    )


# Radio buttons and checkboxes may use mrkdwn in their labels; menus may not.
MENU_OPTION = option()
TICK_OPTION = option(any_text(75))

CONFIRM = shape(
    {
        "title": plain(100),
        "text": any_text(300),
        "confirm": plain(30),
        "deny": plain(30),
    },
    {"style": one_of("primary", "danger")},
)

_GROUP = shape({"label": plain(75), "options": items(MENU_OPTION, most=100)})


def exactly_one(*names: str) -> Check:
    def check(value: object, spot: Spot) -> None:
        given = [name for name in names if isinstance(value, dict) and value.get(name) is not None]
        if len(given) != 1:
            spot.fault(f"must provide exactly one of: {', '.join(names)}")

    return check


MENU: dict[str, Check] = {
    "options": items(MENU_OPTION, most=100),
    "option_groups": items(_GROUP, most=100),
}
SLACK_FILE = shape({}, {"id": string(), "url": string()}, also=exactly_one("id", "url"))
FILTER = shape(
    {},
    {
        "include": items(one_of("im", "mpim", "private", "public")),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
)
DISPATCH = shape({}, {"trigger_actions_on": items(anything)})
