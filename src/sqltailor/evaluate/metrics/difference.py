"""How a result differs from the gold result: one class that can be counted, a sentence, and rows to look at.

The first class that holds is the one:

- `column`: another number of columns, or, where their order counts, the right ones in another order
- `order`: the right rows in another order
- `multiplicity`: the right rows, some of them more or less often
- `type`: the right values in other types, such as '7' for 7 or bytes for text
- `truncation`: one result is the other with rows left out
- `value`: anything else
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, get_args

from sqltailor.errors import counted
from sqltailor.evaluate.metrics.results import plain, same_result
from sqltailor.types import Cell, Difference, QueryResult

DIFFERENCES: tuple[Difference, ...] = get_args(Difference)
SHOWN_CHARACTERS = 60
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)[ T]00:00(:00(\.0+)?)?")


class Differs(NamedTuple):
    """The class of a difference, and a sentence about it."""

    kind: Difference
    says: str


def difference(gold: QueryResult, predicted: QueryResult, *, ordered: bool, columns_in_order: bool = False) -> Differs:
    """Return how two results differ; they are known to. A predicted result may be cut, at more rows than the gold has.

    >>> one, two = QueryResult(("a",), [(1,)]), QueryResult(("a",), [(1,), (2,)])
    >>> difference(one, two, ordered=False)
    Differs(kind='truncation', says='more rows than the 1 of the gold result')
    >>> difference(one, QueryResult(("a",), [("1",)]), ordered=False)
    Differs(kind='type', says="the right values in other types: '1', the gold result has 1")
    """
    width, given = len(gold.columns), len(predicted.columns)
    if given != width:
        return Differs("column", f"{counted(given, 'column')}, the gold result has {width}")
    whole = not predicted.truncated
    if whole and columns_in_order and same_result(gold, predicted, ordered=ordered):
        return Differs("column", "the right columns in another order")
    if whole and ordered and same_result(gold, predicted, ordered=False):
        return Differs("order", "the right rows in another order")
    if gold.rows and predicted.rows and _is_same_set(gold, predicted):
        many, few = counted(len(predicted.rows), "row"), len(gold.rows)
        return Differs("multiplicity", f"the right rows in other numbers: {many}, the gold result has {few}")
    loose_gold, loose = loosened(gold), loosened(predicted)
    if whole and same_result(loose_gold, loose, ordered=False):
        return Differs("type", f"the right values in other types{_first_type(gold, predicted)}")
    return Differs("truncation" if _is_cut(gold, predicted) else "value", _counts(gold, predicted))


def _is_same_set(gold: QueryResult, predicted: QueryResult) -> bool:
    """Tell whether both hold the same rows, however often; a predicted result that is cut may lack some."""
    once = [QueryResult(r.columns, list(dict.fromkeys(_rows(r)))) for r in (gold, predicted)]  # type: ignore[arg-type]
    if predicted.truncated:
        return set(once[1].rows) <= set(once[0].rows)
    return same_result(once[0], once[1], ordered=False)


def _is_cut(gold: QueryResult, predicted: QueryResult) -> bool:
    expected, found = Counter(_rows(gold)), Counter(_rows(predicted))
    return bool(expected and found) and (found < expected or expected < found)


def _rows(result: QueryResult) -> list[tuple[Hashable, ...]]:
    return [tuple(map(plain, row)) for row in result.rows]


def loosened(result: QueryResult) -> QueryResult:
    """Return a result whose cells say what they say whatever their type: 7.5 for '7.50', text for bytes."""
    return QueryResult(result.columns, [tuple(map(_loose, row)) for row in result.rows], result.truncated)


def _loose(cell: Cell) -> Cell:
    """Return what a cell says, whatever its type.

    >>> _loose("7.50"), _loose(b"a"), _loose(True), _loose("2024-02-29 00:00:00")
    (7.5, 'a', 1, '2024-02-29')
    """
    if isinstance(cell, bytes):
        cell = cell.decode(errors="surrogateescape")
    if not isinstance(cell, str):
        return int(cell) if isinstance(cell, bool) else cell
    text = cell.strip()
    if text.lower() in ("true", "false"):
        return int(text.lower() == "true")
    if _NUMBER.fullmatch(text):
        return float(text)
    dated = _MIDNIGHT.fullmatch(text)
    return dated[1] if dated else cell


def _first_type(gold: QueryResult, predicted: QueryResult) -> str:
    pairs = (cells for rows in zip(gold.rows, predicted.rows, strict=True) for cells in zip(*rows, strict=True))
    kinds = ((a, b) for a, b in pairs if plain(a) != plain(b) and _loose(a) == _loose(b))
    a, b = next(kinds, (None, None))
    return "" if a is None else f": {shown(b)}, the gold result has {shown(a)}"


def _counts(gold: QueryResult, predicted: QueryResult) -> str:
    if len(predicted.rows) > len(gold.rows):
        return f"more rows than the {len(gold.rows)} of the gold result"
    if len(predicted.rows) < len(gold.rows):
        return f"{counted(len(predicted.rows), 'row')}, the gold result has {len(gold.rows)}"
    if len(gold.columns) == len(gold.rows) == 1:
        return f"{shown(predicted.rows[0][0])}, the gold result is {shown(gold.rows[0][0])}"
    differing = sum((Counter(map(repr, gold.rows)) - Counter(map(repr, predicted.rows))).values())
    return f"{differing} of {counted(len(gold.rows), 'row')} {'differs' if len(gold.rows) == 1 else 'differ'}"


def shown(cell: Cell) -> str:
    """Return a cell as a sentence shows it."""
    text = "NULL" if cell is None else repr(cell)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."


class Room(NamedTuple):
    """How much of a result is shown."""

    rows: int = 6
    columns: int = 8
    characters: int = 60


def excerpt(gold: QueryResult, predicted: QueryResult, *, ordered: bool, room: Room = Room()) -> dict[str, Any]:  # noqa: B008
    """Return the first rows of both results as plain JSON values: first those that the other lacks, `differing`.

    Where the predicted result was cut, nobody knows what of the gold result it lacks.
    """
    kinds = [_rows(gold), _rows(predicted)]
    found = {}
    for name, result, (own, other) in zip(("gold", "predicted"), (gold, predicted), (kinds, kinds[::-1]), strict=True):
        places, differing = _differing_first(own, other, ordered)
        if name == "gold" and predicted.truncated:
            differing = 0
        found[name] = shown_rows(result, places[: room.rows], room) | {"differing": min(differing, room.rows)}
    return found


def shown_rows(result: QueryResult, places: Sequence[int], room: Room) -> dict[str, Any]:
    """Return some rows of a result as plain JSON values."""
    columns = slice(room.columns)
    return {
        "columns": [name[: room.characters] for name in result.columns[columns]],
        "rows": [[_json(cell, room.characters) for cell in result.rows[i][columns]] for i in places],
        "count": len(result.rows),
        "is_cut": result.truncated,
    }


def _differing_first(own: Sequence[Any], other: Sequence[Any], ordered: bool) -> tuple[list[int], int]:
    """Return the places of the rows to show first, and how many of them the other result lacks."""
    if ordered and Counter(own) == Counter(other):
        first = next((i for i, pair in enumerate(zip(own, other, strict=True)) if pair[0] != pair[1]), 0)
        return list(range(first, len(own))), 0
    left = Counter(other)
    differs = []
    for row in own:
        differs.append(left[row] <= 0)
        left[row] -= 1
    return sorted(range(len(own)), key=lambda i: not differs[i]), sum(differs)


def _json(cell: Cell, most: int) -> Any:
    """Return a cell as JSON can hold it and a page can show it."""
    if cell is None or isinstance(cell, (bool, int)):
        return cell
    if isinstance(cell, float):
        return cell if cell - cell == 0 else str(cell)
    text = f"x'{cell.hex()}'" if isinstance(cell, bytes) else cell
    text = text if len(text) <= most else f"{text[: most - 1]}…"
    return text.encode("utf-8", "backslashreplace").decode()
