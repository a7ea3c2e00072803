"""Method blocks.validate: https://docs.slack.dev/reference/methods/blocks.validate"""

import re

from deploy.sandbox.slack.args import Args
from deploy.sandbox.slack.blockkit.blocks import Surface, check_blocks
from deploy.sandbox.slack.blockkit.views import check_view
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.methods.chat import Method
from deploy.sandbox.slack.workspace import Workspace

_KINDS = ("blocks", "message", "view")
_FAULT = re.compile(r"\[ERROR\] (?P<message>.*) \[json-pointer:(?P<pointer>.*)\]", re.DOTALL)
# The method refuses `text` as an additional property: only blocks are checked.
_OF_A_MESSAGE = frozenset({"blocks", "attachments"})


class Invalid(SlackError):
    """Faults as objects; other methods answer with sentences."""

    def as_json(self) -> dict:
        return {"ok": False, "error": self.code, "errors": [_fault(each) for each in self.messages]}


def _fault(worded: str) -> dict:
    found = _FAULT.fullmatch(worded)
    assert found is not None, worded
    return {"pointer": found["pointer"], "code": "failed_constraint", "message": found["message"]}


def validate(workspace: Workspace, args: Args) -> dict:
    """Checks exactly one of `blocks`, `message` and `view`."""
    given = [kind for kind in _KINDS if kind in args]
    if len(given) != 1:
        raise SlackError("invalid_arguments", [f"[ERROR] exactly one of: {', '.join(_KINDS)}"])
    (kind,) = given
    faults = _CHECKS[kind](args.json(kind, "invalid_arguments"))
    if faults:
        raise Invalid(f"invalid_{kind}", faults)
    return {"ok": True}


def _blocks(blocks: object) -> list[str]:
    return check_blocks(blocks, Surface.MESSAGE, "")


def _message(message: object) -> list[str]:
    if not isinstance(message, dict):
        return ["[ERROR] must provide an object [json-pointer:]"]
    extra = sorted(message.keys() - _OF_A_MESSAGE)
    faults = [f"[ERROR] invalid additional property: {name} [json-pointer:]" for name in extra]
    return faults + check_blocks(message.get("blocks"), Surface.MESSAGE)


def _view(view: object) -> list[str]:
    if not isinstance(view, dict):
        return ["[ERROR] must provide an object [json-pointer:]"]
    surface = Surface.HOME if view.get("type") == Surface.HOME.value else Surface.MODAL
    found = check_view(view, surface)
    return [each.replace("[json-pointer:/view", "[json-pointer:") for each in found]


_CHECKS = {"blocks": _blocks, "message": _message, "view": _view}
METHODS: dict[str, Method] = {"blocks.validate": validate}
