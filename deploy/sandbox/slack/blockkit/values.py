"""Values of inputs: the `state.values` of messages and views."""

from deploy.sandbox.slack.blockkit.blocks import elements_of, unpacked

# element type → (its field in state and in an action, the field that gives its first value)
FIELDS: dict[str, tuple[str, str]] = {
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "file_input": ("files", "initial_files"),
}
Values = dict[str, dict[str, dict]]


def initial_values(blocks: list[dict]) -> Values:
    """`state.values` before any input."""
    values: Values = {}
    for block in unpacked(blocks):
        for _, element in elements_of(block):
            if element.get("type") in FIELDS:
                spot = values.setdefault(block["block_id"], {})
                spot[element["action_id"]] = first_value(element)
    return values


def first_value(element: dict) -> dict:
    field, initial = FIELDS[element["type"]]
    empty: object = [] if field.endswith("s") else None
    return {"type": element["type"], field: element.get(initial, empty)}


def carried_over(old: Values, new: Values) -> Values:
    """Values of an updated view: typed input stays if block_id, action_id and type are the same."""
    return {
        block: {
            action: kept
            if (kept := old.get(block, {}).get(action)) and kept["type"] == fresh["type"]
            else fresh
            for action, fresh in actions.items()
        }
        for block, actions in new.items()
    }


def merged(base: Values, given: Values) -> Values:
    """`base` with the sent values; unknown blocks and actions are ignored."""
    return {
        block: {
            action: {**old, **_known(old, given.get(block, {}).get(action))}
            for action, old in actions.items()
        }
        for block, actions in base.items()
    }


def _known(old: dict, given: dict | None) -> dict:
    field = FIELDS[old["type"]][0]
    return {field: given[field]} if given and field in given else {}


def is_empty(value: dict) -> bool:
    return value.get(FIELDS[value["type"]][0]) in (None, "", [])


def options_of(element: dict) -> list[dict]:
    """All options of a menu, without its groups."""
    groups = element.get("option_groups") or []
    return [*(element.get("options") or []), *(o for g in groups for o in g.get("options", []))]
