"""pydantic's errors as sentences for a network engineer, each on the line of its key."""

from __future__ import annotations

from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from irrgate.workspace.complaints import Complaint
from irrgate.workspace.documents import Document, Path_
from irrgate.workspace.fields import OWN_REASON, kind, nearest, shown
from irrgate.workspace.models import Entry

E = TypeVar("E", bound=Entry)

_EXPECTED: Final = {
    "bool_type": "true or false is expected",
    "int_type": "a whole number is expected",
    "float_type": "a number is expected",
    "string_type": "text is expected",
    "list_type": "a list is expected",
    "dict_type": "a mapping is expected",
    "model_type": "a mapping of keys and values is expected",
}
_HINTS: Final = {
    "string_type": "put it in quotes",
    "list_type": "write it as [ONE, TWO]",
}
_BOUNDS: Final = {
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
    "greater_than": ("gt", "more than"),
}
_NOTHING: Final = ("has no value", "give it one, or leave the key out")


def validate(
    model: type[E], document: Document, path: Path_, value: Any, complaints: list[Complaint]
) -> E | None:
    """Return `value`, which stands at `path` of the document, as `model`.

    None when it is not one; then `complaints` has every reason.
    """
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        # No URLs, and no input of a whole entry: it may hold a password.
        complaints.extend(
            _complaint(model, document, path, error) for error in exc.errors(include_url=False)
        )
        return None


def _where(path: Path_, has_owner: bool) -> str:
    """Return a path as people say it: `AS64500 max_prefix.ipv4`, or `irr.timeout`."""
    owner = str(path[0]) if has_owner else ""
    keys = ".".join(step for step in path[has_owner:] if isinstance(step, str))
    return f"{owner} {keys}".strip()


def _complaint(
    model: type[Entry], document: Document, path: Path_, error: ErrorDetails
) -> Complaint:
    steps = tuple(step for step in error["loc"] if step not in {"list", "families"})
    reason, hint = _sentence(model, steps, error)
    where = _where((*path, *steps), bool(path))
    return document.complaint((*path, *steps), f"{where}: {reason}" if where else reason, hint)


def _sentence(model: type[Entry], steps: Path_, error: ErrorDetails) -> tuple[str, str]:
    code, value, context = error["type"], error["input"], error.get("ctx", {})
    reason, hint = f"cannot be {kind(value)}", ""
    if code == "extra_forbidden":
        reason = "no such key"
        hint = nearest(str(steps[-1]), _known_keys(model, steps[:-1]))
    elif code == "missing":
        reason = "is missing"
    elif value is None:
        reason, hint = _NOTHING
    elif code == OWN_REASON:
        reason, hint = context["reason"], context["hint"]
    elif code == "bool_type" and str(value).lower() in {"yes", "no", "on", "off"}:
        reason = f"{_EXPECTED[code]}, not {shown(value)}"
        hint = "YAML 1.2 reads yes, no, on and off as text"
    elif code in _EXPECTED:
        # Only the kind: a number may be a password without quotes.
        reason, hint = f"{_EXPECTED[code]}, not {kind(value)}", _HINTS.get(code, "")
    elif code in _BOUNDS:
        bound, words = _BOUNDS[code]
        reason = f"{words} {context[bound]:.10g} is expected, not {shown(value)}"
    elif code == "too_short":
        reason, hint = "the list is empty", "give it an entry, or leave the key out"
    return reason, hint


def complain_of_nothing(document: Document, path: Path_, complaints: list[Complaint]) -> None:
    """Refuse each key below `path` without a value: nobody can say if a default was meant.

    Lists are left out: no item of one may be nothing.
    """
    value = document.value
    for step in path:
        value = value[step]
    pending: list[tuple[Path_, Any]] = [(path, value)]
    while pending:
        here, value = pending.pop()
        if value is None:
            reason, hint = _NOTHING
            where = _where(here, bool(path))
            complaints.append(document.complaint(here, f"{where}: {reason}", hint))
        elif isinstance(value, dict):
            pending.extend(((*here, key), below) for key, below in value.items())


def _known_keys(model: type[BaseModel], steps: Path_) -> list[str]:
    """Return the keys of the model that stands at `steps` below `model`."""
    here = model
    for step in steps:
        if step in here.model_fields:
            models = list(models_in(here.model_fields[str(step)].annotation))
            here = models[0] if models else here
    return [key for key, each in here.model_fields.items() if each.annotation is not type(None)]


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that a field's annotation names, its alternatives included."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]
