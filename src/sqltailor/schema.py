"""Functions on `Schema`: from CREATE TABLE text and back, within a token budget; look-ups, hash, differences."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sqltailor.dialect import load_dialect, quote_name
from sqltailor.errors import DataError
from sqltailor.types import Cell, Column, Reference, Schema, Table

if TYPE_CHECKING:
    from sqlglot.expressions import Create, Expression


def from_ddl(ddl: str, dialect: str = "sqlite", *, loose: bool = False) -> Schema:
    """Return the schema that `CREATE TABLE` and `COMMENT ON` statements describe.

    `loose` accepts the style of sql-create-context: bare names such as `5th_place` or `order`, tables joined by `;`
    or `,`. Column comments are read from `COMMENT 'x'`, `COMMENT ON`, `/* x */` and `-- x` after the column.
    Raises `DataError` when there is no table, or a statement cannot be read.
    """
    if loose:
        tables = tuple(_loose_table(text) for text in _loose_statements(ddl))
    else:
        tables = _strict_tables(ddl, dialect)
    if not tables:
        raise DataError("The schema has no CREATE TABLE statement.")
    return Schema(tables)


_LOOSE_START = re.compile(r"(?:^|[;,)\s])\s*CREATE\s+TABLE\s+", re.IGNORECASE)
_LOOSE_COLUMN_NOISE = re.compile(
    r"^(PRIMARY\s+KEY|FOREIGN\s+KEY|UNIQUE|CONSTRAINT|CHECK|KEY|INDEX)\b.*\(", re.IGNORECASE
)


def _loose_statements(ddl: str) -> Iterator[str]:
    matches = list(_LOOSE_START.finditer(ddl))
    ends = [m.start() for m in matches[1:]] + [len(ddl)] * bool(matches)
    for start, end in zip((m.end() for m in matches), ends, strict=True):
        # the separator's `)` belongs to the statement before
        yield ddl[start : end + 1 if ddl[end : end + 1] == ")" else end].strip().rstrip(";,").strip()


def _loose_table(text: str) -> Table:
    name, parenthesis, body = text.partition("(")
    if not parenthesis or not name.strip():
        raise DataError(f"Not a CREATE TABLE statement: {text[:80]!r}")
    columns = []
    for item in _split_commas(body.rstrip().removesuffix(")")):
        if not item or _LOOSE_COLUMN_NOISE.match(item):
            continue
        bare, _, kind = item.rpartition(" ") if item[:1] not in '"`[' else _quoted_column(item)
        columns.append(Column(_unquote(bare or kind), _type_name(kind if bare else "")))
    return Table(_unquote(name.strip()), tuple(columns))


def _type_name(declared: str) -> str:
    name = declared.upper() or "TEXT"
    return "INTEGER" if name == "INT" else name


def _quoted_column(item: str) -> tuple[str, str, str]:
    end = item.find({"[": "]"}.get(item[0], item[0]), 1)
    return item[: end + 1], " ", item[end + 1 :].strip() or "TEXT"


def _split_commas(text: str) -> list[str]:
    depth, parts, start = 0, [], 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return [*parts, text[start:].strip()]


def _unquote(name: str) -> str:
    return name[1:-1] if len(name) > 1 and name[0] in '"`[' else name


def _strict_tables(ddl: str, dialect: str) -> tuple[Table, ...]:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        statements = [s for s in sqlglot.parse(ddl, read=load_dialect(dialect).base) if s is not None]
    except (SqlglotError, RecursionError) as e:
        raise DataError(f"The schema is not {dialect} DDL: {str(e).splitlines()[0][:200]}") from e
    tables = [_table(s, ddl) for s in statements if isinstance(s, exp.Create) and s.kind in ("TABLE", "VIEW")]
    for statement in statements:
        if isinstance(statement, exp.Comment):
            tables = _with_comment(tables, statement)
    return tuple(tables)


def _table(create: Create, ddl: str) -> Table:
    from sqlglot import exp

    body = create.this
    name = body.this if isinstance(body, exp.Schema) else body
    comment = create.find(exp.SchemaCommentProperty)
    columns = (
        [_column(c, ddl) for c in body.expressions if isinstance(c, (exp.ColumnDef, exp.Identifier))]
        if isinstance(body, exp.Schema)
        else []
    )
    if not columns and create.kind == "VIEW" and isinstance(create.expression, exp.Query):
        columns = [Column(n) for n in create.expression.named_selects]
    columns = _with_table_keys(columns, body)
    return Table(
        name.name, tuple(columns), name.db or None, comment.this.name if comment else None, create.kind == "VIEW"
    )


def _column(definition: Expression, ddl: str) -> Column:
    from sqlglot import exp

    comment = definition.find(exp.CommentColumnConstraint)
    reference = definition.find(exp.Reference)
    # a comment hangs on whatever node stands before it
    notes = dict.fromkeys(c.strip() for node in definition.walk() for c in (node.comments or []))
    trailing = " ".join(note for note in notes if note)
    return Column(
        definition.name,
        _declared_type(definition, ddl),
        primary_key=definition.find(exp.PrimaryKeyColumnConstraint) is not None,
        references=_reference(reference) if reference else None,
        comment=comment.this.name if comment else trailing or None,
    )


_ZONE = r"(?:\s+(?:WITH|WITHOUT)(?:\s+LOCAL)?\s+TIME\s+ZONE)?"
_DECLARED = re.compile(
    rf"\s*([A-Za-z]\w*(?:\s+(?:PRECISION|VARYING))?(?:\s*\([\d\s,]*\))?{_ZONE}(?:\s+UNSIGNED)?(?:\s*\[\])*)(?![\w(<])",
    re.IGNORECASE,
)


def _declared_type(definition: Expression, ddl: str) -> str:
    """Return a column's type as the text spells it: sqlglot's own names (DOUBLE for REAL) are not the database's."""
    kind = definition.args.get("kind")
    if kind is None:
        return "TEXT"
    end = definition.this.meta.get("end")
    found = _DECLARED.match(ddl, end + 1) if end is not None else None
    return _type_name(re.sub(r"\s+", " ", found.group(1)) if found else kind.sql(comments=False))


def _reference(reference: Expression, position: int = 0) -> Reference:
    target = reference.this  # Schema(Table, [columns]) or a bare Table, whose primary key is meant
    names = [c.name for c in target.expressions] if target.expressions else []
    table = target.this if target.expressions else target
    return Reference(table.name, names[position] if position < len(names) else "")


def _with_table_keys(columns: list[Column], body: Expression) -> list[Column]:
    from sqlglot import exp

    changes: dict[str, dict[str, Any]] = {}
    for key in body.find_all(exp.PrimaryKey):
        for part in key.expressions:
            changes.setdefault(part.name.lower(), {})["primary_key"] = True
    for foreign in body.find_all(exp.ForeignKey):
        for i, part in enumerate(foreign.expressions):
            changes.setdefault(part.name.lower(), {})["references"] = _reference(foreign.args["reference"], i)
    return [dataclasses.replace(c, **changes.get(c.name.lower(), {})) for c in columns]


def _with_comment(tables: list[Table], statement: Expression) -> list[Table]:
    text, target = statement.expression.name, statement.this
    if statement.args.get("kind") == "TABLE":
        return [dataclasses.replace(t, comment=text) if t.name == target.name else t for t in tables]
    return [
        dataclasses.replace(
            t, columns=tuple(dataclasses.replace(c, comment=text) if c.name == target.name else c for c in t.columns)
        )
        if t.name == target.table
        else t
        for t in tables
    ]


def to_ddl(
    schema: Schema,
    dialect: str = "sqlite",
    *,
    comments: bool = True,
    samples: bool = False,
    max_tokens: int | None = None,
    count_tokens: Callable[[str], int] | None = None,
) -> str:
    """Return `CREATE TABLE` text, one statement a table, joined by `; `.

    Comments and sample values follow their column as `/* … */`. With `max_tokens`, samples go first and comments
    next until the text fits. Raises `DataError` when the bare schema is still too long: dropping tables unasked
    would make right answers impossible.
    """
    count = count_tokens or _estimate_tokens
    variants = dict.fromkeys([(comments, samples), (comments, False), (False, False)])
    for with_comments, with_samples in variants:
        text = "; ".join(_table_ddl(t, dialect, with_comments, with_samples) for t in schema.tables)
        if max_tokens is None or (tokens := count(text)) <= max_tokens:
            return text
    raise DataError(too_large(schema, tokens, max_tokens or 0))


def too_large(schema: Schema, tokens: int, max_tokens: int) -> str:
    """Return the message for a schema that does not fit the prompt."""
    return (
        f"The schema has {len(schema.tables)} tables and needs {tokens:,} tokens, but {max_tokens:,} are free. "
        "Name the tables that questions are about in `database.allow`, or raise `prompt.max_schema_tokens`."
    )


def _estimate_tokens(text: str) -> int:
    # characters / 3 is the worst case seen for SQL with common tokenizers
    return -(-len(text) // 3)


def _table_ddl(table: Table, dialect: str, comments: bool, samples: bool) -> str:
    keys = [c for c in table.columns if c.primary_key]
    items = [_column_ddl(c, dialect, comments, samples, inline_key=len(keys) == 1) for c in table.columns]
    if len(keys) > 1:
        items.append(f"PRIMARY KEY ({', '.join(quote_name(c.name, dialect) for c in keys)})")
    kind = "VIEW" if table.is_view else "TABLE"
    note = f" /* {_one_line(table.comment)} */" if comments and table.comment else ""
    return f"CREATE {kind} {qualified_name(table, dialect)}{note} ({', '.join(items)})"


def _column_ddl(column: Column, dialect: str, comments: bool, samples: bool, *, inline_key: bool) -> str:
    text = f"{quote_name(column.name, dialect)} {column.type}"
    if column.primary_key and inline_key:
        text += " PRIMARY KEY"
    if column.references:
        target = f"({quote_name(column.references.column, dialect)})" if column.references.column else ""
        text += f" REFERENCES {quote_name(column.references.table, dialect)}{target}"
    notes = [_one_line(column.comment)] if comments and column.comment else []
    if samples and column.samples:
        notes.append("e.g. " + ", ".join(show_value(v) for v in column.samples))
    return f"{text} /* {'; '.join(notes)} */" if notes else text


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("*/", "* /").replace("/*", "/ *")).strip()


def show_value(value: Cell) -> str:
    """Return a value as a prompt shows it: a SQL literal on one line, long text cut at 40 characters."""
    if isinstance(value, str):
        short = value if len(value) <= 40 else value[:37] + "..."
        return "'" + _one_line(short).replace("'", "''") + "'"
    return f"x'{value.hex()[:32]}'" if isinstance(value, bytes) else str(value)


def qualified_name(table: Table, dialect: str = "sqlite") -> str:
    """Return the table's name as a statement writes it, with its namespace where it has one."""
    name = quote_name(table.name, dialect)
    return f"{quote_name(table.namespace, dialect)}.{name}" if table.namespace else name


def find_table(schema: Schema, name: str, namespace: str | None = None) -> Table | None:
    """Return the table called `name`, whatever the case, or None."""
    for table in schema.tables:
        same_space = namespace is None or (table.namespace or "").lower() == namespace.lower()
        if table.name.lower() == name.lower() and same_space:
            return table
    return None


def find_column(table: Table, name: str) -> Column | None:
    """Return the column called `name`, whatever the case, or None."""
    return next((c for c in table.columns if c.name.lower() == name.lower()), None)


def names(schema: Schema) -> set[str]:
    """Return the names of all tables and columns."""
    return {t.name for t in schema.tables} | {c.name for t in schema.tables for c in t.columns}


def schema_hash(schema: Schema) -> str:
    """Return 16 hexadecimal digits that change when a table, column, type or key does; comments do not count."""
    bare = [
        (t.namespace, t.name, [(c.name, c.type.upper(), c.primary_key, c.references) for c in t.columns])
        for t in sorted(schema.tables, key=lambda t: (t.namespace or "", t.name))
    ]
    return hashlib.sha256(json.dumps(bare).encode()).hexdigest()[:16]


def diff(old: Schema, new: Schema) -> list[str]:
    """Return what changed from `old` to `new`, one sentence a change."""
    changes = []
    for table in old.tables:
        other = find_table(new, table.name, table.namespace)
        if other is None:
            changes.append(f"table {table.name} is gone")
            continue
        for column in table.columns:
            now = find_column(other, column.name)
            if now is None:
                changes.append(f"column {table.name}.{column.name} is gone")
            elif now.type.upper() != column.type.upper():
                changes.append(f"column {table.name}.{column.name} is {now.type}, was {column.type}")
        changes += [f"column {table.name}.{c.name} is new" for c in other.columns if not find_column(table, c.name)]
    return changes + [f"table {t.name} is new" for t in new.tables if find_table(old, t.name, t.namespace) is None]


def to_json(schema: Schema) -> dict[str, Any]:
    """Return the JSON shape of `sqltailor schema --format json`; empty facts are null or left out."""
    return {"tables": [_table_json(t) for t in schema.tables]}


def _table_json(table: Table) -> dict[str, Any]:
    extra = {"namespace": table.namespace, "comment": table.comment, "view": table.is_view or None}
    columns = [
        {
            "name": c.name,
            "type": c.type,
            "primary_key": c.primary_key,
            "references": {"table": c.references.table, "column": c.references.column} if c.references else None,
            "comment": c.comment,
            **({"samples": list(c.samples)} if c.samples else {}),
        }
        for c in table.columns
    ]
    return {"name": table.name, **{k: v for k, v in extra.items() if v}, "columns": columns}


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
            tuple(c.get("samples", ())),
        )
        for c in data["columns"]
    )
    return Table(data["name"], columns, data.get("namespace"), data.get("comment"), bool(data.get("view")))
