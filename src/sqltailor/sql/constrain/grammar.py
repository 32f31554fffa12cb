"""The grammar of the statements that a constrained model may write, as llguidance reads it (Lark's notation).

Every list, nesting and literal has a longest length, so that a statement ends. Names of tables and columns are those
of the schema; which column belongs to which table is for `name_check`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqltailor.sql.constrain.signatures import calls
from sqltailor.sql.constrain.sql_words import KEYWORDS, OPERATORS
from sqltailor.sql.dialect import quote_name
from sqltailor.types import Schema

DECLINE = "-- cannot answer:"
"""How an answer says that there is none; what reads answers knows it, too."""
SUBQUERIES, NESTING = 3, 3
"""How deep SELECTs stand in SELECTs, and calls and brackets in each other."""
LIST, ITEMS, JOINS = 12, 12, 7
"""Longest lists of values and of columns, and the most joins of a FROM."""
TEXT, DIGITS = 64, 12
"""Longest string, in characters, and number, in digits."""
BACKTICKS = ("mysql", "bigquery", "spark", "databricks", "hive")

_TYPES = {
    "sqlite": "INTEGER REAL TEXT NUMERIC FLOAT INT DATE",
    "mysql": "SIGNED UNSIGNED CHAR DATE DATETIME DECIMAL",
    "bigquery": "INT64 FLOAT64 STRING DATE TIMESTAMP NUMERIC",
}
_KEYWORDS = """
SELECT DISTINCT FROM AS JOIN INNER LEFT RIGHT FULL OUTER CROSS ON USING WHERE GROUP BY HAVING ORDER ASC DESC LIMIT
OFFSET UNION ALL INTERSECT EXCEPT AND OR NOT IN EXISTS BETWEEN LIKE IS NULL CASE WHEN THEN ELSE END CAST WITH OVER
PARTITION NULLS FIRST LAST TRUE FALSE INTERVAL DATE TOP FETCH ROWS ONLY ILIKE GLOB EXTRACT COUNT
"""
_UNITS = "YEAR QUARTER MONTH WEEK DAY HOUR MINUTE SECOND"


def grammar(schema: Schema, dialect: str, house: Mapping[str, tuple[int, int]] | None = None) -> str:
    """Return the grammar of a granted schema in a base dialect; `house`: functions of the house, with argument counts.

    Raises `ValueError` for a schema without tables.
    """
    if not schema.tables:
        raise ValueError("A schema without tables allows no statement.")
    functions = {**calls(dialect), **(house or {})}
    rules = [_head(schema, dialect), _words(dialect, functions)]
    for query in range(SUBQUERIES):
        rules.append(_query(query, dialect))
        rules += [_expressions(query, nest, functions, dialect) for nest in range(NESTING + 1)]
    return "\n".join(rules)


def one_table(schema: Schema, dialect: str) -> str:
    """Return the grammar of short statements on one table, whose names are right by themselves.

    The longest has about 40 tokens: what a longer statement may fall back to.
    """
    selects = []
    for number, table in enumerate(schema.tables):
        columns = "|".join(_spellings(column.name, dialect) for column in table.columns)
        name = _table_spellings(table.namespace, table.name, dialect)
        where = f'(" " WHERE " " C{number} " " cmp " " value)?'
        selects.append(
            f'one{number}: SELECT " " list{number} " " FROM " " /({name})/ {where}\n'
            f'list{number}: "*" | C{number} (", " C{number})? | CALL "(" C{number} ")"\n'
            f"C{number}: /({columns})/"
        )
    return "\n".join(
        [
            "start: " + " | ".join(f"one{number}" for number in range(len(schema.tables))),
            *selects,
            'SELECT: "SELECT"\nFROM: "FROM"\nWHERE: "WHERE"\nCALL: "COUNT" | "SUM" | "AVG" | "MIN" | "MAX"',
            'cmp: "=" | "<>" | "<" | ">" | "<=" | ">="',
            "value: /'[^'\\\\\\p{C}]{0,24}'/ | /[0-9]{1,9}/",
        ]
    )


def _head(schema: Schema, dialect: str) -> str:
    tables = "|".join(dict.fromkeys(_table_spellings(t.namespace, t.name, dialect) for t in schema.tables))
    names = dict.fromkeys(c.name for t in schema.tables for c in t.columns)
    columns = "|".join(_spellings(name, dialect) for name in names)
    keywords = "|".join(_any_case(word) for word in sorted(KEYWORDS | OPERATORS))
    string = rf"/'([^'\\\p{{C}}]|''){{0,{TEXT}}}'/"
    if dialect in ("sqlite", "mysql", "bigquery"):  # in SQLite a quoted name that is none
        string += rf' | /"[^"\\\p{{C}}]{{0,{TEXT}}}"/'
    return rf"""
start: statement ";"? | DECLINE
%ignore /[ \n]{{1,9}}/
DECLINE: /{DECLINE} [^\p{{C}}]{{1,120}}/
statement: (WITH cte ("," cte){{0,3}})? body0
cte: NAME AS "(" body1 ")"
NAME: /[A-Za-z_][A-Za-z0-9_]{{0,30}}/ & ~/({keywords})/
TABLE: /{tables}/
COLUMN: /{columns}/
STRING: {string}
NUMBER: /[0-9]{{1,{DIGITS}}}(\.[0-9]{{1,8}})?/
INTEGER: /[0-9]{{1,6}}/
column: COLUMN | (NAME | TABLE) "." (COLUMN | NAME) | NAME
CMP: "=" | "<>" | "!=" | "<" | ">" | "<=" | ">="
OP: "+" | "-" | "*" | "/" | "%"{"" if dialect in ("mysql", "tsql") else ' | "||"'}
type: {" | ".join(f"/{_any_case(name)}/" for name in _types(dialect))}
"""


def _types(dialect: str) -> Sequence[str]:
    return _TYPES.get(dialect, "INTEGER BIGINT FLOAT DOUBLE NUMERIC DECIMAL TEXT VARCHAR DATE TIMESTAMP").split()


def _words(dialect: str, functions: Mapping[str, tuple[int, int]]) -> str:
    lines = [f"{word}: /{_any_case(word)}/" for word in _KEYWORDS.split()]
    lines.append("UNIT: /" + "|".join(map(_any_case, _UNITS.split())) + "/")
    for counts in sorted(set(functions.values())):
        names = [_any_case(name) for name, own in functions.items() if own == counts]
        lines.append(f"F{counts[0]}X{counts[1]}: /" + "|".join(names) + "/")
    return "\n".join(lines)


def _query(level: int, dialect: str) -> str:
    """Return the rules of a whole query at a level of nesting."""
    own, below = str(level), level + 1
    e = f"e{own}x0"
    source = "TABLE (AS? NAME)?"
    if below < SUBQUERIES:
        source += f' | "(" body{below} ")" (AS? NAME)?'
    top, tail = "", '(LIMIT INTEGER (OFFSET INTEGER | "," INTEGER)?)?'
    if dialect == "tsql":
        top, tail = "(TOP INTEGER)?", ""
    elif dialect == "oracle":
        tail = "(FETCH FIRST INTEGER ROWS ONLY)?"
    elif dialect not in ("sqlite", "mysql"):
        tail = "(LIMIT INTEGER (OFFSET INTEGER)?)?"
    sets = "UNION ALL?" if dialect == "mysql" else "UNION ALL? | INTERSECT | EXCEPT"
    if dialect == "bigquery":
        sets = "UNION ALL | UNION DISTINCT | INTERSECT DISTINCT | EXCEPT DISTINCT"
    kinds = "INNER | LEFT OUTER? | CROSS" + ("" if dialect == "mysql" else " | RIGHT OUTER? | FULL OUTER?")
    return rf"""
body{own}: select{own} (({sets}) select{own}){{0,3}} (ORDER BY sort{own} ("," sort{own}){{0,5}})? {tail}
select{own}: SELECT DISTINCT? {top} item{own} ("," item{own}){{0,{ITEMS - 1}}} from{own}?
item{own}: "*" | (NAME | TABLE) ".*" | {e} (AS NAME)?
from{own}: FROM source{own} join{own}{{0,{JOINS}}} (WHERE {e})? (GROUP BY {e} ("," {e}){{0,5}} (HAVING {e})?)?
source{own}: {source}
join{own}: ({kinds})? JOIN source{own} (ON {e} | USING "(" COLUMN ("," COLUMN){{0,3}} ")")? | "," source{own}
sort{own}: {e} (ASC | DESC)? (NULLS (FIRST | LAST))?
"""


def _expressions(query: int, nest: int, functions: Mapping[str, tuple[int, int]], dialect: str) -> str:
    """Return the rules of expressions, inside `query` SELECTs and `nest` calls or brackets."""
    own = f"{query}x{nest}"
    deeper = f"e{query}x{nest + 1}" if nest < NESTING else None
    below = f"body{query + 1}" if query + 1 < SUBQUERIES else None
    atoms = ["STRING", "NUMBER", "NULL", "column"]
    if dialect not in ("sqlite", "tsql", "oracle"):
        atoms += ["TRUE", "FALSE"]
    if dialect not in ("sqlite", "tsql"):
        atoms += ["DATE STRING"]
    if dialect in ("postgres", "duckdb", "redshift", "snowflake"):
        atoms += ["INTERVAL STRING"]
    if dialect in ("mysql", "bigquery", "duckdb"):
        atoms += ["INTERVAL NUMBER UNIT"]
    is_in = ""
    if below:
        atoms += [f'"(" {below} ")"', f'EXISTS "(" {below} ")"']
        is_in = f" | {below}"
    if deeper:
        atoms += [f'"(" {deeper} ")"', f'CAST "(" {deeper} AS type ")"', f"case{own}", f"call{own} (OVER window{own})?"]
        if dialect not in ("sqlite", "tsql"):
            atoms.append(f'EXTRACT "(" UNIT FROM {deeper} ")"')
    likes = "LIKE" + (" | ILIKE" if dialect in ("postgres", "duckdb", "snowflake", "redshift") else "")
    likes += " | GLOB" if dialect == "sqlite" else ""
    rules = [
        f"e{own}: test{own} ((AND | OR) test{own}){{0,{LIST - 1}}}",
        f"test{own}: NOT? sum{own} (CMP sum{own} | IS NOT? NULL | NOT? BETWEEN sum{own} AND sum{own} "
        f'| NOT? ({likes}) sum{own} | NOT? IN "(" (sum{own} ("," sum{own}){{0,{LIST - 1}}}{is_in}) ")")?',
        f"sum{own}: atom{own} (OP atom{own}){{0,7}}",
        f'atom{own}: "-"? (' + " | ".join(atoms) + ")",
    ]
    if deeper:
        rules += [
            f"case{own}: CASE (WHEN {deeper} THEN {deeper}){{1,6}} (ELSE {deeper})? END",
            f'window{own}: "(" (PARTITION BY {deeper} ("," {deeper})?)? '
            f'(ORDER BY {deeper} (ASC | DESC)? ("," {deeper} (ASC | DESC)?)?)? ")"',
            f"call{own}: " + " | ".join(_calls(functions, deeper)),
        ]
    return "\n".join(rules)


def _calls(functions: Mapping[str, tuple[int, int]], argument: str) -> Iterable[str]:
    for fewest, most in sorted(set(functions.values())):
        if most == 0:
            yield f'F{fewest}X{most} "(" ")"'
            continue
        rest = f'("," {argument}){{{max(fewest - 1, 0)},{most - 1}}}' if most > 1 else ""
        given = f"{argument} {rest}" if fewest else f"({argument} {rest})?"
        yield f'F{fewest}X{most} "(" {given} ")"'
        if fewest == 1 and "count" in functions:
            yield f'F{fewest}X{most} "(" DISTINCT {argument} ")"'
    yield 'COUNT "(" "*" ")"'


def _any_case(text: str) -> str:
    """Return a regular expression of a text in upper and lower case, ASCII letters only.

    >>> _any_case("Is a/é")
    '[Ii][Ss]\\\\x{20}[Aa]\\\\x{2f}é'
    """
    return "".join(f"[{c.upper()}{c.lower()}]" if c.isascii() and c.isalpha() else _exact(c) for c in text)


def _exact(text: str) -> str:
    """Return a regular expression of a text as it is, whatever signs it has."""
    return "".join(c if c.isalnum() or c == "_" or not c.isascii() else f"\\x{{{ord(c):x}}}" for c in text)


def _spellings(name: str, dialect: str) -> str:
    """Return a regular expression of how a name is written: as it is where it may be, and quoted."""
    plain = quote_name(name, dialect)
    mark = "`" if dialect in BACKTICKS else '"'
    always = mark + name.replace(mark, mark * 2) + mark
    quoted = _exact(always)
    return _exact(plain) if plain == always else f"{_any_case(plain)}|{quoted}"


def _table_spellings(namespace: str | None, name: str, dialect: str) -> str:
    own = _spellings(name, dialect)
    return rf"(({_spellings(namespace, dialect)})\.)?({own})" if namespace else own
