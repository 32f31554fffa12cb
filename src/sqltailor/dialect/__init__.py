"""SQL text as values: parse it, write it in one canonical way, mask it, move it between dialects.

Built on sqlglot. A dialect is a sqlglot name (`sqlite`, `postgres`) or a YAML file that extends one (`Dialect`).
"""

from __future__ import annotations

from sqltailor.dialect.avoid import avoided
from sqltailor.dialect.house import Dialect, Function, load_dialect
from sqltailor.dialect.loose import comparable, parse_loose, relex
from sqltailor.dialect.mask import mask_names, mask_values, shape, template
from sqltailor.dialect.names import RESERVED, needs_quotes, quote_name
from sqltailor.dialect.text import MAX_SQL_CHARACTERS, NO_SELECT, canonical, lacks_select, parse, transpile, write

__all__ = [
    "MAX_SQL_CHARACTERS",
    "NO_SELECT",
    "RESERVED",
    "Dialect",
    "Function",
    "avoided",
    "canonical",
    "comparable",
    "lacks_select",
    "load_dialect",
    "mask_names",
    "mask_values",
    "needs_quotes",
    "parse",
    "parse_loose",
    "quote_name",
    "relex",
    "shape",
    "template",
    "transpile",
    "write",
]
