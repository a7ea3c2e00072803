"""Block elements: https://docs.slack.dev/reference/block-kit/block-elements"""

from collections.abc import Mapping

from deploy.sandbox.slack.blockkit.objects import (
    CONFIRM,
    DISPATCH,
    FILTER,
    MENU,
    MENU_OPTION,
    SLACK_FILE,
    TICK_OPTION,
    exactly_one,
    plain,
)
from deploy.sandbox.slack.blockkit.shape import (
    Check,
    anything,
    boolean,
    integer,
    items,
    one_of,
    pattern,
    shape,
    string,
    url,
)

ACTION_ID = string(255)
DATE = pattern(r"\d{4}-\d{2}-\d{2}", "YYYY-MM-DD")
TIME = pattern(r"([01]\d|2[0-3]):[0-5]\d", "HH:mm")
TEN_DIGITS = integer(1_000_000_000, 9_999_999_999)


def element(
    required: Mapping[str, Check] | None = None,
    optional: Mapping[str, Check] | None = None,
    *also: Check,
) -> Check:
    common: dict[str, Check] = {"action_id": ACTION_ID, "confirm": CONFIRM}
    return shape({"type": string(), **(required or {})}, {**common, **(optional or {})}, *also)


_FOCUS: dict[str, Check] = {"focus_on_load": boolean}
_HINT: dict[str, Check] = {**_FOCUS, "placeholder": plain(150)}
_MANY: dict[str, Check] = {**_HINT, "max_selected_items": integer(1)}
_SOME_MENU = exactly_one("options", "option_groups")

BUTTON = element(
    {"text": plain(75)},
    {
        "value": string(2000),
        "url": url(),
        "style": one_of("primary", "danger"),
        "accessibility_label": string(75),
    },
)
IMAGE = shape(
    {"type": string(), "alt_text": string(2000)},
    {"image_url": url(), "slack_file": SLACK_FILE},
    exactly_one("image_url", "slack_file"),
)

MENUS: dict[str, Check] = {
    "static_select": element({}, {**_HINT, **MENU, "initial_option": MENU_OPTION}, _SOME_MENU),
    "external_select": element(
        {}, {**_HINT, "min_query_length": integer(0), "initial_option": MENU_OPTION}
    ),
    "users_select": element({}, {**_HINT, "initial_user": string()}),
    "conversations_select": element(
        {},
        {
            **_HINT,
            "initial_conversation": string(),
            "default_to_current_conversation": boolean,
            "response_url_enabled": boolean,
            "filter": FILTER,
        },
    ),
    "channels_select": element(
        {}, {**_HINT, "initial_channel": string(), "response_url_enabled": boolean}
    ),
}
MULTI_MENUS: dict[str, Check] = {
    "multi_static_select": element(
        {}, {**_MANY, **MENU, "initial_options": items(MENU_OPTION, most=100)}, _SOME_MENU
    ),
    "multi_external_select": element(
        {},
        {**_MANY, "min_query_length": integer(0), "initial_options": items(MENU_OPTION, most=100)},
    ),
    "multi_users_select": element({}, {**_MANY, "initial_users": items(string())}),
    "multi_conversations_select": element(
        {},
        {
            **_MANY,
            "initial_conversations": items(string()),
            "default_to_current_conversation": boolean,
            "filter": FILTER,
        },
    ),
    "multi_channels_select": element({}, {**_MANY, "initial_channels": items(string())}),
}
PICKERS: dict[str, Check] = {
    "datepicker": element({}, {**_HINT, "initial_date": DATE}),
    "timepicker": element({}, {**_HINT, "initial_time": TIME, "timezone": string()}),
    "datetimepicker": element({}, {**_FOCUS, "initial_date_time": TEN_DIGITS}),
    "radio_buttons": element(
        {"options": items(TICK_OPTION, most=10)}, {**_FOCUS, "initial_option": TICK_OPTION}
    ),
    "checkboxes": element(
        {"options": items(TICK_OPTION, most=10)},
        {**_FOCUS, "initial_options": items(TICK_OPTION, most=10)},
    ),
}
_TYPED: dict[str, Check] = {**_HINT, "dispatch_action_config": DISPATCH}
TYPED: dict[str, Check] = {
    "plain_text_input": element(
        {},
        {
            **_TYPED,
            "initial_value": string(3000, least=0),
            "multiline": boolean,
            "min_length": integer(0, 3000),
            "max_length": integer(1, 3000),
        },
    ),
    "number_input": element(
        {"is_decimal_allowed": boolean},
        {**_TYPED, "initial_value": string(), "min_value": string(), "max_value": string()},
    ),
    "email_text_input": element({}, {**_TYPED, "initial_value": string()}),
    "url_text_input": element({}, {**_TYPED, "initial_value": url()}),
    "rich_text_input": element({}, {**_TYPED, "initial_value": anything}),
}
OVERFLOW = element({"options": items(MENU_OPTION, most=5)})

IN_ACTIONS: dict[str, Check] = {"button": BUTTON, "overflow": OVERFLOW, **MENUS, **PICKERS}
IN_SECTION: dict[str, Check] = {**IN_ACTIONS, **MULTI_MENUS, "image": IMAGE}
IN_INPUT: dict[str, Check] = {**MENUS, **MULTI_MENUS, **PICKERS, **TYPED}
FILE_INPUT = element({}, {"filetypes": items(string()), "max_files": integer(1, 10)})

_FEEDBACK = shape({"text": plain(75), "value": string(2000)}, {"accessibility_label": string(75)})
IN_CONTEXT_ACTIONS: dict[str, Check] = {
    "feedback_buttons": element({"positive_button": _FEEDBACK, "negative_button": _FEEDBACK}),
    "icon_button": element(
        {"icon": one_of("trash"), "text": plain(75)},
        {
            "value": string(2000),
            "accessibility_label": string(75),
            "visible_to_user_ids": items(string()),
        },
    ),
}
