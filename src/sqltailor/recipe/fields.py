"""Declare a recipe's keys: a frozen section of keys, each with a meaning, a unit and a range."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A group of keys: immutable, and a key it does not know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, protected_namespaces=())


def key(default: Any, meaning: str, *, unit: str | None = None, **limits: Any) -> Any:
    """Return a pydantic field that carries its `meaning` and `unit` into docs/recipe.md and into error messages.

    `limits` are pydantic's: ge, gt, le, lt, alias, default_factory. A key whose type admits null has the default
    null, so that null means "not set" everywhere.
    """
    extra: dict[str, Any] | None = {"unit": unit} if unit else None
    if "default_factory" in limits:
        return Field(description=meaning, json_schema_extra=extra, **limits)
    return Field(default, description=meaning, json_schema_extra=extra, **limits)


def section(kind: type[Section], meaning: str) -> Any:
    """Return a field that holds a section with all its defaults."""
    return Field(default_factory=kind, description=meaning)


def _no_truth_value(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("number_type", "a truth value is not a number")
    return value


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Int = Annotated[int, BeforeValidator(_no_truth_value)]
Natural = Annotated[int, Field(ge=0), BeforeValidator(_no_truth_value)]
Positive = Annotated[int, Field(ge=1), BeforeValidator(_no_truth_value)]
Float = Annotated[float, BeforeValidator(_no_truth_value), Field(allow_inf_nan=False)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
"""A list of strings; a single string is a list of one."""
