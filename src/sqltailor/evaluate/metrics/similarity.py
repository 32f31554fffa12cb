"""How near a statement is to the gold one: by its tokens, by its tree, and by its embedding. Near is not right.

All rise with anything that two statements share, so that a wrong answer often has more than 0.8: they show whether a
model that gets nothing right yet is on its way, and rank nothing that execution can rank.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqltailor.errors import SQLError
from sqltailor.evaluate.metrics.attempt import Attempt
from sqltailor.sql.dialect import comparable, load_dialect, parse
from sqltailor.sql.dialect.lexer import lex

if TYPE_CHECKING:
    from sqlglot.expressions import Expression


def token_f1(attempt: Attempt) -> float | None:
    """Return F1 over the tokens of the statement and of the nearest gold one, as bags; case counts in texts only."""
    if attempt.gold_declined:
        return None
    base = load_dialect(attempt.dialect).base
    return max(shared(_tokens(attempt.predicted or "", base), _tokens(gold, base)) for gold in attempt.gold)


def ast_similarity(attempt: Attempt) -> float | None:
    """Return F1 over the nodes of the syntax tree, each with its parent's kind, and of the nearest gold tree.

    Aliases do not count. None where no gold statement can be parsed.
    """
    golds = [tree for gold in attempt.gold if (tree := _parsed(gold, attempt.dialect)) is not None]
    if attempt.gold_declined or not golds:
        return None
    ours = Counter[Any]() if attempt.tree is None else _nodes(attempt.tree)
    return max(shared(ours, _nodes(tree)) for tree in golds)


def embedding_similarity(attempt: Attempt) -> float | None:
    """Return the cosine of the statement's embedding with that of the nearest gold one, at least 0.

    The weakest of the three: what embeds them has read English, not SQL. Both are written as `exact_match` compares
    them, and then equal ones have 1. Raises `MissingExtra` and `BackendError` where the model cannot be had.
    """
    from sqltailor.generate.embedder import embed

    if attempt.gold_declined or not attempt.gold:
        return None
    if not attempt.predicted:
        return 0.0
    ours = comparable(attempt.predicted, attempt.dialect, tree=attempt.tree)
    golds = [comparable(gold, attempt.dialect) for gold in attempt.gold]
    if ours in golds:
        return 1.0
    vector, *nearest = embed([ours, *golds])
    cosine = max(float(vector @ gold) for gold in nearest)
    return round(min(max(cosine, 0.0), 1.0), 6)  # the digits on which machines agree


def shared(a: Counter[Any], b: Counter[Any]) -> float:
    """Return F1 of two bags.

    >>> shared(Counter("aab"), Counter("abc"))
    0.6666666666666666
    """
    total = a.total() + b.total()
    return 2 * (a & b).total() / total if total else 1.0


def _tokens(sql: str, base: str) -> Counter[str]:
    solid = [token for token in lex(sql, base) if not token.is_blank and token.raw != ";"]
    return Counter(token.raw if token.kind == "string" else token.raw.lower() for token in solid)


def _parsed(sql: str, dialect: str) -> Expression | None:
    try:
        return parse(sql, dialect)
    except SQLError:
        return None


def _nodes(tree: Expression) -> Counter[Any]:
    from sqlglot import exp

    aliases = {
        (node.alias.lower()): node.name.lower() for node in tree.find_all(exp.Table) if node.alias
    }  # fmt: skip
    found: Counter[Any] = Counter()
    for node in tree.walk():
        if isinstance(node, (exp.Identifier, exp.TableAlias)):
            continue
        text = (node.this if isinstance(node, exp.Literal) else node.name.lower()) if _is_leaf(node) else ""
        table = node.text("table").lower() if isinstance(node, exp.Column) else ""
        found[node.key, text, aliases.get(table, table), node.parent.key if node.parent else ""] += 1
    return found


def _is_leaf(node: Any) -> bool:
    from sqlglot import exp

    return isinstance(node, (exp.Column, exp.Table, exp.Literal, exp.Boolean))
