"""Error answers of the Web API."""


class SlackError(Exception):
    """Error response `{"ok": false, "error": code, "response_metadata": {"messages": [...]}}`."""

    def __init__(self, code: str, messages: list[str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.messages = messages or []

    def as_json(self) -> dict:
        body: dict = {"ok": False, "error": self.code}
        if self.messages:
            body["response_metadata"] = {"messages": self.messages}
            body["errors"] = [m.removeprefix("[ERROR] ") for m in self.messages]
        return body


def missing(name: str) -> SlackError:
    return SlackError("invalid_arguments", [f"[ERROR] missing required field: {name}"])
