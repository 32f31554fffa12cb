"""Business terms of the glossary in synthetic pairs: other names, conditions ("active customer"), sums ("revenue")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

from sqltailor.errors import SQLError
from sqltailor.naming.words import plural, singular
from sqltailor.sql.dialect import parse, write
from sqltailor.synth.graph import Graph, TableInfo
from sqltailor.synth.query import QUALIFIER, Measure, Term

if TYPE_CHECKING:
    from sqlglot.expressions import Expression


class Terms(NamedTuple):
    """A glossary as the synthesiser uses it: by table key, but `synonyms` by `TABLE` or `TABLE.COLUMN`."""

    synonyms: Mapping[str, tuple[str, ...]]
    conditions: Mapping[str, tuple[Term, ...]]
    measures: Mapping[str, tuple[Measure, ...]]
    unused: tuple[str, ...]


def read_terms(glossary: Mapping[str, str], graph: Graph, dialect: str = "sqlite") -> Terms:
    """Return what the glossary's entries mean here.

    An entry is used when its meaning is a table, a column, a condition on the columns of one table, or an aggregate
    over them; `unused` lists the others, whose meaning is plain language.
    """
    synonyms: dict[str, list[str]] = {}
    conditions: dict[str, list[Term]] = {}
    measures: dict[str, list[Measure]] = {}
    unused = []
    for term, meaning in glossary.items():
        named = _name(meaning.strip(), graph)
        fragment = None if named else _fragment(meaning, dialect)
        table = _table_of(fragment, graph, term) if fragment is not None else None
        if named:
            synonyms.setdefault(named, []).append(term.lower())
        elif fragment is None or table is None:
            unused.append(term)
        elif _is_aggregate(fragment):
            sql = _qualified(fragment, dialect)
            measures.setdefault(table.key, []).append(Measure(term.lower(), sql, table.key))
        elif _is_condition(fragment):
            words = _without_noun(term, table)
            conditions.setdefault(table.key, []).append(Term(words, _qualified(fragment, dialect), table.key))
        else:
            unused.append(term)
    return Terms(
        {name: tuple(words) for name, words in synonyms.items()},
        {name: tuple(found) for name, found in conditions.items()},
        {name: tuple(found) for name, found in measures.items()},
        tuple(unused),
    )


def _name(meaning: str, graph: Graph) -> str | None:
    """Return `table` or `table.column` in lower case when the meaning names one, and one only."""
    wanted = meaning.lower()
    columns = [f"{t.key}.{c.name}".lower() for t in graph.tables.values() for c in t.columns]
    tables = [key.lower() for key in graph.tables]
    found = [name for name in tables + columns if name == wanted]
    found = found or [name for name in columns if name.rpartition(".")[2] == wanted]
    return found[0] if len(found) == 1 else None


def _fragment(meaning: str, dialect: str) -> Expression | None:
    try:
        tree = parse(f"SELECT 1 FROM t WHERE {meaning}", dialect)
    except SQLError:
        return None
    where = tree.args.get("where")
    return None if where is None or len(tree.args.get("expressions") or ()) != 1 else where.this


def _own_columns(fragment: Expression) -> list[Expression]:
    """Return the columns of a fragment that are not inside a subquery."""
    from sqlglot import exp

    return [column for column in fragment.find_all(exp.Column) if _outermost(column, fragment)]


def _outermost(found: Expression, fragment: Expression) -> bool:
    from sqlglot import exp

    node = found.parent
    while node is not None and node is not fragment.parent:
        if isinstance(node, exp.Select):
            return False
        node = node.parent
    return True


def _table_of(fragment: Expression, graph: Graph, term: str) -> TableInfo | None:
    """Return the only table that has all columns of a fragment, or the one of several that the term names."""
    columns = _own_columns(fragment)
    if not columns:
        return None
    fits = []
    for table in graph.tables.values():
        names = {column.name.lower() for column in table.columns}
        own = {"", table.key.lower(), table.key.rpartition(".")[2].lower()}
        if all(c.name.lower() in names and c.table.lower() in own for c in columns):  # type: ignore[attr-defined]
            fits.append(table)
    named = [table for table in fits if table.noun in singular(term.lower())]
    fits = named if len(fits) > 1 else fits
    return fits[0] if len(fits) == 1 else None


def _is_aggregate(fragment: Expression) -> bool:
    from sqlglot import exp

    return any(_outermost(cast("Expression", found), fragment) for found in fragment.find_all(exp.AggFunc))


def _is_condition(fragment: Expression) -> bool:
    from sqlglot import exp

    return isinstance(fragment, exp.Predicate | exp.Connector | exp.Not | exp.Paren)


def _qualified(fragment: Expression, dialect: str) -> str:
    """Return the fragment's text with a mark where the columns' qualifier goes."""
    from sqlglot import exp

    marked = fragment.copy()
    for column in _own_columns(marked):
        column.set("table", exp.to_identifier(QUALIFIER))
    text = write(marked, dialect)
    for quoted in (f'"{QUALIFIER}".', f"`{QUALIFIER}`.", f"[{QUALIFIER}].", f"{QUALIFIER}."):
        text = text.replace(quoted, QUALIFIER)
    return f"({text})" if isinstance(fragment, exp.Or) else text


def _without_noun(term: str, table: TableInfo) -> str:
    words = term.lower().split()
    if len(words) > 1 and singular(words[-1]) == table.noun.split()[-1]:
        return " ".join(words[:-1])
    return term.lower() if len(words) > 1 or words[0].endswith(("ed", "ive", "al", "ic")) else plural(term.lower())
