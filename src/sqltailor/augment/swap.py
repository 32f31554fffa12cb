"""The same question about other stored values: `… in Spain?` becomes `… in Norway?`, in question and SQL alike."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqltailor.data.querylog.fill import Filler, Place, literal_of, place_of
from sqltailor.naming.comments import read_comment
from sqltailor.naming.forms import forms, is_code
from sqltailor.sql.dialect import parse, write
from sqltailor.synth.draw_condition import round_number
from sqltailor.types import Cell

if TYPE_CHECKING:
    from sqlglot.expressions import Expression, Literal


MAX_CHARACTERS = 60
"""Longer text is prose: nobody writes it into a question."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class _Edit(NamedTuple):
    """Where a question writes a value, what to write there instead, and the new value."""

    start: int
    end: int
    text: str
    new: Cell


def swap_values(
    question: str, sql: str, filler: Filler, rng: random.Random, beside: str = ""
) -> tuple[str, str] | None:
    """Return the question and its SQL with other values, or None where none can be put in place of what stands there.

    A value is replaced where the SQL compares a column, or an expression over columns, with it, the question writes it
    once in one known form, and the new value can be written in the same form and is not in the SQL already. Values
    that a column is compared with are replaced together or not at all: "in 2003" may be 2003 to below 2004. A limit
    and a number compared with an aggregate become others of their size. What `beside`, text that is read with the
    question, names stays.
    """
    tree = parse(sql, filler.dialect)
    groups = _equal_literals(tree)
    taken = {str(_value(nodes[0])).casefold() for nodes in groups}
    edits: list[_Edit | None] = []
    for nodes in groups:
        edits.append(edit := _swapped(nodes, tree, (question, beside), taken, filler, rng))
        taken |= {str(edit.new).casefold()} if edit else set()
    kept = _whole(edits, groups, question)
    if not kept:
        return None
    for i, edit in kept.items():
        for node in groups[i]:
            node.replace(literal_of(edit.new))
    for edit in sorted(kept.values(), reverse=True, key=lambda e: e.start):
        question = question[: edit.start] + edit.text + question[edit.end :]
    return question, write(tree, filler.dialect)


def _equal_literals(tree: Expression) -> list[list[Literal]]:
    """Return the literals of a statement that are compared, or limit it, those of the same text together."""
    from sqlglot import exp

    groups: dict[tuple[str, bool], list[Literal]] = {}
    for node in tree.find_all(exp.Literal):
        groups.setdefault((node.name, bool(node.args["is_string"])), []).append(node)
    return [nodes for nodes in groups.values() if any(isinstance(n.parent, exp.Limit) or place_of(n) for n in nodes)]


def _compared(nodes: list[Literal]) -> set[str]:
    """Return the names of what values are compared with."""
    places = [place for node in nodes if (place := place_of(node))]
    return {name for p in places for name in [column.name.lower() for column in p.columns] or [p.other.sql()]}


def _whole(edits: Sequence[_Edit | None], groups: Sequence[list[Literal]], question: str) -> dict[int, _Edit]:
    """Return the edits, by number, without those of words or columns of which another value stays as it was."""
    texts = [str(_value(nodes[0])).strip("%") for nodes in groups]
    compared = [_compared(nodes) for nodes in groups]
    kept = {i: edit for i, edit in enumerate(edits) if edit}
    for i, edit in list(kept.items()):
        if any(k != i and text and _spans(text, question[edit.start : edit.end]) for k, text in enumerate(texts)):
            del kept[i]
    while halves := [i for i in kept if any(k not in kept and held & compared[i] for k, held in enumerate(compared))]:
        for i in halves:
            del kept[i]
    return kept


def _swapped(
    nodes: list[Literal], tree: Expression, asked: tuple[str, str], taken: set[str], filler: Filler, rng: random.Random
) -> _Edit | None:
    others = [_others(node, tree, filler) for node in nodes]
    if not others[0] or any(found != others[0] for found in others):
        return None
    known, codes, (before, after) = others[0]
    old = _value(nodes[0])
    if before or after:
        old = nodes[0].name.removeprefix(before).removesuffix(after)
    question, beside = asked
    said = dict(forms(old, codes))
    found = [(form, span) for form, text in said.items() for span in _spans(text, question)]
    if len(found) != 1 or any(_spans(text, beside) for text in (str(old), *said.values())):
        return None
    form, (start, end) = found[0]
    for cell in rng.sample(known, min(len(known), 20)):
        new = before + str(cell) + after if before or after else cell
        text = dict(forms(cell, codes)).get(form)
        if text and _is_name(text) and text.casefold() != said[form].casefold() and str(new).casefold() not in taken:
            is_first = form == "word" and question[start].isupper()
            return _Edit(start, end, text.capitalize() if is_first else text, new)
    return None


_Others = tuple[list[Cell], dict[str, str], tuple[str, str]]


def _others(node: Literal, tree: Expression, filler: Filler) -> _Others | None:
    """Return the values that may stand in a literal's place, what codes among them mean, and the signs around it."""
    from sqlglot import exp

    old = _value(node)
    if isinstance(node.parent, exp.Limit):
        return ([2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20], {}, ("", "")) if old != 1 else None  # "Which one is largest?"
    place = place_of(node)
    if place is None or isinstance(place.other, exp.Tuple) or isinstance(node.parent, exp.Neg):
        return None
    if isinstance(place.other, exp.AggFunc) and not isinstance(place.other, (exp.Min, exp.Max)):
        return _about(old), {}, ("", "")
    known = filler.known(place.other, tree)
    if isinstance(place.comparison, (exp.Like, exp.ILike)):
        return _words(node, known)
    is_bound = isinstance(place.comparison, (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between))
    known = _alike(known, old, is_bound=is_bound)
    codes = _codes(place, tree, filler)
    return None if len(known) < 3 and not codes else (known, codes, ("", ""))


def _alike(known: list[Cell], old: Cell, *, is_bound: bool) -> list[Cell]:
    """Return stored values as they may stand for another: a day for a day, and a bound as round as the other."""
    numbers: list[Cell] = [cell for cell in known if isinstance(cell, (int, float)) and _is_finite(cell)]
    if is_bound and isinstance(old, (int, float)) and _is_finite(old) and round_number(old) == old:
        numbers = [round_number(cell) for cell in numbers if isinstance(cell, (int, float))]
    numbers = [int(cell) if isinstance(cell, float) and cell.is_integer() else cell for cell in numbers]
    texts = [cell for cell in known if isinstance(cell, str) and bool(_DAY.match(cell)) == bool(_DAY.match(str(old)))]
    if _DAY.fullmatch(str(old)):
        texts = [text[:10] for text in texts]
    return sorted(dict.fromkeys([*numbers, *texts]), key=str)


def _is_finite(cell: int | float) -> bool:
    """Tell whether a number is one, and no flag."""
    return not isinstance(cell, bool) and math.isfinite(cell)


def _words(node: Literal, known: list[Cell]) -> _Others | None:
    """Return the words of stored texts, for a LIKE that looks for a word."""
    before, after = re.match(r"%?", node.name), re.search(r"%?$", node.name)
    words = sorted({word for cell in known for word in re.findall(r"[^\W\d_]{4,}", str(cell))})
    return (list(words), {}, (before[0], after[0])) if before and after and len(words) > 2 else None


def _codes(place: Place, tree: Expression, filler: Filler) -> dict[str, str]:
    from sqlglot import exp

    if not isinstance(place.other, exp.Column):
        return {}
    column = filler.column(place.other, tree)
    return dict(read_comment(column.comment).codes) if column is not None else {}


def _about(number: Cell) -> list[Cell]:
    """Return numbers of the same size: 300 → 150, 200, … 600."""
    if not isinstance(number, int) or number < 2:
        return []
    step = 10 ** max(0, len(str(number)) - 2)
    return [n for n in range(-(-(number // 2) // step) * step, number * 2 + 1, step) if n > 1]


def _value(node: Literal) -> Cell:
    """Return what a literal stands for."""
    if node.args["is_string"]:
        return str(node.name)
    try:
        return int(node.name)
    except ValueError:
        number = float(node.name)
        return int(number) if number.is_integer() else number


def _is_name(text: str) -> bool:
    return text.isprintable() and text == text.strip() and len(text) <= MAX_CHARACTERS


def _spans(text: str, question: str) -> list[tuple[int, int]]:
    """Return where a text stands in a question, as words of its own."""
    flags = re.NOFLAG if is_code(text) else re.IGNORECASE
    found = re.finditer(rf"(?<![\w.,-]){re.escape(text)}(?![\w-]|[.,]\d)", question, flags)
    return [match.span() for match in found]
