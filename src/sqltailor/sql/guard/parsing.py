"""The parse layer, and the part of the policy that needs no schema: one SELECT, built of known parts only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.errors import Refused, SQLError
from sqltailor.sql.dialect import NO_SELECT, is_statement, lacks_select, nodes_of, not_valid, statements
from sqltailor.sql.guard.allowed_nodes import BUILT, DROPPED, FIRST_WORDS, NAMING, NODES, WORDS
from sqltailor.sql.guard.text_layer import Piece, Text

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

MAX_TOKENS = 20_000
MAX_TABLES = 100
MAX_SELECTS = 200
FUNCTIONS_OF = "Functions in the schema {} are not allowed; call them without a prefix."
_PARAMETERS = frozenset({"postgres", "redshift", "materialize", "risingwave", "duckdb"})


class Statement(NamedTuple):
    """A parsed statement: its tree, all nodes of it, and the source text of every name before a `(`."""

    tree: Expr
    nodes: list[Expr]
    called: list[str]


def parse(text: Text, dialect: str = "sqlite") -> Statement:
    """Return the statement, or raise `Refused`: unreadable or several (`parse`), not a SELECT (`policy`)."""
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect

    if re.search(r";[\s;]*[^\s;]", text.code):
        raise Refused("Exactly one statement is allowed; something follows the first `;`.", "parse")
    if dialect in _PARAMETERS and re.search(r"(?<![\w$])\$\d[^$]*\$", text.code):  # a quote to sqlglot: `$1,$`
        raise Refused(_REFUSED["Parameter"], "policy")
    sqlglot = Dialect.get_or_raise(dialect)
    try:
        tokens = sqlglot.tokenize(text.sql)
        _check_tokens(text, tokens, dialect)
        if [token.text.upper() for token in tokens[:2]] == ["VALUES", "("]:
            sqlglot = Dialect.get_or_raise("")  # its MySQL parser takes this VALUES for the function
        trees = statements(sqlglot, tokens, text.sql)
    except Refused:
        raise
    except SQLError as e:
        raise Refused(str(e), "parse") from e
    except Exception as e:  # sqlglot lets plain exceptions escape on malformed text; whatever it is, it is not read
        raise Refused(not_valid(dialect, e), "parse") from e
    if len(trees) != 1:
        raise Refused("Exactly one statement is allowed.", "parse")
    tree = trees[0]
    while isinstance(tree, exp.Subquery) and not isinstance(tree.this, exp.Table):
        tree = tree.this
    if not isinstance(tree, (exp.Select, exp.SetOperation, exp.Values)):
        raise Refused(f"Only SELECT statements may run, not {in_sql(tree)}.", "policy")
    nodes = nodes_of(trees[0])
    if lacks_select(tokens, nodes, dialect):
        raise Refused(not_valid(dialect, NO_SELECT), "parse")
    if not is_statement(trees[0], dialect):
        raise Refused(not_valid(dialect, "it selects nothing."), "parse")
    _check_named_parts(nodes)
    _check_names_kept(text.sql, tokens, trees[0], nodes, dialect)
    return Statement(trees[0], nodes, called(text.sql, tokens, nodes))


def _check_tokens(text: Text, tokens: list[Any], dialect: str) -> None:
    """Refuse words that cannot begin a query, and text that sqlglot cuts otherwise than our reader."""
    if not tokens:
        raise Refused("There is no statement, only a comment.", "parse")
    if len(tokens) > MAX_TOKENS:
        raise Refused(f"The statement has {len(tokens):,} tokens; at most {MAX_TOKENS:,} are allowed.", "text")
    first = tokens[0].text
    if first.lower() not in FIRST_WORDS:
        if meant := _mistyped(tokens[0]):
            fault = f"it begins with {shown(first)}. Did you mean {meant.upper()}?"
            raise Refused(not_valid(dialect, fault), "parse")
        raise Refused(f"Only SELECT statements may run; this one begins with {shown(first.upper())}.", "policy")
    pieces, i = [*text.pieces, Piece("end", len(text.sql), len(text.sql))], 0
    for token in tokens:
        token.comments = []  # a comment may carry instructions to sqlglot
        start, end = token.start, token.end + 1
        while pieces[i].kind == "comment" and pieces[i].end <= start:
            i += 1
        if end > pieces[i].start:
            kind, own_start, own_end = pieces[i]
            if kind == "comment" or end != own_end or not own_start - 2 <= start <= own_start:
                break
            i += 1
    else:
        if all(piece.kind in ("comment", "end") for piece in pieces[i:]):
            return
    raise Refused("The quotes or comments are ambiguous: different databases would read them differently.", "text")


def _mistyped(token: Any) -> str | None:
    """Return the first word that was meant by one that begins no statement at all."""
    if token.token_type.name != "VAR":
        return None
    return next(iter(get_close_matches(token.text.lower(), FIRST_WORDS, n=1, cutoff=0.75)), None)


_REFUSED = {
    "Into": "INTO is not allowed in a query.",
    "Lock": "Locking clauses such as FOR UPDATE are not allowed.",
    "Hint": "Optimizer hints are not allowed in a query.",
    "IndexTableHint": "Index hints are not allowed: leave out USE, FORCE or IGNORE INDEX.",
    "Parameter": "Variables and parameters are not allowed in a query; write the value.",
    "SessionParameter": "Server variables are not allowed in a query.",
    "Placeholder": "Placeholders are not allowed in a query; write the value.",
    "ObjectIdentifier": "Casts to system catalog types are not allowed.",
    "Operator": "OPERATOR(…) is not allowed in a query.",
    "PositionalColumn": "Columns cannot be referred to by position (#1); name them.",
}


def _check_named_parts(nodes: Sequence[Expr]) -> None:
    """Refuse the parts that have a sentence of their own, before a name inside one is refused without it."""
    from sqlglot import exp

    for node in nodes:
        if reason := _REFUSED.get(type(node).__name__):
            raise Refused(reason, "policy")
        if isinstance(node, exp.Select) and node.args.get("options"):
            raise Refused("OPTION (…) is not allowed in a query.", "policy")
        if isinstance(node, exp.WithTableHint) and node.find(exp.Func):
            raise Refused("Index hints are not allowed: leave out WITH (INDEX …).", "policy")


def _check_names_kept(sql: str, tokens: list[Any], tree: Expr, nodes: Sequence[Expr], dialect: str) -> None:
    """Refuse text with a name that the tree lacks: sqlglot drops some arguments and turns others into keywords."""
    from sqlglot import exp

    kept = {node.meta.get("start") for node in nodes if isinstance(node, exp.Identifier)}
    paths = _bigquery_paths(tokens, tree) if dialect == "bigquery" else []
    words = DROPPED
    if dialect in ("snowflake", "databricks"):  # column:key.key
        words = words | {str(key.this).lower() for key in tree.find_all(exp.JSONPathKey)}
    padded = [None, *tokens, None]
    for before, token, after in zip(padded, tokens, padded[2:], strict=False):
        if token.token_type.name not in ("VAR", "IDENTIFIER") or token.start in kept:
            continue
        if any(start <= token.start <= end for start, end in paths):
            continue
        is_call = after is not None and sql[after.start] == "("
        follows = before.text.upper() if before else ""
        is_free = follows in ("COLLATE", "USING", "AS") or (follows == "BY" and token.text.upper() == "NAME")
        is_argument = after is not None and after.text == "=>"
        if not (is_call or is_free or is_argument) and token.text.lower() not in words:
            raise Refused(f"{shown(token.text)} is not a column or keyword that can be used here.", "policy")


def _bigquery_paths(tokens: list[Any], tree: Expr) -> list[tuple[int, int]]:
    """Where sqlglot keeps a table's name in other pieces: `my-project-1.d.t`, or `d.t` in one quote."""
    from sqlglot import exp

    places = {token.start: i for i, token in enumerate(tokens)}
    found = []
    for table in tree.find_all(exp.Table):
        end = places.get(table.this.meta.get("start", -1), 0)
        first = end
        while first and tokens[first - 1].end + 1 == tokens[first].start and _is_of_path(tokens[first - 1]):
            first -= 1
        if "".join(token.text for token in tokens[first : end + 1]) == ".".join(part.name for part in table.parts):
            found.append((tokens[first].start, tokens[end].start))
    return found


def _is_of_path(token: Any) -> bool:
    return token.text in (".", "-") or token.token_type.name in ("VAR", "IDENTIFIER", "NUMBER")


def _declared(nodes: Sequence[Expr]) -> set[int]:
    """Where names are declared that a bracket may follow: `WITH x(a)`, `AS x(a)`."""
    from sqlglot import exp

    names = [node.this for node in nodes if isinstance(node, exp.TableAlias)]
    return {name.meta["start"] for name in names if isinstance(name, exp.Identifier) and "start" in name.meta}


def called(sql: str, tokens: list[Any], nodes: Sequence[Expr]) -> list[str]:
    """Return every name or keyword before a `(`, but those that the statement declares."""
    declared, names = _declared(nodes), []
    for token, after in pairwise(tokens):
        first = sql[token.start]
        if sql[after.start] != "(" or token.start in declared or not (first.isalpha() or first in '_$@#"`['):
            continue
        names.append(token.text if first in '"`[' else token.text.split()[-1])
    return names


@lru_cache
def _allowed_types(functions: frozenset[str]) -> frozenset[type]:
    """The classes of sqlglot that may stand in a tree: those of `allowed_nodes`, and functions with an allowed name."""
    from sqlglot import exp

    classes = [c for c in vars(exp).values() if isinstance(c, type) and issubclass(c, exp.Expression)]
    return frozenset(
        c
        for c in classes
        if c.__name__ in NODES | BUILT
        or (issubclass(c, exp.Func) and any(name.lower() in functions for name in c.sql_names()))
    )


def check_nodes(nodes: Sequence[Expr], functions: frozenset[str]) -> None:
    """Refuse nodes with a part that `allowed_nodes` does not list, or more tables and SELECTs than anyone needs."""
    from sqlglot import exp

    allowed = _allowed_types(functions)
    tables = selects = 0
    judged = (exp.Identifier, exp.Dot, exp.Var, exp.DataType)
    for node in nodes:
        if type(node) not in allowed:
            raise Refused(f"{in_sql(node)} is not allowed in a query.", "policy")
        tables += isinstance(node, exp.Table)
        selects += isinstance(node, exp.Select)
        if isinstance(node, judged):
            _check_node(node)
    if tables > MAX_TABLES or selects > MAX_SELECTS:
        raise Refused(
            f"The statement names {tables} tables in {selects} SELECTs; "
            f"at most {MAX_TABLES} and {MAX_SELECTS} are allowed.",
            "policy",
        )


def _check_node(node: Expr) -> None:
    from sqlglot import exp

    if isinstance(node, exp.Identifier):
        place = f"{type(node.parent).__name__}.{node.arg_key}"
        if place not in NAMING and not _is_lambda_parameter(node):
            raise Refused(f"The name {shown(node.name)} is not allowed here.", "policy")
        is_prefix = place == "Dot.this" and node.parent is not None and node.parent.find(exp.Func) is not None
        if is_prefix and node.name.lower() != "pg_catalog":
            raise Refused(FUNCTIONS_OF.format(shown(node.name)), "policy")
    elif isinstance(node, exp.Dot):
        if isinstance(node.this, exp.Literal) or isinstance(node.expression, exp.Literal):
            raise Refused("A string literal cannot be used as a table or column name; remove the quotes.", "policy")
    elif isinstance(node, exp.Var):
        is_free = isinstance(node.parent, (exp.Kwarg, exp.Collate, exp.DataType))  # an argument, collation or charset
        if node.name.lower() not in WORDS and not is_free:
            raise Refused(f"{shown(node.name)} is not an allowed unit or keyword here.", "policy")
    elif isinstance(node, exp.DataType):
        kind = node.args.get("kind")
        parts = [part.name.lower() for part in kind.find_all(exp.Identifier)] if isinstance(kind, exp.Expr) else []
        if len(parts) > 1 or any(part.startswith(("reg", "pg_")) for part in parts):
            raise Refused(f"The type {shown('.'.join(parts))} is not allowed.", "policy")


def _is_lambda_parameter(node: Expr) -> bool:
    from sqlglot import exp

    scope = node.find_ancestor(exp.Lambda)
    while scope and node.name not in [parameter.name for parameter in scope.expressions]:
        scope = scope.find_ancestor(exp.Lambda)
    return scope is not None


def in_sql(node: Expr) -> str:
    """Return what a part of the tree is called in SQL, as far as the parser's name for it shows."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).upper()


def shown(name: str) -> str:
    """Return a name for a message: quoted, shortened, control characters escaped."""
    text = name if len(name) <= 60 else name[:57] + "…"
    return "'" + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text) + "'"
