"""A JSON query specification to SQL, deterministic: no model, no database.

    {"table": "db.table_a", "cols": ["name", "id"], "filters": [{"column": "id", "operator": "IN", "value": "1,23,45"}]}
    SELECT name, id FROM db.table_a WHERE id IN (1, 23, 45)

The keys are the fields of `Spec`; `spec.schema.json` is their JSON Schema. Names and values never become SQL text by
themselves: names are quoted where needed, values are escaped literals.
"""

from sqltailor.sql.queryspec.compile import compile_spec
from sqltailor.sql.queryspec.spec import OPERATORS, Spec, json_schema, read_spec

__all__ = ["OPERATORS", "Spec", "compile_spec", "json_schema", "read_spec"]
