"""A schema as JSON values, and back."""

from __future__ import annotations

from typing import Any

from sqltailor.types import Cell, Column, Reference, Schema, Table


def to_json(schema: Schema) -> dict[str, Any]:
    """Return the JSON shape of `sqltailor schema --format json`; empty facts are null or left out."""
    return {"tables": [_table_json(t) for t in schema.tables]}


def _table_json(table: Table) -> dict[str, Any]:
    extra = {
        "namespace": table.namespace,
        "catalog": table.catalog,
        "home": list(table.home),
        "comment": table.comment,
        "view": table.is_view or None,
        "query": table.query,
    }
    columns = [
        {
            "name": c.name,
            "type": c.type,
            "primary_key": c.primary_key,
            "references": _reference_json(c.references) if c.references else None,
            "comment": c.comment,
            **({"samples": [_value_json(v) for v in c.samples]} if c.samples else {}),
        }
        for c in table.columns
    ]
    return {"name": table.name, **{k: v for k, v in extra.items() if v}, "columns": columns}


def _reference_json(reference: Reference) -> dict[str, str]:
    shape = {"table": reference.table, "column": reference.column}
    return shape | ({"namespace": reference.namespace} if reference.namespace else {})


def _value_json(value: Cell) -> Any:
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def from_json(data: dict[str, Any]) -> Schema:
    """Return the schema that `to_json` wrote."""
    return Schema(tuple(_table_from_json(t) for t in data["tables"]))


def _table_from_json(data: dict[str, Any]) -> Table:
    columns = tuple(
        Column(
            c["name"],
            c["type"],
            c["primary_key"],
            Reference(**c["references"]) if c["references"] else None,
            c["comment"],
            tuple(bytes.fromhex(v["hex"]) if isinstance(v, dict) else v for v in c.get("samples", ())),
        )
        for c in data["columns"]
    )
    namespace, comment, is_view = data.get("namespace"), data.get("comment"), bool(data.get("view"))
    where = data.get("catalog"), tuple(data.get("home", ()))
    return Table(data["name"], columns, namespace, comment, is_view, data.get("query"), *where)
