"""The terminals of the grammar: names, keywords, literals and signs, with the blanks around them.

A keyword carries the blanks that must stand around it, so that no two words ever run together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqltailor.sql.constrain.syntax import SYNTAXES, UNITS, Syntax, no_alias, no_bare_alias
from sqltailor.sql.dialect import load_dialect, quote_name
from sqltailor.sql.dialect.names import always_quoted
from sqltailor.types import Schema, Table

TEXT, DIGITS, NAME, ALIAS = 64, 12, 62, 30
"""Longest string, name and alias, in characters, and number, in digits."""

_PLAIN = re.compile(rf"[A-Za-z_][A-Za-z0-9_]{{0,{NAME}}}\Z")
_W, _O = r"[ \n]{1,4}", r"[ \n]{0,4}"
# what the guard's text layer refuses, backslashes, and line breaks
TEXT_CHARACTER = r"[^'\\\x00-\x1f\x7f-\x9f\u{2028}\u{2029}\u{fffe}\u{ffff}]"


def spellings(name: str, dialect: str) -> list[str]:
    """Return how a column or table may be written: as a statement writes it, and in quotes."""
    return list(dict.fromkeys((quote_name(name, dialect), always_quoted(name, dialect))))


def table_spellings(table: Table, dialect: str) -> list[str]:
    """Return how a table may be written in FROM, with its namespace where it has one."""
    names = spellings(table.name, dialect)
    return [f"{quote_name(table.namespace, dialect)}.{name}" for name in names] if table.namespace else names


def alternatives(names: Iterable[str], *, is_exact: bool = False) -> str:
    """Return the alternatives of a pattern; bare names in any case, unless `is_exact`."""
    if is_exact:
        return "|".join(map(escaped, names))
    return "|".join(_any_case(escaped(n)) if _PLAIN.match(n.rpartition(".")[2]) else escaped(n) for n in names)


def _any_case(pattern: str) -> str:
    """Return a pattern whose ASCII letters count in both cases, and no others: `K` is not the Kelvin sign."""
    return f"(?i-u:{pattern})"


def plain_case(grammar: str) -> str:
    """Return a grammar with this meaning of case in all patterns that end in `/i`."""
    return re.sub(r"(?<=[ ~])/((?:[^/\\\n]|\\.)+)/i(?![a-z])", lambda found: f"/{_any_case(found[1])}/", grammar)


def escaped(text: str) -> str:
    """Return a text as a pattern that matches it alone."""
    return re.sub(r"[^A-Za-z0-9_ -]", lambda found: f"\\x{{{ord(found[0]):x}}}", text)


def call_terminal(functions: Iterable[str]) -> str:
    """Return the pattern of functions with the bracket behind them."""
    return rf"/({'|'.join(map(escaped, functions))})\({_O}/i"


def name_terminals(schema: Schema, dialect: str, is_alone: bool) -> str:
    """Return the terminals of names, of the schema only those that are no plain words; `is_alone`: all of them."""

    def listed(names: Iterable[str], *, is_exact: bool = False) -> str:
        kept = list(dict.fromkeys(name for name in names if is_alone or not _PLAIN.match(name)))
        return f"/{alternatives(kept, is_exact=is_exact)}/" if kept else ""

    own_columns = dict.fromkeys(c.name for t in schema.tables for c in t.columns)
    columns = listed(spelling for name in own_columns for spelling in spellings(name, dialect))
    base, quoted = load_dialect(dialect).base, always_quoted("x", dialect)
    exact = SYNTAXES[base].exact_tables
    tables = listed((s for table in schema.tables for s in table_spellings(table, dialect)), is_exact=exact)
    qualifiers = listed((s for table in schema.tables for s in spellings(table.name, dialect)), is_exact=exact)
    name, alias = rf"[a-z_][a-z0-9_]{{0,{NAME}}}", rf"[a-z_][a-z0-9_]{{0,{ALIAS}}}"
    inside = rf"[A-Za-z][A-Za-z0-9_ %]{{0,{ALIAS}}}"
    made = [] if is_alone else ["NAME", "QUOTED"]
    return rf"""
NAME: /{name}/i & ~/({"|".join(sorted(no_alias(base)))})/i
ALIAS: /{alias}/i & ~/({"|".join(sorted(no_alias(base)))})/i
BARE: /{_W}{alias}/i & ~/{_W}({"|".join(sorted(no_bare_alias(base)))})/i
QUOTED: /\x{{{ord(quoted[0]):x}}}{inside}\x{{{ord(quoted[-1]):x}}}/
TABLE: {_either(tables, *made[:1])}
QUALIFIER: ({_either(qualifiers, "NAME")}) "."
COLUMN: {_either(columns, *made)}
QUALIFIED: QUALIFIER COLUMN
alias: AS (ALIAS | QUOTED) | BARE
column: COLUMN | QUALIFIED
sortable: {"NAME" if is_alone else "COLUMN"}
"""


def _either(*alternatives: str) -> str:
    return " | ".join(filter(None, alternatives))


def _word(text: str, *, before: str = _W, after: str = _W) -> str:
    """Return the terminal of keywords that stand apart from what is around them; `text` may have alternatives."""
    return f"/{before}({text.replace(' ', _W)}){after}/i"


def word_terminals(syntax: Syntax) -> str:
    """Return the terminals of keywords, literals and signs."""
    negatable = f"(not{_W})?"
    units = "|".join(UNITS)
    types = "|".join(syntax.types.split())
    sized = r"|(varchar|char|decimal|numeric)\([0-9]{1,2}(, ?[0-9])?\)" if "decimal" in types else ""
    text = f"({TEXT_CHARACTER}|'')" if syntax.doubled_quotes else TEXT_CHARACTER
    concat = r"|\|\|" if syntax.concat else ""
    interval = {
        "text": f"'[0-9]{{1,4}} ({units})s?'",
        "quoted": f"'[0-9]{{1,4}}'{_W}({units})",
    }.get(syntax.interval, f"[0-9]{{1,4}}{_W}({units})")
    terminals = {
        "SPACE": f"/{_W}/",
        "COMMA": f"/{_O},{_O}/",
        "OPEN": rf"/{_O}\({_O}/",
        "CLOSE": rf"/{_O}\)/",
        "STRING": f"/'{text}{{0,{TEXT}}}'/",
        "NUMBER": rf"/[0-9]{{1,{DIGITS}}}(\.[0-9]{{1,8}})?/",
        "INTEGER": "/[0-9]{1,6}/",
        "VALUE": "/null" + ("|true|false" if syntax.booleans else "") + "|current_date|current_timestamp/i",
        "CMP": f"/{_O}(=|<>|!=|<|>|<=|>=){_O}/",
        "OP": rf"/{_O}([-+*\/%]{concat}){_O}/",
        "PLUS": f"/{_O}[-+]{_O}/",
        "WITH": _word("with", before=""),
        "SELECT": _word("select", before=""),
        "DISTINCT": _word("distinct", before=""),
        "TOP": _word("top [0-9]{1,6}", before=""),
        "AS": _word("as"),
        "AS_OPEN": rf"/{_W}as{_O}\({_O}/i",
        "FROM": _word("from"),
        "JOIN": _word(rf"(({'|'.join(syntax.joins)}) )?join"),
        "CROSS": _word("cross join"),
        "NATURAL": _word("natural (left )?join"),
        "ON": _word("on"),
        "USING": rf"/{_W}using{_O}\({_O}/i",
        "WHERE": _word("where"),
        "GROUP": _word("group by"),
        "HAVING": _word("having"),
        "ORDER": _word("order by"),
        "ORDERED": _word("order by", before=""),
        "PARTITION": _word("partition by", before=""),
        "DIRECTION": _word("asc|desc", after=""),
        "NULLS": _word("nulls (first|last)", after=""),
        "LIMIT": _word("limit"),
        "OFFSET": _word("offset"),
        "SET": _word("|".join(syntax.sets)),
        "AND": _word("and"),
        "OR": _word("or"),
        "NOT": _word("not", before=""),
        "IN": rf"/{_W}{negatable}in{_O}\({_O}/i",
        "IS_NULL": _word("is (not )?null", after=""),
        "BETWEEN": _word(f"{negatable}between"),
        "LIKE": _word(f"{negatable}({'|'.join(syntax.likes)})"),
        "EXISTS": rf"/exists{_O}\({_O}/i",
        "CAST": rf"/cast\({_O}/i",
        "TYPE": f"/{types}{sized}/i",
        "COLONS": f"/::({types})/i",
        "CASE": _word("case", before=""),
        "CASE_WHEN": _word("case when", before=""),
        "WHEN": _word("when"),
        "THEN": _word("then"),
        "ELSE": _word("else"),
        "END": _word("end", after=""),
        "COUNT": rf"/count\({_O}/i",
        "OVER": rf"/{_W}over{_O}\({_O}/i",
        "FILTER": rf"/{_W}filter{_O}\({_O}where{_W}/i",
        "EXTRACT": rf"/extract\({_O}({units})/i",
        "PART": f"/'({units})'/i",
        "UNIT": f"/{units}/i",
        "DATE": f"/date{_W}'[12][0-9]{{3}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])'/i",
        "DATE_ADD": rf"/(date_add|date_sub)\({_O}/i",
        "INTERVAL": f"/interval{_W}{interval}/i",
    }
    return "\n".join(f"{name}: {pattern}" for name, pattern in terminals.items())
