"""The keys of a specification, checked all at once, and their JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sqltailor.errors import DataError, unknown

COMPARISONS = {"=": "EQ", "!=": "NEQ", "<>": "NEQ", ">": "GT", ">=": "GTE", "<": "LT", "<=": "LTE"}
LISTS = ("IN", "NOT IN", "BETWEEN", "NOT BETWEEN")
OPERATORS = (*COMPARISONS, *LISTS, "LIKE", "NOT LIKE", "IS NULL", "IS NOT NULL")
FUNCTIONS = ("COUNT", "SUM", "AVG", "MIN", "MAX")
JOINS = ("INNER", "LEFT", "RIGHT", "FULL")
DIRECTIONS = ("ASC", "DESC")

Scalar = str | int | float | bool


def _choice(value: object, what: str, known: Sequence[str]) -> str:
    text = re.sub(r"\s+", " ", str(value)).strip().upper()
    if text not in known:
        raise ValueError(unknown(what, str(value), known))
    return text


def _either_case(known: Sequence[str], default: Any = ...) -> Any:
    """Return the field of a word that may be written in either case."""
    words = dict.fromkeys([*known, *(word.lower() for word in known)])
    return Field(default, json_schema_extra={"enum": [*words]})


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Filter(_Part):
    """One condition; all conditions of a list must hold. `value` may be a scalar, a list or `a,b,c`."""

    column: str = Field(min_length=1)
    operator: str = _either_case(OPERATORS)
    value: Scalar | list[Scalar] | None = None

    @field_validator("operator")
    @classmethod
    def _known(cls, value: str) -> str:
        return _choice(value, "operator", OPERATORS)


class Aggregate(_Part):
    """One aggregate; `column` is `*` for COUNT(*)."""

    function: str = _either_case(FUNCTIONS)
    column: str = Field(default="*", min_length=1)
    alias: str | None = Field(default=None, min_length=1)
    distinct: bool = False

    @field_validator("function")
    @classmethod
    def _known(cls, value: str) -> str:
        return _choice(value, "function", FUNCTIONS)


class Having(Filter):
    """One condition on groups: an aggregate, an operator, a value."""

    function: str = _either_case(FUNCTIONS)
    column: str = Field(default="*", min_length=1)

    @field_validator("function")
    @classmethod
    def _known_function(cls, value: str) -> str:
        return _choice(value, "function", FUNCTIONS)


class On(_Part):
    """The two columns of a join that must be equal."""

    left: str = Field(min_length=1)
    right: str = Field(min_length=1)


class Join(_Part):
    """One joined table."""

    table: str = Field(min_length=1)
    on: On | list[On]
    type: str = _either_case(JOINS, default="INNER")

    @field_validator("type")
    @classmethod
    def _known(cls, value: str) -> str:
        return _choice(value, "join type", JOINS)


class OrderBy(_Part):
    """What rows are ordered by: a column, or the alias of an aggregate."""

    column: str = Field(min_length=1)
    direction: str = _either_case(DIRECTIONS, default="ASC")

    @field_validator("direction")
    @classmethod
    def _known(cls, value: str) -> str:
        return _choice(value, "direction", DIRECTIONS)


class Spec(_Part):
    """A query. Without `cols` and `aggregates` all columns are selected; `cols` come before `aggregates`."""

    table: str = Field(min_length=1)
    cols: list[str] = []
    filters: list[Filter] = []
    joins: list[Join] = []
    group_by: list[str] = []
    aggregates: list[Aggregate] = []
    having: list[Having] = []
    order_by: list[OrderBy] = []
    limit: int | None = Field(default=None, ge=0)
    distinct: bool = False


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a specification, as `spec.schema.json` holds it."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Spec.model_json_schema()}


def read_spec(data: Mapping[str, Any]) -> Spec:
    """Return the checked specification. Raises `DataError` with all faults at once."""
    try:
        return Spec.model_validate(dict(data))
    except ValidationError as e:
        errors = [error for error in e.errors(include_url=False) if error["loc"][-1:] != ("list[On]",)]
        faults = dict.fromkeys(_fault(dict(error)) for error in errors or e.errors(include_url=False))
        raise DataError(f"The specification is not valid: {' '.join(faults)}") from e


_OWNERS: dict[str, type[_Part]] = {
    "filters": Filter, "joins": Join, "aggregates": Aggregate, "having": Having, "order_by": OrderBy, "on": On,
}  # fmt: skip


def _fault(error: dict[str, Any]) -> str:
    owner: type[_Part] = Spec
    path = []
    for part in error["loc"]:
        if part in ("On", "list[On]"):
            continue  # which member of a union was tried
        if isinstance(part, str) and part not in owner.model_fields and error["type"] != "extra_forbidden":
            break
        path.append(str(part))
        owner = _OWNERS.get(str(part), owner)
    where = ".".join(path)
    if error["type"] == "extra_forbidden":
        message = unknown("key", path[-1], owner.model_fields)
        return message if len(path) == 1 else f"{'.'.join(path[:-1])}: {message}"
    return f"{where}: {str(error['msg']).removeprefix('Value error, ').rstrip('.')}."
