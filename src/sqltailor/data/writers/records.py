"""Rows with room for everything: our own, and instruction rows with the rest in `metadata`."""

from __future__ import annotations

import json
from typing import Any

from sqltailor.data.examples import to_json
from sqltailor.data.reference_prompt import schema_text, to_messages
from sqltailor.prompt.text import completion_text
from sqltailor.types import Example, Schema


def write_example(example: Example, schema: Schema | None) -> dict[str, Any]:
    """Return a row of our own format; `schema` is not needed."""
    return to_json(example)


def write_alpaca(example: Example, schema: Schema | None) -> dict[str, Any]:
    """Return an `instruction, input, output` row: question (or spec) with its evidence, DDL, SQL."""
    return {
        "instruction": _asked(example),
        "input": schema_text(example, schema),
        "output": completion_text(example),
        "metadata": _metadata(example),
    }


def write_input_output(example: Example, schema: Schema | None) -> dict[str, Any]:
    """Return an `input, output` row: the spec as a JSON string, or the reference prompt of a question."""
    metadata = _metadata(example)
    if example.spec is not None:
        asked = json.dumps(example.spec, ensure_ascii=False)
        metadata |= {"schema": schema_text(example, schema)} if example.schema or schema else {}
    else:
        system, *_, user, _ = to_messages(example, schema)
        asked = f"{system.content}\n\n{user.content}"
    return {"input": asked, "output": completion_text(example), "metadata": metadata}


def write_text(example: Example, schema: Schema | None) -> dict[str, Any]:
    """Return a row with one text of three sections."""
    ddl = schema_text(example, schema)
    parts = (("Instruction", _asked(example)), ("Input", ddl), ("Response", completion_text(example)))
    text = "\n\n".join(f"### {name}:\n{content}" for name, content in parts)
    return {"text": text, "metadata": _metadata(example)}


def _asked(example: Example) -> str:
    if example.spec is not None:
        return json.dumps(example.spec, ensure_ascii=False)
    return "\n".join([example.question or "", *([example.evidence] if example.evidence else [])])


def _metadata(example: Example) -> dict[str, Any]:
    told = to_json(example)
    more = told.pop("sql")[1:]
    kept = {key: value for key, value in told.items() if key not in ("question", "spec", "schema")}
    return {"asked": "question" if example.spec is None else "spec"} | kept | ({"more_sql": more} if more else {})
