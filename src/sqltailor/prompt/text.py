"""The only place where prompt text exists: example → messages.

Training, evaluation and serving all come through here, so that a model is asked exactly as it was taught. A prompt
has a name and a version; both are stored with every adapter and checked when it is loaded.

Slots, in this order (an empty one costs no token): dialect, schema, glossary and evidence, value hints, known pairs,
history, question or spec.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping, Sequence

from sqltailor.errors import ConfigError, DataError, unknown
from sqltailor.sql.dialect import load_dialect, quote_name
from sqltailor.sql.schema import qualified_name, show_value, to_ddl, too_large
from sqltailor.sql.schema.write import dotted
from sqltailor.types import Cell, Column, Example, Message, Prompt, Schema, Table

PROMPTS: Mapping[str, int] = {"reference": 1, "compact": 1}
"""Name of each prompt → its version. A change of a prompt's text is a new version: it voids adapters."""

BuildPrompt = Callable[[Example, Schema], Prompt]
"""An example and the schema that it is about → what a model is asked."""

MAX_QUESTION_CHARACTERS, MAX_FAULT_CHARACTERS = 8_000, 300

_SYSTEM = (
    "You are a powerful text-to-SQL model. Your job is to answer questions about a database. "
    "You can use the following table schema for context: "
)
_QUESTION = "Return the SQL query that answers the following question: "
_KNOWN = "A question like it: "
_FAULT = "That statement does not run: "
_SPEC = "Return the SQL query for the following specification: "


def build_prompt(
    example: Example,
    schema: Schema,
    *,
    name: str = "reference",
    glossary: Mapping[str, str] | None = None,
    hints: Sequence[str] = (),
    pairs: Sequence[Example] = (),
    comments: bool = True,
    samples: bool = False,
    max_schema_tokens: int | None = None,
    count_tokens: Callable[[str], int] | None = None,
    shown: Schema | None = None,
) -> Prompt:
    """Return the prompt for one example, which shows the schema, or the part of it that is `shown`.

    `glossary` maps business terms to their meaning; only terms that the question uses are shown. `hints` are lines
    such as `city = 'Lyon'`, `pairs` known examples, the nearest last. Raises `ConfigError` for an unknown prompt name,
    `DataError` when the question is too long or the schema does not fit `max_schema_tokens`.
    """
    if name not in PROMPTS:
        raise ConfigError(unknown("prompt", name, PROMPTS))
    asked = _asked(example)
    if len(asked) > MAX_QUESTION_CHARACTERS:
        raise DataError(f"The question has {len(asked):,} characters; {MAX_QUESTION_CHARACTERS:,} are allowed.")
    notes = notes_of(example, glossary or {})
    visible = schema if shown is None else shown
    budget = {"max_tokens": max_schema_tokens, "count_tokens": count_tokens}
    if name == "reference":
        ddl = to_ddl(visible, example.dialect, comments=comments, samples=samples, **budget)  # type: ignore[arg-type]
        ask = (_QUESTION if example.question is not None else _SPEC) + asked
        known = [f"{_KNOWN}{pair.question}\n{completion_text(pair)}" for pair in pairs]
        system, user = _SYSTEM + ddl, "\n".join([ask, *notes, *hints, *known])
    else:
        lines = [load_dialect(example.dialect).name, compact_schema(visible, example.dialect, **budget)]  # type: ignore[arg-type]
        known = [f"? {pair.question}\n{completion_text(pair)}" for pair in pairs]
        system, user = "\n".join([*lines, *(f"# {n}" for n in notes), *(f"= {h}" for h in hints), *known]), asked
    messages = (Message("system", system), *example.history, Message("user", user))
    return Prompt(messages, schema, example.dialect)


def told_fault(prompt: Prompt, answer: str, fault: str) -> Prompt:
    """Return the prompt that asks again, after an answer whose statement does not run, as `fault` says."""
    reason = " ".join(fault.split())[:MAX_FAULT_CHARACTERS]
    last = prompt.messages[-1]
    again = (Message("assistant", answer), Message("user", f"{_FAULT}{reason}\n{last.content}"))
    return dataclasses.replace(prompt, messages=(*prompt.messages, *again))


def _asked(example: Example) -> str:
    return example.question if example.question is not None else json.dumps(example.spec, ensure_ascii=False)


def notes_of(example: Example, glossary: Mapping[str, str]) -> list[str]:
    """Return what a prompt says beside the question: the terms of the glossary that it uses, and the evidence."""
    notes = [f"{term}: {meaning}" for term, meaning in used_terms(_asked(example), glossary).items()]
    return [*notes, example.evidence] if example.evidence else notes


def used_terms(question: str, glossary: Mapping[str, str]) -> dict[str, str]:
    """Return the glossary entries whose term, or its plural, stands in the question.

    >>> used_terms("How many Active customers?", {"active customer": "stat = 'A'", "churn": "..."})
    {'active customer': "stat = 'A'"}
    """
    return {
        term: meaning
        for term, meaning in glossary.items()
        if re.search(rf"(?<!\w){re.escape(term)}(?:s|es)?(?!\w)", question, re.IGNORECASE)
    }


def compact_schema(
    schema: Schema,
    dialect: str = "sqlite",
    *,
    max_tokens: int | None = None,
    count_tokens: Callable[[str], int] | None = None,
) -> str:
    """Return one line a table: ` city: id* int, name, country > country.code`.

    `*` marks a primary key, `>` what a column points to (its column only where that has another name); text columns
    have no type. Every name has a space before
    it, so that it is made of the same tokens as in a statement. Raises `DataError` above `max_tokens`.
    """
    text = "\n".join(
        f" {qualified_name(t, dialect)}: " + ", ".join(_compact_column(c, dialect) for c in t.columns)
        for t in schema.tables
    )
    if max_tokens is not None and count_tokens is not None and (tokens := count_tokens(text)) > max_tokens:
        raise DataError(too_large(schema, tokens, max_tokens))
    return text


def _compact_column(column: Column, dialect: str) -> str:
    kind = compact_type(column.type)
    text = quote_name(column.name, dialect) + ("*" if column.primary_key else "") + (f" {kind}" if kind else "")
    if column.references is None:
        return text
    table, target, namespace = column.references
    same = target.lower() in ("", column.name.lower())
    return f"{text} > {dotted(namespace, table, dialect=dialect)}" + ("" if same else f".{quote_name(target, dialect)}")


_TYPES = (  # first match wins; text is the empty word
    ("bool", re.compile("BOOL|^BIT")),
    ("time", re.compile("TIMESTAMP|DATETIME|^TIME")),
    ("date", re.compile("DATE(?!RANGE)")),
    ("int", re.compile("(?<!PO)INT(?!ERVAL)(?!.*RANGE)|SERIAL|YEAR")),
    ("num", re.compile("REAL|FLOA|DOUB|NUMERIC|NUMBER|DECIMAL|MONEY")),
    ("json", re.compile("JSON")),
    ("blob", re.compile("BLOB|BYTEA|BINARY")),
)


def compact_type(declared: str) -> str:
    """Return the short word for a declared type; text is the empty word.

    >>> compact_type("VARCHAR(30)"), compact_type("bigint"), compact_type("DECIMAL(10,2)"), compact_type("interval")
    ('', 'int', 'num', '')
    """
    return next((word for word, pattern in _TYPES if pattern.search(declared.upper())), "")


def hint(table: Table, column: str, value: Cell, dialect: str) -> str:
    """Return the line that tells the model where a value of the question is stored."""
    return f"{qualified_name(table, dialect)}.{quote_name(column, dialect)} = {show_value(value)}"


def completion_text(example: Example) -> str:
    """Return what a model should write for an example: its preferred gold SQL without `;`."""
    return example.sql[0].strip().rstrip(";").rstrip()
