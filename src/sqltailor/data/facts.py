"""Compact numeric facts about each example, small enough to hold for a million rows.

Keys are 64-bit hashes: two different texts get the same one about once in 40 data sets of a billion rows.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from sqltailor.errors import SQLError
from sqltailor.sql.dialect import mask_values, parse, write
from sqltailor.types import Example

if TYPE_CHECKING:
    from sqlglot.expressions import Expr, Expression, Table

BANDS, BAND_ROWS = 8, 4
"""MinHash bands: questions that share 80 % of their shingles share a band with probability 0.985."""

LEVELS = ("easy", "medium", "hard", "extra")
CHARACTERS_PER_TOKEN = 4
PROMPT_CHARACTERS = 240  # the reference prompt's own words


DECLINED = "(cannot be answered)"
"""Shape of an example whose gold says so."""


class Facts(NamedTuple):
    """Keys and measures of one example.

    `exact` = schema, normalised question and gold SQL together; `pair` the same without the schema; `question` and
    `sql` each with the schema. `tables`: lower-case names, with their namespaces where these are written.
    """

    exact: int
    question: int
    sql: int
    template: int
    schema: int
    database: int
    level: str
    tokens: int
    shape: str
    tables: tuple[str, ...]
    bands: tuple[int, ...]
    id: int
    pair: int


def key(*parts: str) -> int:
    """Return a 64-bit hash of some texts, the same in every process."""
    return int.from_bytes(hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=8).digest(), "big")


def facts_of(example: Example, tree: Expression | None, nodes: Sequence[Expr]) -> Facts:
    """Return the facts of a checked example; `tree` is its parsed gold SQL (updated in place) with all its nodes."""
    from sqlglot import exp

    asked = asked_text(example)
    schema = key(example.schema or example.db_id or "")
    sql = key(str(schema), fold_sql(example.sql[0]))
    question = normalise(asked)
    tables: tuple[str, ...] = ()
    template, shape = question, DECLINED  # that others have the same reason makes no two questions alike
    level = LEVELS[0]
    if tree is not None:
        tables, level = tables_written(nodes), level_of(nodes)
        columns = {node.name.lower() for node in nodes if isinstance(node, exp.Column)}
        template = write(mask_values(tree), example.dialect, keep=False)
        shape = shape_of(template, tables_read(nodes), columns)
    return Facts(
        exact=key(str(schema), question, fold_sql(example.sql[0])),
        question=key(str(schema), question),
        sql=sql,
        template=key(fold_sql(template)),
        schema=schema,
        database=key(example.db_id) if example.db_id else schema,
        level=example.difficulty or level,
        tokens=_tokens(example, asked),
        shape=shape,
        tables=tables,
        bands=bands_of(question, sql),
        id=key(example.id),
        pair=key(question, fold_sql(example.sql[0])),
    )


def asked_text(example: Example) -> str:
    """Return what is asked: the question or spec, after the turns before it and with its evidence."""
    asked = example.question if example.question is not None else json.dumps(example.spec, sort_keys=True)
    return "\n".join([*(m.content for m in example.history), asked, *([example.evidence] if example.evidence else [])])


def normalise(question: str) -> str:
    """Return a question without the differences that say nothing: case, spacing, punctuation around words.

    >>> normalise("How many  Singers are there ?")
    'how many singers are there'
    """
    folded = unicodedata.normalize("NFKC", question).casefold()
    return " ".join(word for w in folded.split() if (word := w.strip(".,;:!?\"'`()[]")))


_OUTSIDE_QUOTES = re.compile(r"('(?:[^']|'')*')|[^']+")


def fold_sql(sql: str) -> str:
    """Return canonical SQL with everything but its text values in lower case.

    >>> fold_sql("SELECT Name FROM T WHERE City = 'Oslo'")
    "select name from t where city = 'Oslo'"
    """
    return _OUTSIDE_QUOTES.sub(lambda m: m.group() if m.group(1) else m.group().lower(), sql)


_WORDS = re.compile(r"""(?:(?:\w+|"[^"]*")\.)*(\w+|"[^"]*")""")


def shape_of(template: str, tables: Collection[str], columns: Collection[str]) -> str:
    """Return a template with its tables called `t` and its columns `c`, for people to read.

    >>> shape_of('SELECT t1.Name FROM "order" AS t1 ORDER BY DOB', {"order"}, {"name", "dob"})
    'SELECT c FROM t AS t1 ORDER BY c'
    """
    written = _written_words()

    def masked(match: re.Match[str]) -> str:
        word = match.group(1).strip('"').lower()
        if match.group() in written or template.startswith("(", match.end()):
            return match.group()
        return "c" if word in columns else "t" if word in tables else match.group()

    return _WORDS.sub(masked, template)


@functools.cache
def _written_words() -> frozenset[str]:
    """Return the words that canonical SQL writes as they are: its keywords, in capitals; a name like one is quoted."""
    from sqlglot import Tokenizer

    return frozenset(word for phrase in Tokenizer.KEYWORDS for word in phrase.split()) - {"DATE", "TIME", "TIMESTAMP"}


def tables_read(nodes: Iterable[Expr]) -> tuple[str, ...]:
    """Return the lower-case names of the tables that a statement with these nodes reads, each once."""
    return tuple(dict.fromkeys(table.name.lower() for table in _tables(nodes)))


def tables_written(nodes: Iterable[Expr]) -> tuple[str, ...]:
    """Return the same names, each behind its namespace where that is written."""
    return tuple(dict.fromkeys(f"{t.db}.{t.name}".lower() if t.db else t.name.lower() for t in _tables(nodes)))


def _tables(nodes: Iterable[Expr]) -> Iterator[Table]:
    """Yield the tables that are no CTEs."""
    from sqlglot import exp

    nodes = list(nodes)
    local = {cte.alias.lower() for cte in nodes if isinstance(cte, exp.CTE)}
    for node in nodes:
        if (
            isinstance(node, exp.Table)
            and isinstance(node.this, exp.Identifier)
            and (node.db or node.name.lower() not in local)
        ):
            yield node


def shortest_names(tables: Iterable[str]) -> dict[str, str]:
    """Return table as `tables_written` names it → its bare name, or the same where several namespaces have that name.

    >>> shortest_names(["hr.staff", "staff", "hr.order", "sales.order"])
    {'hr.staff': 'staff', 'staff': 'staff', 'hr.order': 'hr.order', 'sales.order': 'sales.order'}
    """
    parts = {table: table.rpartition(".") for table in tables}
    spaces: dict[str, set[str]] = {}
    for space, _, name in parts.values():
        spaces.setdefault(name, set()).update({space} - {""})
    return {table: table if len(spaces[name]) > 1 else name for table, (_, _, name) in parts.items()}


def tables_of(sql: str, dialect: str) -> frozenset[str]:
    """Return the lower-case names of the tables that a query reads; none for what is no query, or cannot be parsed."""
    from sqlglot import exp

    try:
        tree = parse(sql, dialect)
    except SQLError:
        return frozenset()
    return frozenset(tables_read(tree.walk())) if isinstance(tree, exp.Query) else frozenset()


def level_of(nodes: Iterable[Expr]) -> str:
    """Return how hard a statement with these nodes is to write: easy, medium, hard or extra.

    One point for each join, inner query, set operation, window, CASE, GROUP BY, HAVING and ORDER BY, for each
    condition after the first and each aggregate after the first; 0 is easy, to 2 medium, to 4 hard, else extra.
    """
    from sqlglot import exp

    counted = (exp.Join, exp.SetOperation, exp.Window, exp.Case, exp.Group, exp.Having, exp.Order, exp.Select)
    points = conditions = aggregates = 0
    for node in nodes:
        points += isinstance(node, counted)
        conditions += isinstance(node, (exp.And, exp.Or))
        aggregates += isinstance(node, exp.AggFunc)
    points += conditions + max(0, aggregates - 1) - 1  # the outermost SELECT is free
    return LEVELS[0 if points <= 0 else 1 if points <= 2 else 2 if points <= 4 else 3]


def _tokens(example: Example, asked: str) -> int:
    characters = len(example.schema or "") + len(asked) + len(example.sql[0]) + PROMPT_CHARACTERS
    return -(-characters // CHARACTERS_PER_TOKEN)


def shingles(text: str) -> set[bytes]:
    """Return all pieces of three characters of a normalised question; a shorter one is its own piece."""
    raw = text.encode("utf-8", "replace")
    return {raw[i : i + 3] for i in range(len(raw) - 2)} or {raw}


def bands_of(question: str, sql: int) -> tuple[int, ...]:
    """Return one key a band: rows with the same gold SQL and similar questions share at least one.

    One-permutation MinHash: one hash a shingle, the smallest in each of 32 bins; an empty bin borrows its neighbour's.
    """
    bins: list[int] = [0] * (BANDS * BAND_ROWS)
    for piece in shingles(question):
        value = (crc32(piece) * 0x9E3779B97F4A7C15 ^ 0x5851F42D4C957F2D) & 0xFFFFFFFFFFFFFFFF
        place = value >> 59
        if not bins[place] or value < bins[place]:
            bins[place] = value
    full = _filled(bins)
    return tuple(hash((sql, *full[b * BAND_ROWS : (b + 1) * BAND_ROWS])) & 0xFFFFFFFFFFFFFFFF for b in range(BANDS))


def _filled(bins: list[int]) -> list[int]:
    last = next(value for value in reversed(bins) if value)
    filled = []
    for value in bins:
        last = value or last
        filled.append(last)
    return filled


def jaccard(a: set[bytes], b: set[bytes]) -> float:
    """Return the share of shingles that two questions have in common."""
    return len(a & b) / len(a | b)
