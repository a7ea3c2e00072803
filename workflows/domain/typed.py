"""What a person wrote themselves: given back to them where their command is refused."""

from workflows.domain.commands import Asked

_FIELDS = ("reason", "note", "question", "answer")
"""The fields of commands that hold a person's own words; a command has one of them at most."""


def typed_in(command: Asked) -> str:
    """The words of a command; empty where it takes none."""
    found = (getattr(command, name, "") for name in _FIELDS)
    return next((words for words in found if isinstance(words, str) and words.strip()), "")
