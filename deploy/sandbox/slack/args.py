"""Arguments of a Web API call from JSON, form or query."""

import json
from collections.abc import Mapping

from deploy.sandbox.slack.errors import SlackError, missing


class Args:
    def __init__(self, given: Mapping[str, object]) -> None:
        self._given = {name: value for name, value in given.items() if value is not None}

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def text(self, name: str, default: str = "") -> str:
        value = self._given.get(name, default)
        return value if isinstance(value, str) else str(value)

    def need(self, name: str, error: str | None = None) -> str:
        """A non-empty string; `invalid_arguments` or the given error otherwise."""
        value = self.text(name)
        if not value:
            raise SlackError(error) if error else missing(name)
        return value

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.text(name) or default)
        except ValueError as wrong:
            raise SlackError("invalid_arguments", [f"[ERROR] invalid {name}"]) from wrong

    def json(self, name: str, error: str) -> object:
        """A JSON value, given as such or as a string that holds one; None when absent."""
        value = self._given.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError as wrong:
            raise SlackError(error) from wrong
