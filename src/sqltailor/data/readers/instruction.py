"""Instruction rows: `instruction, input, output`, `input, output`, and whole prompts with their answers as texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sqltailor.data.examples import from_json, text_field
from sqltailor.data.readers import Source
from sqltailor.data.readers.chat import from_prompt_text
from sqltailor.data.reference_prompt import from_messages, from_prompt, gold_of, read_spec, reference_ddl
from sqltailor.data.rows import RowError
from sqltailor.data.sections import read_asked, sections, split_ddl, turns
from sqltailor.types import Example, Message, Role


def read_instruction(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of an `instruction, input, output` row: the input, or the instruction, holds the DDL."""
    answer = text_field(row, "output") or text_field(row, "response")
    example = _example(text_field(row, "instruction") or "", text_field(row, "input") or "", answer, row, source)
    system, history = text_field(row, "system") or "", row.get("history") or []
    if not isinstance(history, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in history):
        raise RowError("wrong_type", "`history` must be a list of pairs of a question and its answer")
    turns_before = [Message(role, str(said)) for pair in history for role, said in zip(_SPEAKERS, pair, strict=True)]
    schema = example.schema or _ddl_of(system) or None
    return dataclasses.replace(example, schema=schema, history=tuple(turns_before) or example.history)


_SPEAKERS: tuple[Role, Role] = ("user", "assistant")


def _ddl_of(system: str) -> str:
    ddl = reference_ddl(system)
    return split_ddl(system)[1] if ddl is None else ddl


def read_input_output(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of an `input, output` row: the input is a JSON spec, a prompt, or text with sections."""
    asked, answer = row.get("input"), text_field(row, "output")
    if isinstance(asked, Mapping) or (isinstance(asked, str) and _is_spec(asked, row)):
        spec = dict(asked) if isinstance(asked, Mapping) else read_spec(asked)
        return _completed(Example("", (), spec=spec, dialect=source.dialect), answer, row)
    text = text_field(row, "input") or ""
    return _completed(from_prompt_text(text, source.dialect), answer, row)


def read_text(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of a text with sections such as `### Instruction:`, or of one that a chat template wrote."""
    text = text_field(row, "text") or ""
    if spoken := turns(text):
        return from_messages(spoken, source.dialect)
    parts = sections(text)
    if "question" in parts or "schema" in parts:
        return _completed(from_prompt(text, "", source.dialect), parts.get("answer"), row)
    return _example(parts.get("task", ""), parts.get("input", ""), parts.get("answer"), row, source)


def _example(instruction: str, given: str, answer: str | None, row: Mapping[str, Any], source: Source) -> Example:
    if _is_spec(instruction, row):
        spec = read_spec(instruction)
        return _completed(Example("", (), spec=spec, schema=given or None, dialect=source.dialect), answer, row)
    question, ddl, evidence, is_marked = read_asked(given)
    if not question or (ddl and not is_marked):
        # the usual shape: the question, then the schema (and words around it, which stay as evidence)
        asked = from_prompt(instruction, ddl, source.dialect)
        words = asked.evidence or question or evidence or None
        return _completed(dataclasses.replace(asked, evidence=words), answer, row)
    # a fixed task as the instruction, perhaps with the schema, and the question as its input
    ddl = ddl or split_ddl(instruction)[1]
    asked = Example("", (), question=question, schema=ddl or None, evidence=evidence or None, dialect=source.dialect)
    return _completed(asked, answer, row)


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
    example = dataclasses.replace(example, sql=(gold_of(answer, example.dialect),))
    told = row.get("metadata")
    if not isinstance(told, Mapping):
        return example
    told = {"dialect": example.dialect, **told, "question": "", "spec": None}
    more = from_json(told | {"sql": [example.sql[0], *told.get("more_sql", [])]})
    question = example.question
    if question is not None and more.evidence:
        question = question.removesuffix("\n" + more.evidence)
    return dataclasses.replace(more, question=question, spec=example.spec, schema=example.schema or more.schema)
