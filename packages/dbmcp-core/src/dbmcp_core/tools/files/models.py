"""Values of a file to models, and what is wrong with them in the words of whoever writes one."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from dbmcp_core.settings import nearest
from dbmcp_core.tools.files.documents import Document, Route
from dbmcp_core.tools.model import ProjectPolicy, TypeSpec
from dbmcp_core.tools.problems import Problem

__all__ = ["POLICIES", "subject_of", "validated"]

#: What problems of rules for many definitions call them: without these rules nothing may be called.
POLICIES = "policies"

_Model = typing.TypeVar("_Model", bound=BaseModel)


def validated(
    model: type[_Model], value: Any, document: Document, route: Route, problems: list[Problem]
) -> _Model | None:
    """Return *value* as *model*, or None and what is wrong in *problems*."""
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        subject = subject_of(model, value)
        seen: set[tuple[Route, str]] = set()
        for error in _meant(exc.errors(include_url=False)):
            path, message = _told(model, typing.cast("Mapping[str, Any]", error))
            if (path, message) not in seen:
                seen.add((path, message))
                problems.append(document.problem(message, (*route, *path), subject=subject))
        return None


def _meant(errors: Sequence[Any]) -> Iterator[Any]:
    """Yield the errors without those of a union's plain member, where what stands there was meant for another."""
    for error in errors:
        place = error["loc"][:-1]
        is_plain = error["loc"] and error["loc"][-1] in _PLAIN
        if not (is_plain and any(other is not error and other["loc"][: len(place)] == place for other in errors)):
            yield error


_PLAIN = ("bool", "str", "int", "float")


def subject_of(model: type[BaseModel], value: Any) -> str:
    """Return what problems call *value*, which should be a *model*: ``tool:orders``, as far as it says."""
    if model is ProjectPolicy:
        return POLICIES
    kind = getattr(model, "kind", "")
    key = value.get("name") or value.get("uri") if isinstance(value, dict) else None
    return f"{kind}:{key}" if kind and key else ""


def _told(model: type[BaseModel], error: Mapping[str, Any]) -> tuple[Route, str]:
    """Return where an error of pydantic stands, and what it says in our words."""
    route, owner = _route(model, error["loc"])
    key = repr(str(route[-1])) if route else "it"
    kind, given, context = error["type"], error.get("input"), error.get("ctx", {})
    if kind == "extra_forbidden":
        remedy = (_INSTEAD if issubclass(owner, TypeSpec) else _ELSEWHERE).get(str(route[-1]))
        if " " in str(route[-1]):
            remedy = "a text with a comma in it wants quotes inside of {…}"
        return route, f"unknown key {key}{f'; {remedy}' if remedy else nearest(str(route[-1]), _keys(owner))}"
    if kind == "missing":
        return route[:-1], f"{key} is missing"
    if kind == "literal_error":
        known = [str(one) for one in _choices(str(context["expected"]))]
        close = nearest(given, known) if isinstance(given, str) else ""
        if route[-1:] == ("type",) and issubclass(owner, TypeSpec) and str(given) in _TYPES:
            close = f" (did you mean {_TYPES[str(given)]}?)"
        one_of = f"one of {', '.join(known)}" if len(known) > 1 else repr(known[0])
        return route, f"{key} wants {one_of}, not {_shown(given)}{close if 'did you' in close else ''}"
    if kind == "value_error":
        route = (*route, *getattr(context["error"], "path", ()))
        named = [step for step in route if isinstance(step, str)]
        return route, f"{named[-1]!r} {context['error']}" if named else str(context["error"])
    wanted = _WANTED.get(kind)
    if wanted is not None:
        remedy = _REQUIRED if route[-1:] == ("required",) and isinstance(given, bool) else ""
        remedy = remedy or (_FORMS.get(str(route[-1]), "") if route else "")
        return route, f"{key} wants {wanted}, not {_shown(given)}{remedy}"
    if kind in ("greater_than_equal", "greater_than"):
        least = "at least" if kind == "greater_than_equal" else "more than"
        return route, f"{key} wants {least} {context.get('ge', context.get('gt'))}, not {_shown(given)}"
    return route, f"{key}: {error['msg'][0].lower()}{error['msg'][1:]}"


#: What people write for the six types, and keys that other formats have for what is said differently here.
_TYPES = {
    **dict.fromkeys(("float", "double", "decimal", "numeric", "real"), "'number'"),
    **dict.fromkeys(("long", "bigint", "smallint"), "'integer'"),
    **dict.fromkeys(("text", "varchar", "char", "uuid", "enum"), "'string'"),
    **{name: f"'string' with format: {name}" for name in ("date", "time", "date-time", "duration", "email", "uri")},
    **dict.fromkeys(("datetime",), "'string' with format: date-time"),
    **dict.fromkeys(("timestamp",), "'string' with format: timestamp"),
    **dict.fromkeys(("list", "tuple", "set"), "'array'"),
    **dict.fromkeys(("dict", "map", "json", "struct", "record"), "'object'"),
}
_INSTEAD = {
    **dict.fromkeys(("optional", "nullable"), "a parameter with a 'default', which may be null, is optional"),
    **dict.fromkeys(("min", "gte", "ge"), "the least number is 'minimum'"),
    **dict.fromkeys(("max", "lte", "le"), "the greatest number is 'maximum'"),
    **dict.fromkeys(("values", "choices", "options", "allowed"), "the only values there are stand under 'enum'"),
    **dict.fromkeys(("regex", "regexp"), "a regular expression is a 'pattern'"),
    "const": "one value alone is an 'enum' of it",
    "example": "values to show are a list under 'examples'",
}
#: Keys that stand in another place than people think.
_ELSEWHERE = {
    **dict.fromkeys(("code", "sql", "query", "file"), "the code stands under 'source', as {code: …} or {file: …}"),
    **dict.fromkeys(("input", "output"), "rules stand under 'policies'"),
}
#: What stands under a key, where it is of another kind.
_FORMS = {
    "source": "; write {code: …}, or {file: …}",
    "parameters": "; write '- {name: …, type: …}' for each",
    "tests": "; write '- {name: …, arguments: […], result: …}' for each",
    "arguments": "; write '- {key: …, value: …}' for each",
    **dict.fromkeys(("input", "output"), "; write '- {condition: …, action: …}' for each"),
}
_REQUIRED = (
    "; it is the list of an object's properties that must be there. A parameter is required unless it has a 'default'"
)

_WANTED = {
    "string_type": "a text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "string_too_short": "some text",
    "too_short": "at least one entry",
}


def _choices(expected: str) -> list[str]:
    return [part.strip(" '") for part in expected.replace(" or ", ", ").split(",")]


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _route(model: type[BaseModel], location: Sequence[str | int]) -> tuple[Route, type[BaseModel]]:
    """Return *location* without the names of a union's members, and the model that its last key belongs to."""
    route: list[str | int] = []
    owner, annotation = model, typing.cast("Any", model)
    for step in location:
        models, has_keys = _parts(annotation)
        if isinstance(step, int) or has_keys:
            route.append(step)
            annotation = _inner(annotation)
            has_keys = False
            continue
        if not models or step in {"bool", *(one.__name__ for one in models)}:
            continue
        owner = models[0]
        route.append(step)
        known = next((one for name, one in owner.model_fields.items() if (one.alias or name) == step), None)
        annotation = known.annotation if known is not None else None
    return tuple(route), owner


def _parts(annotation: Any) -> tuple[list[type[BaseModel]], bool]:
    """Return the models that *annotation* may be, and whether it is a mapping with keys of its own."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation], False
    origin = typing.get_origin(annotation)
    if origin is dict:
        return [], True
    if origin in (types.UnionType, typing.Union, typing.Annotated):
        found: list[type[BaseModel]] = []
        for one in typing.get_args(annotation):
            models, has_keys = _parts(one)
            if has_keys:
                return [], True
            found += models
        return found, False
    return [], False


def _inner(annotation: Any) -> Any:
    """Return what the items of a list, or the values of a mapping, are."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (list, dict):
        return arguments[-1]
    for one in arguments:
        if (found := _inner(one)) is not None:
            return found
    return None


@cache
def _keys(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(one.alias or name for name, one in model.model_fields.items())
