"""Pydantic's complaints, put into words for the person who writes policy."""

from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from activities.policy.reading import Document, Place

M = TypeVar("M", bound=BaseModel)
NOT_YET = {
    "protect": "`protect` is not carried out by this version",
    "acknowledged": "`unless: acknowledged` is not carried out by this version",
}


def validated(document: Document, model: type[M]) -> M | None:
    """`document` as `model`; its mistakes are added to the document's faults."""
    if document.faults or document.data is None:
        return None
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            _complain(document, model, each)
        return None


def _complain(document: Document, model: type[BaseModel], error: Any) -> None:
    place = _place(document, error["loc"])
    name = str(error["loc"][-1]) if error["loc"] else "the file"
    what, write = _words(document, model, error, name)
    document.fault(place, what, write)


def _place(document: Document, loc: tuple[int | str, ...]) -> Place:
    """The part of pydantic's location that is in the file (it also names types and aliases)."""
    place: Place = ()
    for part in loc:
        if (*place, part) in document.lines:
            place = (*place, part)
    return place


def _words(document: Document, model: type[BaseModel], error: Any, name: str) -> tuple[str, str]:
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown(model, error, name)
    if kind == "missing":
        return f"`{name}` is missing", f"add `{name}:`"
    if kind == "enum":
        allowed = str(error["ctx"]["expected"]).replace("'", "")
        return f"`{name}` can't be `{_short(error['input'])}`", f"write {allowed}"
    if kind == "value_error":
        what, _, write = str(error["ctx"]["error"]).partition("; ")
        return what, write or "mend it"
    message = str(error["msg"])
    return f"`{name}` is wrong ({message[0].lower()}{message[1:]})", "mend it"


def _unknown(model: type[BaseModel], error: Any, name: str) -> tuple[str, str]:
    if name in NOT_YET:
        return NOT_YET[name], "remove it"
    near = get_close_matches(name, sorted(_names(model)), n=1)
    write = f"write `{near[0]}`" if near else "remove it"
    return f"`{name}` is not known here", write


def _names(model: type[BaseModel], seen: set[type] | None = None) -> set[str]:
    """Every key that may stand somewhere in a file of this model."""
    seen = seen if seen is not None else set()
    if model in seen:
        return set()
    seen.add(model)
    names: set[str] = set()
    for name, field in model.model_fields.items():
        names.add(field.alias or name)
        for inner in _models_in(field.annotation):
            names |= _names(inner, seen)
    return names


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
