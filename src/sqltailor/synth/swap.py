"""The same question about other stored values: `… in Spain?` becomes `… in Norway?`, in question and SQL alike."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

from sqltailor.dialect import parse, write
from sqltailor.synth.comments import read_comment
from sqltailor.synth.draw_condition import round_number
from sqltailor.synth.fill import Filler, Place, literal_of, place_of
from sqltailor.synth.forms import forms
from sqltailor.types import Cell

if TYPE_CHECKING:
    from sqlglot.expressions import Expr, Expression, Literal


def swap_values(question: str, sql: str, filler: Filler, rng: random.Random) -> tuple[str, str] | None:
    """Return the question and its SQL with other values, or None where none can be put in place of what stands there.

    A value is replaced where the SQL compares a column, or an expression over columns, with it, the question writes it
    once in one known form, and the new value can be written in the same form. A limit and a number compared with
    an aggregate become others of their size.
    """
    tree = parse(sql, filler.dialect)
    edits: list[tuple[int, int, str]] = []
    for nodes in _equal_literals(tree):
        edit = _swapped(nodes, tree, question, filler, rng)
        if edit is None or any(edit[0] < end and start < edit[1] for start, end, _ in edits):
            continue
        edits.append(edit[:3])
        for node in nodes:
            node.replace(edit[3].copy())
    if not edits:
        return None
    for start, end, text in sorted(edits, reverse=True):
        question = question[:start] + text + question[end:]
    return question, write(tree, filler.dialect)


def _equal_literals(tree: Expression) -> list[list[Literal]]:
    """Return the literals of a statement, those of the same text together."""
    from sqlglot import exp

    groups: dict[tuple[str, bool], list[Literal]] = {}
    for node in tree.find_all(exp.Literal):
        groups.setdefault((node.name, bool(node.args["is_string"])), []).append(node)
    return list(groups.values())


def _swapped(
    nodes: list[Literal], tree: Expression, question: str, filler: Filler, rng: random.Random
) -> tuple[int, int, str, Expr] | None:
    """Return where the question writes a value, what to write there instead, and the new literal."""
    others = [_others(node, tree, filler) for node in nodes]
    if not others[0] or any(found != others[0] for found in others):
        return None
    known, codes, around = others[0]
    old: Cell = nodes[0].name.strip("%") if nodes[0].args["is_string"] else _number(nodes[0].name)
    found = [(form, text, span) for form, text in forms(old, codes) if (span := _only(text, question)) is not None]
    if not found:
        return None
    form, text, (start, end) = max(found, key=lambda f: len(f[1]))
    for new in rng.sample(known, min(len(known), 20)):
        written = dict(forms(new, codes)).get(form)
        if written and written != text and str(new) != str(old):
            said = written if form != "word" or not question[start].isupper() else written.capitalize()
            return start, end, said, literal_of(around[0] + str(new) + around[1] if any(around) else new)
    return None


_Others = tuple[list[Cell], dict[str, str], tuple[str, str]]


def _others(node: Literal, tree: Expression, filler: Filler) -> _Others | None:
    """Return the values that may stand in a literal's place, what codes among them mean, and the signs around it."""
    from sqlglot import exp

    if isinstance(node.parent, exp.Limit):
        return [2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20], {}, ("", "")
    place = place_of(node)
    if place is None:
        return None
    if isinstance(place.other, exp.AggFunc):
        return (_about(_number(node.name)), {}, ("", "")) if not node.args["is_string"] else None
    known = [cell for cell in filler.known(place.other, tree) if not isinstance(cell, bool)]
    if isinstance(place.comparison, (exp.Like, exp.ILike)):
        return _words(node, known)
    if isinstance(place.comparison, (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)):
        known = [round_number(cell) if isinstance(cell, (int, float)) else cell for cell in known]
    is_flag = len(known) < 3
    codes = _codes(place, tree, filler)
    return None if is_flag and not codes else (known, codes, ("", ""))


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
    return [n for n in range(number // 2, number * 2 + 1) if n % step == 0 and n > 1]


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _only(text: str, question: str) -> tuple[int, int] | None:
    """Return where a text stands in a question, as words of its own and once only."""
    found = list(re.finditer(rf"(?<![\w.,-]){re.escape(text)}(?![\w-]|[.,]\d)", question, re.IGNORECASE))
    return found[0].span() if len(found) == 1 else None
