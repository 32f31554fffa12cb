"""One statement: text to syntax tree and back, in canonical form or another dialect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from sqltailor.errors import SQLError
from sqltailor.sql.dialect.syntax_faults import NO_SELECT, dialect_name, not_valid
from sqltailor.sql.dialect.yaml_dialects import load_dialect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot.dialects.dialect import Dialect
    from sqlglot.expressions import Expr, Expression
    from sqlglot.tokenizer_core import Token

MAX_SQL_CHARACTERS = 100_000
"""Longer statements are refused before parsing: sqlglot recurses."""

MAX_OPEN_JOINS = 12
"""Joins without ON or USING, whatever they are in: nobody writes so many, but models that repeat themselves do."""

_DOLLAR_QUOTES = frozenset({"postgres", "redshift", "materialize", "risingwave", "duckdb"})
_FROM_FIRST = frozenset({"duckdb", "clickhouse", "bigquery", "hive", "spark", "spark2", "databricks"})
_PARAMETER = re.compile(
    r"[eE]'(?:[^'\\]|''|\\.)*+'|'(?:[^']|'')*+'|\"(?:[^\"]|\"\")*+\"|--[^\n]*+|/\*.*?\*/"
    r"|\$(?P<tag>(?:[^\W\d]\w*+)?)\$.*?\$(?P=tag)\$|[^\W\d][\w$]*+|(?P<parameter>\$\d++(?=\S))",
    re.DOTALL,
)


def parse(sql: str, dialect: str = "sqlite") -> Expression:
    """Return the syntax tree of exactly one statement.

    Raises `SQLError` for none, several, or one that sqlglot cannot read.
    """
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect
    from sqlglot.errors import SqlglotError

    if len(sql) > MAX_SQL_CHARACTERS:
        raise SQLError(f"The statement has {len(sql):,} characters; at most {MAX_SQL_CHARACTERS:,} are allowed.")
    base = load_dialect(dialect).base
    try:
        sqlglot, text = Dialect.get_or_raise(base), parted(sql, base)
        tokens = sqlglot.tokenize(text)
        trees = statements(sqlglot, tokens, text)
    except (SqlglotError, RecursionError, ValueError, IndexError, AttributeError, TypeError, KeyError) as e:
        # sqlglot lets a few plain exceptions escape on malformed text; all of them mean "cannot be read".
        raise SQLError(not_valid(base, e)) from e
    if len(trees) != 1:
        raise SQLError(f"Expected exactly one statement, found {len(trees)}.")
    tree = cast("Expression", trees[0])
    if not is_statement(tree, base):
        is_empty = isinstance(tree, exp.Select)
        fault = "it selects nothing." if is_empty else f"{sql.strip()[:80]!r} is only an expression; write SELECT …"
        raise SQLError(not_valid(base, fault))
    if lacks_select(tokens, nodes_of(tree), base):
        raise SQLError(not_valid(base, NO_SELECT))
    return tree


def statements(sqlglot: Dialect, tokens: list[Token], text: str) -> list[Expr]:
    """Return the statements that sqlglot reads in a text; nothing, or a comment, behind a `;` is none.

    Raises `SQLError` where it would take hours: its time doubles with each join that no ON or USING follows.
    """
    from sqlglot import exp

    if _open_joins(tokens) > MAX_OPEN_JOINS:
        raise SQLError(f"More than {MAX_OPEN_JOINS} joins have no ON or USING; write CROSS JOIN where none is meant.")
    return [tree for tree in sqlglot.parser().parse(tokens, text) if tree and not isinstance(tree, exp.Semicolon)]


def _open_joins(tokens: Sequence[Token]) -> int:
    """Return the number of joins without ON or USING, but those that can have none."""
    found, levels = 0, [0]
    before = ["", ""]
    for token in tokens:
        kind = token.token_type.name
        if kind in ("JOIN", "STRAIGHT_JOIN") and before[-1] != "CROSS" and "NATURAL" not in before:
            levels[-1] += 1
            found += 1
        elif kind in ("ON", "USING") and levels[-1]:
            levels[-1] -= 1
            found -= 1
        elif kind == "L_PAREN":
            levels.append(0)
        elif kind == "R_PAREN" and len(levels) > 1:
            levels.pop()
        before = [before[-1], kind]
    return found


def nodes_of(tree: Expr) -> list[Expr]:
    """Return every node of a tree in the order of sqlglot's own `walk`, in a fifth of its time."""
    from sqlglot.expressions import Expr

    found = [tree]
    for node in found:
        for value in node.args.values():
            if type(value) in _NO_NODES:
                continue
            if isinstance(value, list):
                found += [inner for inner in value if isinstance(inner, Expr)]
            elif isinstance(value, Expr):
                found.append(value)
    return found


_NO_NODES = frozenset({type(None), str, bool, int})
"""What most arguments of a node are."""


def parted(sql: str, base: str) -> str:
    """Return the text with a blank after each parameter where sqlglot takes `$1,$` for the tag of a quoted text.

    >>> parted("SELECT a FROM t WHERE b IN ($1,$2) AND c = '$1,$2'", "postgres")
    "SELECT a FROM t WHERE b IN ($1 ,$2 ) AND c = '$1,$2'"
    """
    if "$" not in sql or base not in _DOLLAR_QUOTES:
        return sql
    return _PARAMETER.sub(lambda found: found[0] + " " if found["parameter"] else found[0], sql)


def lacks_select(tokens: Sequence[Token], nodes: Sequence[Expr], base: str) -> bool:
    """Tell whether a query leaves SELECT out or puts FROM first, as sqlglot reads it where the dialect forbids it."""
    from sqlglot import exp

    if base in _FROM_FIRST:
        return False
    kinds = [token.token_type.name for token in tokens]
    opens = [i for i, kind in enumerate(kinds) if kind == "FROM" and (i == 0 or kinds[i - 1] == "L_PAREN")]
    if any(i < 2 or tokens[i - 2].text.upper() != "TRIM" for i in opens):
        return True
    selects = kinds.count("SELECT") + kinds.count("TABLE")  # TABLE t is SELECT * FROM t
    return sum(isinstance(node, exp.Select) for node in nodes) > selects


def is_statement(tree: Expr, base: str) -> bool:
    """Tell whether a tree is a statement: no mere expression, and no SELECT of nothing where that has no meaning."""
    from sqlglot import exp

    if isinstance(tree, exp.Select):
        return bool(tree.expressions) or base == "postgres"  # where a table may have no columns
    return not isinstance(tree, (exp.Condition, exp.Alias, exp.Star, exp.Tuple, exp.Interval, exp.Identifier))


def write(tree: Expression, dialect: str = "sqlite", *, keep: bool = True) -> str:
    """Return the one-line text of a syntax tree, without comments. `keep` False may change the tree, and is faster.

    Raises `SQLError` for a tree that is nested too deeply.
    """
    return _write(tree, load_dialect(dialect).base, keep, "IGNORE")


def _write(tree: Expression, base: str, keep: bool, unsupported: str) -> str:
    from sqlglot.errors import ErrorLevel, UnsupportedError

    level = ErrorLevel[unsupported]
    try:
        return tree.sql(dialect=base, comments=False, normalize_functions="upper", copy=keep, unsupported_level=level)
    except RecursionError as e:
        raise SQLError("The statement is nested too deeply.") from e
    except UnsupportedError as e:
        raise SQLError(f"This cannot be written in {dialect_name(base)}: {e}.") from e


def canonical(sql: str, dialect: str = "sqlite") -> str:
    """Return the statement on one line, keywords upper-case, single quotes, no comments and no `;`.

    >>> canonical("select  count(*) from t where a != 'x';")
    "SELECT COUNT(*) FROM t WHERE a <> 'x'"
    """
    return write(parse(sql, dialect), dialect, keep=False)


def transpile(sql: str, source: str, target: str) -> str:
    """Return the statement in another dialect; raises `SQLError`, also where that dialect cannot say it."""
    return _write(parse(sql, source), load_dialect(target).base, False, "RAISE")
