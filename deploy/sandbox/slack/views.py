"""View store: the modal stack and App Home of each person."""

import secrets
import time
from dataclasses import dataclass, field

from deploy.sandbox.slack.blockkit.blocks import Surface
from deploy.sandbox.slack.blockkit.values import carried_over, initial_values
from deploy.sandbox.slack.blockkit.views import check_view, too_large
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.messages import with_ids
from deploy.sandbox.slack.model import View

# docs.slack.dev, modals: a root view and two pushed on top.
MOST_STACKED = 3


def new_hash() -> str:
    return f"{int(time.time())}.{secrets.token_urlsafe(6)}"


@dataclass
class Views:
    stacks: dict[str, list[View]] = field(default_factory=dict)
    homes: dict[str, View] = field(default_factory=dict)

    def open(self, user: str, content: object) -> View:
        """Opens a root view, which replaces an open modal."""
        view = self._made(user, content, Surface.MODAL)
        self.stacks[user] = [view]
        return view

    def push(self, user: str, content: object) -> View:
        stack = self.stacks.get(user) or []
        if not stack:
            raise SlackError("not_found")
        if len(stack) >= MOST_STACKED:
            raise SlackError("push_limit_reached")
        view = self._made(user, content, Surface.MODAL)
        view.root, view.previous = stack[0].id, stack[-1].id
        stack.append(view)
        return view

    def update(self, view: View, content: object, hash_: str | None = None) -> View:
        if hash_ and hash_ != view.hash:
            raise SlackError("hash_conflict")
        self._replace(view, self._checked(content, view.surface, view))
        return view

    def publish(self, user: str, content: object, hash_: str | None = None) -> View:
        home = self.homes.get(user)
        if hash_ and (home is None or hash_ != home.hash):
            raise SlackError("hash_conflict")
        if home is not None:
            return self.update(home, content)
        self.homes[user] = self._made(user, content, Surface.HOME)
        return self.homes[user]

    def close(self, view: View) -> None:
        stack = self.stacks.get(view.user, [])
        if view in stack:
            del stack[stack.index(view) :]

    def clear(self, user: str) -> None:
        self.stacks.pop(user, None)

    def stack(self, user: str) -> list[View]:
        return list(self.stacks.get(user, []))

    def find(self, view_id: str | None, external_id: str | None = None) -> View:
        """An open view by its id or external id. Raises `SlackError` `not_found`."""
        for view in self._all():
            if view_id and view.id == view_id:
                return view
            if external_id and view.external_id == external_id:
                return view
        raise SlackError("not_found")

    def _all(self) -> list[View]:
        return [v for stack in self.stacks.values() for v in stack] + list(self.homes.values())

    def _made(self, user: str, content: object, surface: Surface) -> View:
        checked = self._checked(content, surface, None)
        name = "V" + secrets.token_hex(5).upper()
        view = View(name, user, surface, checked, new_hash(), root=name)
        view.values = initial_values(view.blocks)
        return view

    def _replace(self, view: View, content: dict) -> None:
        view.content, view.hash = content, new_hash()
        view.values = carried_over(view.values, initial_values(view.blocks))

    def _checked(self, content: object, surface: Surface, replaces: View | None) -> dict:
        if not isinstance(content, dict):
            raise SlackError("invalid_arguments", ["[ERROR] must provide an object"])
        if too_large(content):
            raise SlackError("view_too_large")
        if faults := check_view(content, surface):
            raise SlackError("invalid_arguments", faults)
        external = content.get("external_id")
        if external and any(v.external_id == external and v is not replaces for v in self._all()):
            raise SlackError("duplicate_external_id")
        return {**content, "blocks": with_ids(content["blocks"])}
