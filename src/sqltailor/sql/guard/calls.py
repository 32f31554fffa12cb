"""Check a statement's function calls, and how much text or how many rows they could produce."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn

from sqltailor.errors import Refused
from sqltailor.sql.guard.functions import SYNTAX
from sqltailor.sql.guard.parsing import shown

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

MAX_TEXT = 10_000_000
MAX_ROWS = 100_000_000
MAX_WIDTH = 10_000
_TEXT_MAKERS = frozenset({"repeat", "replicate", "space", "lpad", "rpad", "pad"})
_ROW_MAKERS = frozenset(
    {"generate_series", "range", "sequence", "generate_array", "numbers", "array_fill", "list_resize", "array_resize"}
)
# `<> ALL (ARRAY[1])` is no call; `"all"(1)` is one, of somebody's own function
_QUANTIFIERS = frozenset({"all", "some"})
_FORMATS = frozenset({"printf", "format", "format_string"})


def check_calls(nodes: Sequence[Expr], called: Sequence[str], functions: frozenset[str]) -> None:
    """Refuse calls of functions that are not allowed, by the text (`called`) and by the tree's nodes."""
    from sqlglot import exp

    for name in called:
        if name.lower() not in functions and name.lower() not in SYNTAX:
            _refuse(name, functions)
    for node in nodes:
        if not isinstance(node, exp.Func):
            continue
        name = node.name if isinstance(node, exp.Anonymous) else ""
        is_quoted = bool(name) and not isinstance(node.this, str)
        if name and (name.lower() not in functions or (is_quoted and name.lower() in _QUANTIFIERS)):
            _refuse(name, functions)
        _check_size(node, {name.lower()} if name else {n.lower() for n in node.sql_names()}, called)


def _refuse(name: str, functions: frozenset[str]) -> NoReturn:
    near = get_close_matches(name.lower(), functions, n=1, cutoff=0.8)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise Refused(
        f"The function {shown(name)} is not on the list of functions that statements may call.{hint}", "policy"
    )


def _check_size(node: Expr, names: set[str], called: Sequence[str]) -> None:
    """Refuse one call that makes too much; `called` are the names in the statement, as it writes them."""
    from sqlglot import exp

    if names & _FORMATS:
        template = next(iter(node.expressions), None) if isinstance(node, exp.Anonymous) else node.this
        pattern = template.name if isinstance(template, exp.Literal) else "*"
        if "*" in pattern or any(len(width) > 5 or int(width) > MAX_WIDTH for width in re.findall(r"\d+", pattern)):
            raise Refused(
                f"The format of {_written(called, _FORMATS, names)} must be a literal string without `*`, "
                f"with widths of at most {MAX_WIDTH:,}.",
                "policy",
            )
    is_text = bool(names & _TEXT_MAKERS)
    if not is_text and not names & _ROW_MAKERS and not isinstance(node, exp.ExplodingGenerateSeries):
        return
    numbers = [_number(literal) for literal in node.find_all(exp.Literal) if not literal.is_string]
    if is_text and (_product(numbers) > MAX_TEXT or node.find(exp.Pow, exp.BitwiseLeftShift)):
        raise Refused(
            f"{_written(called, _TEXT_MAKERS, names)} would produce more than {MAX_TEXT:,} characters.", "policy"
        )
    if not is_text and max(numbers, default=0) > MAX_ROWS:
        raise Refused(f"A series of more than {MAX_ROWS:,} rows is not allowed.", "policy")


def _written(called: Sequence[str], kind: frozenset[str], names: set[str]) -> str:
    """Return the functions of a kind as the statement writes them: sqlglot has one name for LPAD and RPAD."""
    return " or ".join(dict.fromkeys(name for name in called if name.lower() in kind)) or min(names)


def _number(literal: Expr) -> float:
    try:
        return abs(float(literal.name))
    except ValueError:
        return float("inf")


def _product(numbers: list[float]) -> float:
    product = 1.0
    for number in numbers:
        product *= max(number, 1.0)
    return product
