"""The prompts for a model that helps to make data: three tasks, in our own words."""

from __future__ import annotations

from collections.abc import Sequence

from sqltailor.errors import counted
from sqltailor.sql.dialect import load_dialect
from sqltailor.sql.schema import to_ddl
from sqltailor.types import Example, Message, Prompt, Schema

_REWRITE = (
    "People ask a database the same thing in many ways. You are given a question and the SQL that answers it; write "
    "other questions that the same SQL answers. Keep every name, value, number and date as the question writes it. Add "
    "no condition and leave none out. Vary length and tone: short notes, polite requests, commands, everyday speech. "
    "Write one question on each line and nothing else."
)
_BACK_TRANSLATE = (
    "You are given a database schema and an SQL query that somebody ran. Write what that person wanted to know, as a "
    "question in plain words, the way people of the business speak: not the names of columns where an everyday word "
    "exists, and no SQL. Mention every value, limit and order that the query uses, so that the question can be "
    "answered without the query. Write one question on each line and nothing else."
)
_PROPOSE = (
    "You make exercises for a model that learns to query a database. You are given its schema; invent questions that "
    "people who work with this data would really ask, each with the SQL that answers it. The SQL is a single SELECT in "
    "the {dialect} dialect, uses only tables and columns of the schema, and returns neither nothing nor everything. "
    'Write each pair as one line of JSON, {{"question": "…", "sql": "…"}}, and nothing else.'
)

KINDS = (
    "rows that meet one condition",
    "rows that meet two or three conditions",
    "a count or a sum",
    "an average, smallest or largest value",
    "one figure for each group",
    "groups that are large or small enough",
    "the first few by some measure",
    "a comparison with the average",
    "what is missing: rows without a partner in another table",
    "a period of time",
    "a share or a ratio",
    "several tables joined",
)
"""What proposals are asked for in turn, so that they differ."""


def rewrite_prompt(example: Example, n: int) -> Prompt:
    """Return the prompt that asks for other wordings of an example's question, one a line."""
    parts = [f"Said before: {message.content}" for message in example.history]
    parts += [f"Known: {example.evidence}"] if example.evidence else []
    parts += [f"Question: {example.question}", f"SQL: {example.sql[0]}", f"Write {counted(n, 'other question')}."]
    return Prompt((Message("system", _REWRITE), Message("user", "\n".join(parts))), dialect=example.dialect)


def back_translate_prompt(sql: str, schema: Schema, dialect: str, n: int) -> Prompt:
    """Return the prompt that asks for questions that a query answers, one a line."""
    asked = f"Schema: {to_ddl(schema, dialect)}\nQuery: {sql}\nWrite {counted(n, 'question')} that it answers."
    return Prompt((Message("system", _BACK_TRANSLATE), Message("user", asked)), schema, dialect)


def propose_prompt(schema: Schema, dialect: str, n: int, *, kind: str, like: Sequence[Example] = ()) -> Prompt:
    """Return the prompt that asks for question–SQL pairs of a kind, one JSON object a line; `like` are in use."""
    parts = [f"Schema: {to_ddl(schema, dialect, samples=True)}"]
    parts += [f"Asked already: {example.question}\nSQL: {example.sql[0]}" for example in like]
    parts.append(f"Write {counted(n, 'new pair')}. Ask for {kind}.")
    system = _PROPOSE.format(dialect=load_dialect(dialect).name)
    return Prompt((Message("system", system), Message("user", "\n".join(parts))), schema, dialect)
