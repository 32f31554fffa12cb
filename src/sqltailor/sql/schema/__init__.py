"""Functions on `Schema`: from CREATE TABLE text and back, within a token budget; look-ups, hash, differences."""

from __future__ import annotations

from sqltailor.sql.schema.compare import (
    diff,
    find_column,
    find_table,
    find_target,
    names,
    schema_hash,
    without_samples,
)
from sqltailor.sql.schema.ddl import from_ddl
from sqltailor.sql.schema.json import from_json, to_json
from sqltailor.sql.schema.write import qualified_name, show_value, to_ddl, too_large

__all__ = [
    "diff",
    "find_column",
    "find_table",
    "find_target",
    "from_ddl",
    "from_json",
    "names",
    "qualified_name",
    "schema_hash",
    "show_value",
    "to_ddl",
    "to_json",
    "too_large",
    "without_samples",
]
