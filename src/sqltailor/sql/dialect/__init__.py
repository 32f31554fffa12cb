"""SQL text as values: parse it, write it in one canonical way, mask it, move it between dialects.

Built on sqlglot. A dialect is a sqlglot name (`sqlite`, `postgres`) or a YAML file that extends one (`Dialect`).
"""

from __future__ import annotations

from sqltailor.sql.dialect.avoid import avoided
from sqltailor.sql.dialect.lexer import trimmed
from sqltailor.sql.dialect.loose import as_sqlite_reads, comparable, parse_loose, relex
from sqltailor.sql.dialect.mask import mask_names, mask_values, shape, template
from sqltailor.sql.dialect.names import RESERVED, needs_quotes, quote_name
from sqltailor.sql.dialect.statement import (
    MAX_SQL_CHARACTERS,
    canonical,
    is_statement,
    lacks_select,
    nodes_of,
    parse,
    statements,
    transpile,
    write,
)
from sqltailor.sql.dialect.syntax_faults import NO_SELECT, not_valid
from sqltailor.sql.dialect.yaml_dialects import Dialect, Function, load_dialect

__all__ = [
    "MAX_SQL_CHARACTERS",
    "NO_SELECT",
    "RESERVED",
    "Dialect",
    "Function",
    "as_sqlite_reads",
    "avoided",
    "canonical",
    "comparable",
    "is_statement",
    "lacks_select",
    "load_dialect",
    "mask_names",
    "mask_values",
    "needs_quotes",
    "nodes_of",
    "not_valid",
    "parse",
    "parse_loose",
    "quote_name",
    "relex",
    "shape",
    "statements",
    "template",
    "transpile",
    "trimmed",
    "write",
]
