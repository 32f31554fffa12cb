"""How near a statement is to the gold one: by its tokens, and by its tree. Near is not right.

Both rise with anything that two statements share, so that a wrong answer often has more than 0.8: they show whether a
model that gets nothing right yet is on its way, and rank nothing that execution can rank.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqltailor.errors import SQLError
from sqltailor.evaluate.metrics.attempt import Attempt
from sqltailor.sql.dialect import load_dialect, parse
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
