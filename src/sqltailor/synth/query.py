"""Value types for one query, read by the wording and by `to_sql`.

Columns name a binding: the table's key, or an alias where the query uses a table twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqltailor.types import Cell

QUALIFIER = "qualifier_"
"""Stands in the SQL of terms and measures where `alias.` goes."""

Unit = Literal["year", "month", "day"]


@dataclass(frozen=True, slots=True)
class Col:
    """A column of one binding."""

    binding: str
    name: str


@dataclass(frozen=True, slots=True)
class Agg:
    """An aggregate; `argument` None is `COUNT(*)`. A measure brings its own function."""

    function: str
    argument: Col | Product | Days | Call | Measure | None = None
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """`left * right`, as in quantity times price, or another sum of two columns."""

    left: Col
    right: Col
    operator: Literal["*", "-"] = "*"


@dataclass(frozen=True, slots=True)
class Days:
    """The days from one date to another."""

    start: Col
    end: Col


@dataclass(frozen=True, slots=True)
class Part:
    """The year or the year and month of a date."""

    unit: Unit
    column: Col


@dataclass(frozen=True, slots=True)
class Measure:
    """An aggregate of the glossary, such as revenue, with the SQL that it stands for."""

    words: str
    sql: str
    binding: str


@dataclass(frozen=True, slots=True)
class Share:
    """The percentage of rows for which a condition holds."""

    condition: Cond


@dataclass(frozen=True, slots=True)
class CountIf:
    """The number of rows for which a condition holds."""

    condition: Cond


@dataclass(frozen=True, slots=True)
class Case:
    """`CASE WHEN … THEN label … ELSE otherwise END`."""

    whens: tuple[tuple[Cond, str], ...]
    otherwise: str


@dataclass(frozen=True, slots=True)
class Window:
    """A window function: `RANK`, `ROW_NUMBER`, or an aggregate as a running total."""

    function: str
    argument: Col | None
    partition: Col | None
    order: Col | None
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A house function of a YAML dialect."""

    name: str
    arguments: tuple[Col | Cell, ...]
    meaning: str = ""


Expr = Col | Agg | Product | Days | Measure | Part | Share | CountIf | Case | Window | Call


@dataclass(frozen=True, slots=True)
class Compare:
    """`left operator value`; the value may be a query that gives one cell."""

    left: Expr
    operator: str
    value: Cell | Query | Col


@dataclass(frozen=True, slots=True)
class Between:
    """A value from `low` to `high`, both included."""

    left: Expr
    low: Cell
    high: Cell


@dataclass(frozen=True, slots=True)
class In:
    """A value among others, or among those of a query."""

    left: Col
    values: tuple[Cell, ...] | Query
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Like:
    """Text that contains, starts with or ends with something."""

    left: Col
    place: Literal["contains", "starts", "ends"]
    text: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Null:
    """An empty cell."""

    left: Col
    negated: bool = False


@dataclass(frozen=True, slots=True)
class During:
    """A date within a year (`2021`), a month (`2021-03`) or a day (`2021-03-05`)."""

    left: Col
    unit: Unit
    value: str


@dataclass(frozen=True, slots=True)
class Recent:
    """A date within the last `count` units: before today, or, with `table`, before the latest date stored there."""

    left: Col
    count: int
    unit: Unit
    table: str | None = None


@dataclass(frozen=True, slots=True)
class Exists:
    """There is a row in `query`, which may name bindings of the query around it."""

    query: Query
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of the conditions."""

    conditions: tuple[Cond, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A business term of the glossary, with the SQL that it stands for."""

    words: str
    sql: str
    binding: str


Cond = Compare | Between | In | Like | Null | During | Recent | Exists | Either | Term


@dataclass(frozen=True, slots=True)
class Use:
    """One table in FROM. `on` are the two joined columns, None for the first; `role` is what to call its rows."""

    binding: str
    table: str
    role: str
    on: tuple[Col, Col] | None = None
    kind: Literal["JOIN", "LEFT JOIN"] = "JOIN"


@dataclass(frozen=True, slots=True)
class Order:
    """What rows are ordered by."""

    by: Expr
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A SELECT. An empty `select` is `*`; `set_operation` joins a second query to it. `about` is the binding whose
    rows the question asks for."""

    shape: str
    uses: tuple[Use, ...]
    select: tuple[Expr, ...] = ()
    distinct: bool = False
    where: tuple[Cond, ...] = ()
    group_by: tuple[Col | Part, ...] = ()
    having: tuple[Cond, ...] = ()
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    set_operation: tuple[str, Query] | None = None
    is_inner: bool = False
    about: str = ""

    @property
    def columns(self) -> tuple[Col, ...]:
        """The plain columns that it selects."""
        return tuple(expr for expr in self.select if isinstance(expr, Col))

    def use(self, binding: str) -> Use:
        """Return the table behind a binding; KeyError when there is none."""
        for use in self.uses:
            if use.binding == binding:
                return use
        raise KeyError(binding)


def binding_of(cond: Cond) -> str:
    """Return the binding that a condition is on; an either-or condition counts for its first part."""
    if isinstance(cond, Term):
        return cond.binding
    left = getattr(cond, "left", None)
    if isinstance(left, Col):
        return left.binding
    inner = getattr(cond, "conditions", None)
    return binding_of(inner[0]) if inner else ""
