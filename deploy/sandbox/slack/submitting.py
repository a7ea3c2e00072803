"""A person submits or closes a modal: view_submission and view_closed.

https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
"""

from dataclasses import dataclass, field

from deploy.sandbox.slack.blockkit.values import Values, merged
from deploy.sandbox.slack.courier import Answer, Courier
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.model import Member, View
from deploy.sandbox.slack.payloads import envelope
from deploy.sandbox.slack.says import Trouble, input_fault, tell
from deploy.sandbox.slack.workspace import Workspace


@dataclass(frozen=True)
class Submitted:
    """`errors` sit under their inputs (block_id → text); `error` is Slack's own."""

    error: str | None = None
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.error is None and not self.errors


def open_view(workspace: Workspace, member: Member, view_id: str) -> View | None:
    return next((v for v in workspace.views.stack(member.id) if v.id == view_id), None)


async def submit(
    workspace: Workspace, courier: Courier, member: Member, view_id: str, values: Values
) -> Submitted:
    view = open_view(workspace, member, view_id)
    if view is None:
        return Submitted(error=tell(workspace, member, Trouble.VIEW_GONE))
    view.values = merged(view.values, values)
    if faults := _input_faults(view, member.locale):
        return Submitted(errors=faults)
    payload = envelope(workspace, "view_submission", member) | {
        "trigger_id": workspace.triggers.make(member.id),
        "view": view.as_json(),
        "response_urls": [],
    }
    answer = await courier.interact(payload)
    try:
        errors = _obey(workspace, view, _response(answer))
    except (SlackError, ValueError):
        return Submitted(error=tell(workspace, member, Trouble.SUBMITTED))
    workspace.feed.touch([member.id])
    return Submitted(errors=errors)


async def close(workspace: Workspace, courier: Courier, member: Member, view_id: str) -> None:
    """Takes the view off the screen; tells the app only where it asked to be told."""
    view = open_view(workspace, member, view_id)
    if view is None:
        return
    cleared = bool(view.content.get("clear_on_close"))
    if cleared:
        workspace.views.clear(member.id)
    else:
        workspace.views.close(view)
    workspace.feed.touch([member.id])
    if view.content.get("notify_on_close"):
        told = {"view": view.as_json(), "is_cleared": cleared}
        await courier.interact(envelope(workspace, "view_closed", member) | told)


def _input_faults(view: View, locale: str) -> dict[str, str]:
    found = {}
    for block in view.blocks:
        if block.get("type") == "input":
            value = view.values[block["block_id"]][block["element"]["action_id"]]
            if text := input_fault(block, value, locale):
                found[block["block_id"]] = text
    return found


def _response(answer: Answer) -> dict:
    """The app's response_action, {} for a bare 200; ValueError when Slack could not use it."""
    if not answer.ok:
        raise ValueError("no usable answer")
    if not answer.body.strip():
        return {}
    body = answer.json()
    if not isinstance(body, dict):
        raise ValueError("not an object")
    return body


def _obey(workspace: Workspace, view: View, response: dict) -> dict[str, str]:
    """Carries out the response_action; the errors to show, if any."""
    match response.get("response_action"):
        case None:
            workspace.views.close(view)
        case "clear":
            workspace.views.clear(view.user)
        case "update":
            workspace.drew(workspace.views.update(view, response.get("view")))
        case "push":
            workspace.drew(workspace.views.push(view.user, response.get("view")))
        case "errors":
            return _checked_errors(view, response.get("errors"))
        case unknown:
            raise ValueError(f"unknown response_action {unknown}")
    return {}


def _checked_errors(view: View, errors: object) -> dict[str, str]:
    inputs = {b["block_id"] for b in view.blocks if b.get("type") == "input"}
    if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
        raise ValueError("errors must name input blocks of the view")
    return {block: str(text) for block, text in errors.items()}
