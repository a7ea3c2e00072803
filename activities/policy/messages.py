"""Messages for mistakes in the policy, from pydantic's errors."""

from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from activities.policy.yaml_document import Document, Place

M = TypeVar("M", bound=BaseModel)

Models = set[type[BaseModel]]

SHAPES = {
    r"^([^\sA-Z\x00-\x2c./:-@\[-\^`\{-\x7f\u2000-\u206f\u3000-\u303f]{1,80}|[CG][A-Z0-9]{8,20})$": (
        "write the channel's name in small letters without #, as ts-live, or its id, as C0123ABCDEF"
    ),
    r"^[a-z][a-z0-9_]{0,39}$": "write small letters, digits and _, 40 at most",
    r"^S[A-Z0-9]{2,20}$": "write the id of the Slack user group, as S0123ABCD",
    r"^[UW][A-Z0-9]{2,20}$": "write the person's Slack id, as U0123ABCD",
    r"^[A-Z][A-Z0-9_]{0,99}$": "write the name of an environment variable, as KOBAN_CHAT_SECRET",
    r"^[A-Za-z0-9_.-]{1,64}$": "write letters, digits, _ . and -, 64 at most",
    r"^[A-Za-z0-9_.-]{1,100}$": "write the name of a field of the answer, as profile.email",
    r"^/([^/?#][^?#]*)?\{id\}[^?#]*$": "write a path with {id} in it, as /v1/users/{id}",
    r"^/([^/?#{}][^?#{}]*)?\{id\}[^?#{}]*(\?[^#{}]*)?$": (
        "write a path with {id} in it, as /v1/users/{id}/related?by=device"
    ),
    r"^([01][0-9]|2[0-3]):[0-5][0-9]$": "write a time of day in quotes, as '09:00'",
    r"^[0-9]{4}-[01][0-9]-[0-3][0-9]$": "write a date in quotes, as '2026-12-31'",
    r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$": (
        "write a host's name alone in small letters, as images.example.com"
    ),
    r"^/([^/]|$)": "let the path begin with one /",
    r"^[1-9][0-9]{0,6}/[smh]$": "write a number of alerts by s, m or h, as 600/m",
}
"""Remedies by the required pattern."""

WRITES = {
    "tuple_type": "write a list: [a, b], or a line with - for each",
    "bool": "write true or false",
    "int": "write a whole number",
    "string_type": "put it in quotes",
    "greater_than_equal": "write {ge} or more",
    "less_than_equal": "write {le} or less",
    "too_short": "write at least {min_length}",
    "too_long": "write at most {max_length}",
    "string_too_long": "write at most {max_length} characters",
}
"""Remedies by prefix of pydantic's error type."""

REMEDIES = {
    "`notify: role` and `role: …` go together": "write both, or neither",
    "`notify: person` and `person: …` go together": "write both, or neither",
    "`on_failure: stop` and `undo` need `order: in_turn`": "add `order: in_turn`",
    "`warn` must be shorter than `idle`": "write less than `idle`",
    "`notice` and `no_notice` exclude each other": "keep one of them",
    "a query runs by either `every` or `cron`": "write one of them",
    "`every` is 10s or more": "write for example 5m",
    "`window` is 1h or less": "write for example 5m",
    "`sql` and `alert` go together": "add the one that is missing",
    "a query posts nothing, and needs no `secret`": "leave `secret` out",
    "a query posts nothing, and has no `map`": "write `alert` over `row`",
    "a query posts nothing, and has no `rate`": "limit its rows with `sql.limits.rows`",
    "`notice` is the text for the person, not `none`": "write `no_notice` with the reason for it",
    "`remind` must be shorter than `within`": "write less than `within`",
}
"""Remedies of errors over several keys."""

RENAMED = {"ring": "bulk", "blast": "impact", "rehearse": "dry_run"}
"""Keys of earlier versions with their new names."""


def validated(document: Document, model: type[M]) -> M | None:
    """The document as a model; mistakes are added to its faults."""
    if document.faults or document.data is None:
        return None
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            _add_fault(document, model, each)
        return None


def _add_fault(document: Document, model: type[BaseModel], error: Any) -> None:
    place = _place(document, error["loc"])
    name = str(error["loc"][-1]) if error["loc"] else "the file"
    what, write = _words(document, model, error, name)
    document.fault(place, what, write)


def _place(document: Document, loc: tuple[int | str, ...]) -> Place:
    """The place in the file: pydantic's location also has types and aliases."""
    place: Place = ()
    for part in loc:
        if (*place, part) in document.lines:
            place = (*place, part)
    return place


def _words(document: Document, model: type[BaseModel], error: Any, name: str) -> tuple[str, str]:
    kind, context = error["type"], error.get("ctx", {})
    wrong = f"{_subject(error)} can't be `{_short(error['input'])}`"
    if kind == "extra_forbidden":
        return _unknown(model, error, name)
    if kind == "missing":
        return f"`{name}` is missing", f"add `{name}:`"
    if error["input"] is None:
        return f"{_subject(error)} has no value", "write one (what follows # is a comment)"
    if kind == "zoneinfo_str":
        return wrong, "write a time zone's name, as Asia/Tokyo"
    if kind in ("enum", "literal_error"):
        allowed = str(context["expected"]).replace("'", "")
        return wrong, f"write {allowed}"
    if kind == "value_error":
        what, _, write = str(context["error"]).partition("; ")
        return what, REMEDIES.get(what) or write or f"mend `{name}`"
    if kind == "string_pattern_mismatch":
        if name == "env":
            # The value may be the secret itself, and the message goes to a terminal or CI.
            wrong = "`env` is not the name of an environment variable"
        return wrong, SHAPES.get(context["pattern"], f"write what matches {context['pattern']}")
    if kind in ("model_type", "dict_type"):
        return f"{_subject(error)} has no keys of its own", f"write {_keys(model, context)}"
    return _measured(error, wrong)


def _measured(error: Any, wrong: str) -> tuple[str, str]:
    """Words for values of the wrong type or size."""
    for sign, write in WRITES.items():
        if error["type"].startswith(sign):
            return wrong, write.format(**error.get("ctx", {}))
    message = str(error["msg"])
    return f"{_subject(error)} is wrong ({message[0].lower()}{message[1:]})", "mend it"


def _subject(error: Any) -> str:
    """The subject of the message: a value by its key, or a key."""
    names = [part for part in error["loc"] if isinstance(part, str)]
    if names[-1:] == ["[key]"]:
        return "a key here"
    return f"`{names[-1]}`" if names else "the file"


def _keys(model: type[BaseModel], context: dict[str, Any]) -> str:
    """The keys that a model needs, as one would write them."""
    wanted = context.get("class_name")
    named = next((each for each in all_models(model) if each.__name__ == wanted), None)
    if named is None:
        return "`key: value` pairs"
    needed = [f.alias or n for n, f in named.model_fields.items() if f.is_required()]
    return "{" + ", ".join(f"{each}: …" for each in needed or ["key"]) + "}"


def _unknown(model: type[BaseModel], error: Any, name: str) -> tuple[str, str]:
    if name in RENAMED:
        return f"`{name}` was renamed", f"write `{RENAMED[name]}`"
    near = get_close_matches(name, sorted(_names(model)), n=1)
    write = f"write `{near[0]}`" if near else "remove it"
    return f"`{name}` is not known here", write


def _names(model: type[BaseModel]) -> set[str]:
    """Every key that may stand somewhere in a file of this model."""
    models = all_models(model)
    return {f.alias or name for each in models for name, f in each.model_fields.items()}


def all_models(model: type[BaseModel], seen: Models | None = None) -> Models:
    """The models that a file of `model` is made of, itself included."""
    seen = set() if seen is None else seen
    if model not in seen:
        seen.add(model)
        for field in model.model_fields.values():
            for inner in _models_in(field.annotation):
                all_models(inner, seen)
    return seen


def _models_in(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    found: set[type[BaseModel]] = set()
    for argument in getattr(annotation, "__args__", ()):
        found |= _models_in(argument)
    return found


def _short(given: object) -> str:
    text = str(given)
    return text if len(text) <= 40 else text[:39] + "…"
