"""Our own format: one `Example` a line of JSON, read and written without loss, and files that are whole or absent."""

from __future__ import annotations

import gzip
import io
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from sqltailor.data.file_kinds import open_bytes
from sqltailor.data.rows import Reject, RowError, read_rows, shown
from sqltailor.errors import DataError
from sqltailor.runs import faults_name
from sqltailor.types import Example, Message

ROLES = ("system", "user", "assistant")


def load_examples(path: str | os.PathLike[str]) -> list[Example]:
    """Return all examples of a file in our JSON Lines format (plain or `.gz`); an empty file has none.

    Raises `DataError` that names file and line for the first row that is no example.
    """
    path = Path(path)
    with open_bytes(path) as file:
        if not file.read(1):
            return []
    examples = []
    for row in read_rows(path):
        if isinstance(row, Reject):
            raise DataError(f"{path}, line {row.line}: {row.detail}")
        try:
            examples.append(from_json(row.value, default_id=f"{stem(path)}-{row.line}"))
        except RowError as e:
            raise DataError(f"{path}, line {row.line}: {e}") from e
    return examples


def write_examples(path: str | os.PathLike[str], examples: Iterable[Example]) -> int:
    """Write examples as JSON Lines (`.gz` compresses), whole or not at all; return how many."""
    count = 0
    with atomic_writer(path) as file:
        for count, example in enumerate(examples, 1):  # noqa: B007
            file.write(to_line(example))
    return count


@contextmanager
def atomic_writer(path: str | os.PathLike[str]) -> Iterator[TextIO]:
    """Open a text file that takes its name only when the block ends without an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        with faults_name(path), partial.open("wb") as raw:
            packed = gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) if path.suffix == ".gz" else None
            with io.TextIOWrapper(packed or raw, encoding="utf-8", newline="\n") as file:
                yield file
        with faults_name(path):
            os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def to_json(example: Example) -> dict[str, Any]:
    """Return the JSON shape of an example; what is not set is left out.

    >>> to_json(Example("1", ("SELECT 1",), question="One?"))
    {'id': '1', 'question': 'One?', 'sql': ['SELECT 1'], 'dialect': 'sqlite'}
    """
    values = {
        "id": example.id,
        "question": example.question,
        "spec": dict(example.spec) if example.spec is not None else None,
        "history": [{"role": m.role, "content": m.content} for m in example.history] or None,
        "evidence": example.evidence,
        "sql": list(example.sql),
        "schema": example.schema,
        "db_id": example.db_id,
        "dialect": example.dialect,
        "difficulty": example.difficulty,
        "source": example.source,
        "line": example.line,
    }
    return {key: value for key, value in values.items() if value is not None}


def to_line(example: Example) -> str:
    """Return the example as one line of JSON, with its newline."""
    return json_line(to_json(example))


def json_line(value: Any) -> str:
    """Return a value as one line of JSON; a lone surrogate, which UTF-8 cannot hold, is escaped."""
    line = json.dumps(value, ensure_ascii=False) + "\n"
    return line if line.isascii() or _is_utf8(line) else json.dumps(value) + "\n"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def from_json(value: Any, *, default_id: str = "", dialect: str = "sqlite") -> Example:
    """Return the example that a JSON object describes; unknown keys are ignored, `sql` may be a string or a list.

    Raises `RowError` when a field is missing or of a wrong type.
    """
    if not isinstance(value, Mapping):
        raise RowError("not_an_object", f"an example is a JSON object, not {type(value).__name__}")
    question, spec = text_field(value, "question"), value.get("spec")
    if spec is not None and not isinstance(spec, Mapping):
        raise RowError("wrong_type", "`spec` must be an object")
    if (question is None) == (spec is None):
        raise RowError("missing_field", "an example has either `question` or `spec`")
    line = value.get("line")
    return Example(
        id=text_field(value, "id") or default_id,
        sql=_sql(value.get("sql")),
        question=question,
        spec=spec,
        history=tuple(read_message(m) for m in _list(value, "history")),
        evidence=text_field(value, "evidence"),
        schema=text_field(value, "schema"),
        db_id=text_field(value, "db_id"),
        dialect=text_field(value, "dialect") or dialect,
        difficulty=text_field(value, "difficulty"),
        source=text_field(value, "source"),
        line=line if isinstance(line, int) else None,
    )


def text_field(row: Mapping[str, Any], key: str) -> str | None:
    """Return a field as text: numbers are written out, absent or NaN is None, anything else a `RowError`."""
    value = row.get(key)
    if value is None or isinstance(value, str):
        return value
    if value != value:  # NaN: an empty cell of pandas
        return None
    if isinstance(value, (int, float)):
        return str(value)
    raise RowError("wrong_type", f"`{key}` must be text, not {shown(value)[:60]}")


def _list(row: Mapping[str, Any], key: str) -> list[Any]:
    value = row.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise RowError("wrong_type", f"`{key}` must be a list")
    return value


def _sql(value: Any) -> tuple[str, ...]:
    accepted = [value] if isinstance(value, str) else value
    if accepted is None or accepted == []:
        raise RowError("missing_field", "no `sql`")
    if not isinstance(accepted, list) or not all(isinstance(sql, str) for sql in accepted):
        raise RowError("wrong_type", "`sql` must be text or a list of texts")
    return tuple(accepted)


def read_message(value: Any) -> Message:
    """Return the message that `{role, content}` describes, or raise `RowError`."""
    if not isinstance(value, Mapping) or value.get("role") not in ROLES or not isinstance(value.get("content"), str):
        raise RowError(
            "wrong_type", f"a message is {{role: {'|'.join(ROLES)}, content: text}}, not {shown(value)[:80]}"
        )
    return Message(value["role"], value["content"])


def stem(path: Path) -> str:
    """Return a file's name without its endings: `q.csv.gz` → `q`."""
    return path.name.split(".")[0] or path.name
