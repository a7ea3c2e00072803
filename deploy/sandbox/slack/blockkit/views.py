"""Check of a view: https://docs.slack.dev/reference/views"""

import json

from deploy.sandbox.slack.blockkit.blocks import Surface, check_blocks
from deploy.sandbox.slack.blockkit.objects import plain
from deploy.sandbox.slack.blockkit.shape import Check, Spot, anything, boolean, shape, string

# views.open, error view_too_large: "greater than 250kb".
MOST_BYTES = 250 * 1024

_COMMON: dict[str, Check] = {
    "private_metadata": string(3000, least=0),
    "callback_id": string(255, least=0),
    "external_id": string(255, least=0),
}
_MODAL = shape(
    {"type": string(), "title": plain(24), "blocks": anything},
    {
        **_COMMON,
        "submit": plain(24),
        "close": plain(24),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
)
_HOME = shape({"type": string(), "blocks": anything}, _COMMON)


def check_view(view: dict, surface: Surface) -> list[str]:
    """Faults of a view's frame and blocks in Slack's words; [] if valid."""
    spot = Spot("/view")
    if view.get("type") != surface.value:
        spot.at("type").fault(f"unsupported type: {view.get('type')}")
        return spot.faults
    (_MODAL if surface is Surface.MODAL else _HOME)(view, spot)
    blocks = view.get("blocks")
    has_inputs = isinstance(blocks, list) and any(
        isinstance(b, dict) and b.get("type") == "input" for b in blocks
    )
    if surface is Surface.MODAL and has_inputs and not view.get("submit"):
        spot.fault("missing required field: submit")
    return spot.faults + check_blocks(blocks, surface, "/view/blocks")


def too_large(view: dict) -> bool:
    return len(json.dumps(view, ensure_ascii=False).encode()) > MOST_BYTES
