"""Table and column names as statements write them: which need quotes, and the quotes of each dialect."""

from __future__ import annotations

import re
from functools import lru_cache

from sqltailor.sql.dialect.yaml_dialects import load_dialect

# Words that SQLite, PostgreSQL or sqlglot refuse, or read as something else, as a bare column or table name.
RESERVED = frozenset(
    """
    add all alter analyse analyze and any array as asc asymmetric autoincrement between both case cast check
    collate column commit constraint create cross current_date current_role current_time current_timestamp
    current_user default deferrable delete desc describe distinct do drop else end escape except exists false
    fetch for foreign freeze from full glob grant group having if ilike in index initially inner insert
    intersect into is isnull join lateral leading left like limit localtime localtimestamp natural not nothing
    notnull null offset on only or order outer overlaps placing primary raise references regexp returning right
    rollback select session_user set similar some symmetric table tablesample then to trailing transaction true
    union unique update user using values variadic verbose when where window with
    """.split()  # noqa: SIM905
)
# Words that MySQL and MariaDB reserve besides.
RESERVED_MYSQL = frozenset(
    """
    before bigint binary blob by call cascade change char condition continue convert cursor database databases
    dec decimal declare delayed double dual each elseif empty enclosed exit explain float force fulltext
    function generated get groups high_priority infile int integer interval iterate key keys kill lag lead leave
    lines load lock long loop low_priority match maxvalue mod modifies numeric of optimize option out over
    partition precision procedure purge range rank read reads real release rename repeat replace require
    restrict return revoke rlike row row_number rows schema schemas separator show signal smallint spatial sql
    ssl starting stored system terminated trigger undo unlock unsigned usage use varchar varying virtual while
    write xor zerofill
    """.split()  # noqa: SIM905
)
# Namespaces that a name without one is looked up in.
DEFAULT_NAMESPACES = {
    "sqlite": "main",
    "duckdb": "main",
    "postgres": "public",
    "redshift": "public",
    "snowflake": "public",
    "tsql": "dbo",
    "fabric": "dbo",
}
# In these USE chooses a database, which stands before the namespace.
DATABASES_FIRST = frozenset({"tsql", "fabric", "snowflake"})
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def is_odd(name: str, dialect: str = "sqlite") -> bool:
    """Tell whether a bare word cannot stand for a table or column: reserved, or not made of letters and digits."""
    word = name.lower()
    is_reserved = word in RESERVED or (load_dialect(dialect).base == "mysql" and word in RESERVED_MYSQL)
    return is_reserved or _PLAIN.match(name) is None


def needs_quotes(name: str, dialect: str = "sqlite") -> bool:
    """Tell whether a stored table or column name must be quoted to be found: it is odd, or its case would be lost."""
    return is_odd(name, dialect) or fold(name, dialect) != name


def fold(name: str, dialect: str) -> str:
    """Return what a database stores for a bare name: PostgreSQL stores `City` as `city`.

    Oracle and Snowflake store `CITY`, but their users write lower case everywhere: such names are left as they are.

    >>> fold("City", "postgres"), fold("City", "sqlite")
    ('city', 'City')
    """
    return name.lower() if _stores_lower_case(load_dialect(dialect).base) else name


@lru_cache
def _stores_lower_case(base: str) -> bool:
    from sqlglot.dialects.dialect import Dialect

    return str(Dialect.get_or_raise(base).NORMALIZATION_STRATEGY.value) == "LOWERCASE"


@lru_cache(maxsize=65536)
def quote_name(name: str, dialect: str = "sqlite") -> str:
    """Return `name` as a statement writes it: bare where possible, else in the dialect's quotes.

    >>> quote_name("weird col"), quote_name("5th_place"), quote_name("city")
    ('"weird col"', '"5th_place"', 'city')
    """
    return always_quoted(name, dialect) if needs_quotes(name, dialect) else name


def always_quoted(name: str, dialect: str = "sqlite") -> str:
    """Return `name` in the dialect's quotes."""
    from sqlglot import exp

    return exp.to_identifier(name, quoted=True).sql(dialect=load_dialect(dialect).base)


def split_name(entry: str) -> list[str]:
    """Return the parts of a dotted name.

    >>> split_name('sales."order.items".id')
    ['sales', 'order.items', 'id']
    """
    parts, part, quoted = [], "", False
    for c in entry.strip():
        if c == '"':
            quoted = not quoted
        elif c == "." and not quoted:
            parts.append(part)
            part = ""
        else:
            part += c
    return [*parts, part]
