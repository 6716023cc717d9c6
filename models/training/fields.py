"""Types of the values that recipes hold."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field


def _number(value: Any) -> Any:
    """Take 3e-3 for the number that it is; YAML reads it as text, for want of a point."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
Text = Annotated[str, Field(min_length=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Count = Annotated[int, Field(ge=1, lt=2**31)]
Positive = Annotated[float, BeforeValidator(_number), Field(gt=0, lt=2**31)]
Weight = Annotated[float, BeforeValidator(_number), Field(ge=0, lt=2**31)]
Share = Annotated[float, BeforeValidator(_number), Field(ge=0, lt=1)]

CLOSED: dict[str, str] = {"extra": "forbid"}
"""For ``__pydantic_config__`` of a recipe's dataclasses: unknown keys are mistakes."""
