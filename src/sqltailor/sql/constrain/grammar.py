"""The grammar of the statements that a model may write, in the notation that llguidance reads (much like Lark's).

Every list, nesting and literal has a longest length. Beside a walk (`walk`), `name_check` sees to the names, so any
plain word may stand where a name may; alone, for a server that takes a grammar only, names are those of the schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqltailor.errors import ConfigError, did_you_mean
from sqltailor.sql.constrain.signatures import Call, calls
from sqltailor.sql.constrain.syntax import SYNTAXES, Syntax
from sqltailor.sql.constrain.terminals import (
    TEXT_CHARACTER,
    alternatives,
    call_terminal,
    name_terminals,
    plain_case,
    spellings,
    table_spellings,
    word_terminals,
)
from sqltailor.sql.dialect import load_dialect, quote_name
from sqltailor.types import Schema

DECLINE = "-- cannot answer:"
"""How an answer begins that says why there is no statement."""
LONGEST_REASON = 120
"""Characters of that reason, at most."""
QUERIES, NESTING = 4, 3
"""How deep SELECTs stand in each other, and calls and brackets within one."""
LIST, JOINS, TERMS, SETS, CTES = 12, 7, 6, 3, 4
"""Longest lists of items, values or conditions; joins of a FROM; terms of a sum or sort; set operators; WITH."""


def grammar(schema: Schema, dialect: str, *, is_alone: bool = False) -> str:
    """Return the grammar of a granted schema, whose answers may also decline; `is_alone`: no scope check beside it.

    Raises `ConfigError` for a dialect without a grammar, or a schema without a column.
    """
    syntax = syntax_of(dialect)
    if not any(table.columns for table in schema.tables):
        raise ConfigError("The schema has no column that is granted, so no statement can be written about it.")
    functions = calls(dialect)
    start = rf"start: statement | /{DECLINE} [^\x00-\x1f]{{1,{LONGEST_REASON}}}/"
    rules = [start, name_terminals(schema, dialect, is_alone), word_terminals(syntax), _functions(functions)]
    for query in range(QUERIES):
        rules.append(_query(query, syntax))
        rules += [_expressions(query, nest, functions, syntax) for nest in range(NESTING + 1)]
    return plain_case("\n".join(rules))


def syntax_of(dialect: str) -> Syntax:
    """Return the syntax of a dialect, or raise `ConfigError`."""
    base = load_dialect(dialect).base
    if base not in SYNTAXES:
        raise ConfigError(
            f"Constrained decoding knows no grammar of '{base}'.{did_you_mean(base, SYNTAXES)} "
            f"Known: {', '.join(SYNTAXES)}. Set generate.constrain: false for this dialect."
        )
    return SYNTAXES[base]


def one_table(schema: Schema, dialect: str) -> str:
    """Return the grammar of short statements on one table, whose names are right by themselves."""
    tables = [table for table in schema.tables if table.columns]
    lines = ["start: SELECT (" + "\n| ".join(f"one{number}" for number in range(len(tables))) + ")"]
    for number, table in enumerate(tables):
        columns = alternatives(spelling for c in table.columns for spelling in spellings(c.name, dialect))
        name = alternatives(table_spellings(table, dialect), is_exact=syntax_of(dialect).exact_tables)
        lines += [
            f"one{number}: item{number} (COMMA item{number}){{0,2}} FROM /{name}/ (WHERE C{number} CMP value)?",
            f"item{number}: C{number} | F C{number} CLOSE | COUNT",
            f"C{number}: /{columns}/",
        ]
    lines += [
        'SELECT: /select /i\nFROM: / from /i\nWHERE: / where /i\nCOMMA: ", "\nCLOSE: ")"\nCOUNT: /count\\(\\*\\)/i',
        'F: /(count|sum|avg|min|max)\\(/i\nCMP: " = " | " <> " | " < " | " > " | " <= " | " >= "',
        f"value: /'{TEXT_CHARACTER}{{0,24}}'/ | /[0-9]{{1,9}}/",
    ]
    return plain_case("\n".join(lines))


def _terminal_of(call: Call) -> str:
    return f"{call.kind.upper()}_{call.fewest}_{call.most}{'_LAST' if call.unit_at else ''}"


def _functions(functions: Mapping[str, Call]) -> str:
    named: dict[str, list[str]] = {}
    for name, call in functions.items():
        named.setdefault(_terminal_of(call), []).append(name)
    return "\n".join(f"{terminal}: {call_terminal(names)}" for terminal, names in named.items())


def _query(query: int, syntax: Syntax) -> str:
    """Return the rules of a whole query at a depth."""
    e, below = f"e{query}x0", query + 1
    top = "TOP?" if syntax.limit == "top" else ""
    limit = {
        "offset": "(LIMIT INTEGER (OFFSET INTEGER)?)?",
        "comma": "(LIMIT INTEGER ((OFFSET | COMMA) INTEGER)?)?",
        "only": "(LIMIT INTEGER)?",
    }.get(syntax.limit, "")
    sources = ["TABLE alias?"]
    if below < QUERIES:
        sources.append(f"OPEN body{below} CLOSE alias" + ("" if syntax.derived_need_alias else "?"))
    conditions = f"ON {e}" + (" | USING COLUMN (COMMA COLUMN){0,2} CLOSE" if syntax.has_using else "")
    lines = [
        f"select{query}: SELECT DISTINCT? {top} item{query} (COMMA item{query}){{0,{LIST - 1}}} from{query}?",
        f'item{query}: "*" | QUALIFIER "*" | {e} alias?',
        f"from{query}: FROM source{query} join{query}{{0,{JOINS}}} (WHERE {e})? group{query}?",
        f"group{query}: GROUP {e} (COMMA {e}){{0,{TERMS - 1}}} (HAVING {e})?",
        f"source{query}: {' | '.join(sources)}",
        f"join{query}: JOIN source{query} ({conditions}){'' if syntax.joins_need_on else '?'}",
        f"| (COMMA | CROSS{' | NATURAL' if syntax.has_using else ''}) source{query}",
        f"sort{query}: ({e} | sortable) DIRECTION? {'NULLS?' if syntax.nulls_order else ''}",
        f"body{query}: select{query} (SET select{query}){{0,{SETS}}} sorts{query}? {limit}",
        f"sorts{query}: ORDER sort{query} (COMMA sort{query}){{0,{TERMS - 1}}}",
    ]
    if query == 0:
        lines.append(f"statement: (WITH cte (COMMA cte){{0,{CTES - 1}}} SPACE)? body0")
        lines.append(f"cte: ALIAS (OPEN ALIAS (COMMA ALIAS){{0,{LIST - 1}}} CLOSE)? AS_OPEN body1 CLOSE")
    return "\n".join(lines)


def _expressions(query: int, nest: int, functions: Mapping[str, Call], syntax: Syntax) -> str:
    """Return the rules of expressions inside `query` SELECTs and `nest` calls or brackets."""
    own = f"{query}x{nest}"
    deeper = f"e{query}x{nest + 1}" if nest < NESTING else None
    below = f"body{query + 1}" if query + 1 < QUERIES else None
    atoms = ["STRING", "NUMBER", "VALUE", "column"]
    values = f"sum{own} (COMMA sum{own}){{0,{LIST - 1}}}"
    if syntax.date_literals:
        atoms.append("DATE")
    if below:
        atoms += [f"OPEN {below} CLOSE", f"EXISTS {below} CLOSE"]
        values += f" | {below}"
    lines = []
    if deeper:
        atoms += [f"OPEN {deeper} CLOSE", f"CAST {deeper} AS TYPE CLOSE", f"case{own}", f"call{own}"]
        lines += [
            f"case{own}: (CASE_WHEN | CASE {deeper} WHEN) {deeper} THEN {deeper} "
            f"(WHEN {deeper} THEN {deeper}){{0,5}} (ELSE {deeper})? END",
            f"over{own}: OVER (ORDERED order{own} | PARTITION parts{own} (ORDER order{own})?)? CLOSE",
            f"parts{own}: {deeper} (COMMA {deeper}){{0,2}}",
            f"order{own}: {deeper} DIRECTION? (COMMA {deeper} DIRECTION?)?",
            f"call{own}: " + "\n| ".join(_call_forms(own, deeper, functions, syntax)),
        ]
        if syntax.filters:
            lines.append(f"filter{own}: FILTER {deeper} CLOSE")
    interval = " | PLUS INTERVAL" if syntax.interval else ""
    return "\n".join(
        [
            f"e{own}: test{own} ((AND | OR) test{own}){{0,{LIST - 1}}}",
            f"test{own}: NOT? sum{own} (CMP sum{own} | IS_NULL | BETWEEN sum{own} AND sum{own} | LIKE sum{own} "
            f"| IN ({values}) CLOSE)?",
            f'sum{own}: "-"? atom{own} (OP atom{own}{interval}){{0,{TERMS - 1}}}',
            f"atom{own}: ({' | '.join(atoms)}){' COLONS?' if syntax.casts_by_colons else ''}",
            *lines,
        ]
    )


def _call_forms(own: str, deeper: str, functions: Mapping[str, Call], syntax: Syntax) -> Iterator[str]:
    after = (f"filter{own}? " if syntax.filters else "") + f"over{own}?"
    yield f'COUNT ("*" | DISTINCT? {deeper}) CLOSE {after}'
    if syntax.extract:
        yield f"EXTRACT FROM {deeper} CLOSE"
    if syntax.interval == "unit":
        yield f"DATE_ADD {deeper} COMMA INTERVAL CLOSE"
    for call in sorted(set(functions.values())):
        arguments = _arguments(deeper, call)
        match call.kind:
            case "aggregate":
                yield f"{_terminal_of(call)} {'DISTINCT? ' if call.fewest == 1 else ''}{arguments} CLOSE {after}"
            case "window":
                yield f"{_terminal_of(call)} {arguments} CLOSE over{own}"
            case "part":
                yield f"{_terminal_of(call)} PART COMMA {arguments} CLOSE"
            case "unit":
                forms = [arguments, "COMMA UNIT"] if call.unit_at else ["UNIT COMMA", arguments]
                yield f"{_terminal_of(call)} {' '.join(forms)} CLOSE"
            case _:
                yield f"{_terminal_of(call)} {arguments} CLOSE"


def _arguments(expression: str, call: Call) -> str:
    if call.most == 0:
        return ""
    more = f" (COMMA {expression}){{{max(call.fewest, 1) - 1},{call.most - 1}}}" if call.most > 1 else ""
    return expression + more if call.fewest else f"({expression}{more})?"


def shortest(schema: Schema, dialect: str) -> str:
    """Return the shortest statement about a schema."""
    return min(
        (
            f"SELECT {quote_name(column.name, dialect)} FROM {table_spellings(table, dialect)[0]}"
            for table in schema.tables
            for column in table.columns
        ),
        key=len,
    )
