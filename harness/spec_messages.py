"""Turn what pydantic finds wrong with a benchmark file into one message with its place."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness.errors import InputError
from harness.suggest import suggestion
from harness.yaml_file import YamlFile

T = TypeVar("T", bound=BaseModel)
_MENDS = {
    "string_type": "Write a text, in quotes if it looks like a number.",
    "int_type": "Write a whole number.",
    "int_from_float": "Write a whole number.",
    "float_type": "Write a number such as 0.95 or 1.0e-3.",
    "bool_type": "Write true or false.",
    "tuple_type": "Write a list in square brackets.",
    "dict_type": "Write fields such as {name: value}.",
    "model_type": "Write fields such as {name: value}.",
}
_EMPTY: dict[str | int, str] = {
    "models": "Name at least one model.",
    "metrics": "Name at least one metric, or leave it out for those of the protocol.",
    "priors": "Name at least one, or leave it out.",
    "output": "Write a folder, or leave it out for results/NAME.",
}


def validated(kind: type[T], values: dict[str, Any], file: YamlFile) -> T:
    """Return ``values`` as the model ``kind``.

    Raises
    ------
    InputError
        With the place of the first wrong field.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise InputError(_message(kind, problems[0], file)) from None


def _message(kind: type[BaseModel], problem: ErrorDetails, file: YamlFile) -> str:
    location = problem["loc"]
    place = file.place(location)
    if problem["type"] == "extra_forbidden":
        known = _fields(kind, location[:-1])
        return f"{place}: unknown key {str(location[-1])!r}. {suggestion(str(location[-1]), known)}"
    if problem["type"] == "missing":
        return f"{file.place(location[:-1])}: {location[-1]} is missing. Add `{location[-1]}: …`."
    if problem["type"] == "literal_error":
        known = problem["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return f"{place}: unknown value. {suggestion(str(problem['input']), known)}"
    if problem["type"] in ("string_too_short", "too_short") or problem["input"] is None:
        return f"{place}: it is empty. {_EMPTY.get(location[-1], 'Write a value.')}"
    words = problem["msg"].replace("Tuple", "list").replace("tuple", "list")
    words = words[0].lower() + words[1:]
    return f"{place}: {words}. {_MENDS.get(problem['type'], 'Mend the value.')}"


def _fields(kind: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    for part in location:
        inner = kind.model_fields[str(part)].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        kind = inner
    return list(kind.model_fields)
