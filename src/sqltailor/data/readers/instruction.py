"""Instruction rows: `instruction, input, output`, `input, output`, and texts with `### Response:`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from sqltailor.data.examples import from_json, text_field
from sqltailor.data.readers import Source
from sqltailor.data.readers.chat import from_prompt_text
from sqltailor.data.reference import from_prompt, gold_of, read_spec, split_ddl
from sqltailor.data.rows import RowError
from sqltailor.types import Example

SECTION = re.compile(
    r"^### *(Instruction|Input|Response|Question|Context|Answer):[ \t]*\n?", re.MULTILINE | re.IGNORECASE
)
NAMES = {"question": "instruction", "context": "input", "answer": "response"}


def read_instruction(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of an `instruction, input, output` row: the input, or the instruction, holds the DDL."""
    answer = text_field(row, "output") or text_field(row, "response")
    return _example(text_field(row, "instruction") or "", text_field(row, "input") or "", answer, row, source)


def read_input_output(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of an `input, output` row: the input is a JSON spec, a prompt, or text with sections."""
    asked, answer = row.get("input"), text_field(row, "output")
    if isinstance(asked, Mapping) or (isinstance(asked, str) and _is_spec(asked, row)):
        spec = dict(asked) if isinstance(asked, Mapping) else read_spec(asked)
        return _completed(Example("", (), spec=spec, dialect=source.dialect), answer, row)
    text = text_field(row, "input") or ""
    if SECTION.search(text):
        return read_text({**row, "text": text}, source, answer=answer)
    return _completed(from_prompt_text(text, source.dialect), answer, row)


def read_text(row: Mapping[str, Any], source: Source, *, answer: str | None = None) -> Example:
    """Return the example of a text with `### Instruction:`, `### Input:` and `### Response:` sections."""
    text = text_field(row, "text") or ""
    found = list(SECTION.finditer(text))
    ends = [*(m.start() for m in found[1:]), len(text)]
    parts: dict[str, str] = {}
    for section, end in zip(found, ends, strict=True):
        name = section.group(1).lower()
        parts.setdefault(NAMES.get(name, name), text[section.end() : end].strip("\r\n"))
    return _example(parts.get("instruction", ""), parts.get("input", ""), answer or parts.get("response"), row, source)


def _example(instruction: str, given: str, answer: str | None, row: Mapping[str, Any], source: Source) -> Example:
    if _is_spec(instruction, row):
        spec = read_spec(instruction)
        return _completed(Example("", (), spec=spec, schema=given or None, dialect=source.dialect), answer, row)
    if not given or split_ddl(given)[1]:
        # the usual shape: the question, then the schema (and words around it, which stay as evidence)
        rest, ddl = split_ddl(given)
        asked = from_prompt(instruction, ddl, source.dialect)
        return _completed(dataclasses.replace(asked, evidence=asked.evidence or rest or None), answer, row)
    _, ddl = split_ddl(instruction)
    if ddl:  # the task with the schema in the instruction, the question as its input
        return _completed(Example("", (), question=given, schema=ddl, dialect=source.dialect), answer, row)
    # a fixed task as the instruction, the question as its input, no schema
    return _completed(Example("", (), question=given, dialect=source.dialect), answer, row)


def _is_spec(asked: str, row: Mapping[str, Any]) -> bool:
    """Tell whether what is asked is a JSON spec: our own rows say so, others are judged by their first character."""
    told = row.get("metadata")
    if isinstance(told, Mapping) and "asked" in told:
        return bool(told["asked"] == "spec")
    return asked.lstrip().startswith("{")


def _completed(example: Example, answer: str | None, row: Mapping[str, Any]) -> Example:
    """Add the gold SQL, and what our own writers put into `metadata`."""
    if not answer or not answer.strip():
        raise RowError("missing_field", "no answer")
    example = dataclasses.replace(example, sql=(gold_of(answer),))
    told = row.get("metadata")
    if not isinstance(told, Mapping):
        return example
    told = {"dialect": example.dialect, **told, "question": "", "spec": None}
    more = from_json(told | {"sql": [example.sql[0], *told.get("more_sql", [])]})
    question = example.question
    if question is not None and more.evidence:
        question = question.removesuffix("\n" + more.evidence)
    return dataclasses.replace(more, question=question, spec=example.spec, schema=example.schema or more.schema)
