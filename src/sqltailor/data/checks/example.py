"""Check one example: text, schema, parse, kind of statement, names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from sqltailor.data.canonical import has_odd_names, is_read_in_part, parse_gold, read_schema_text
from sqltailor.data.checks.smells import smells
from sqltailor.data.facts import Facts, facts_of
from sqltailor.data.rows import RowError
from sqltailor.errors import SQLError
from sqltailor.prompt.extract import is_declined
from sqltailor.prompt.text import MAX_QUESTION_CHARACTERS
from sqltailor.sql.dialect import avoided, write
from sqltailor.sql.schema.unknown_names import unknown_names
from sqltailor.types import Example, Schema

if TYPE_CHECKING:
    from sqlglot.expressions import Expr, Expression

Statements = Literal["select", "dml"]

REASONS: Mapping[str, str] = {
    "broken_json": "the line is not JSON",
    "broken_csv": "the line has more or fewer cells than the header, or a cell that does not end",
    "broken_text": "the text is not UTF-8, or holds NUL",
    "too_long": "the line or the question is longer than any real one",
    "not_an_object": "the row is not a JSON object",
    "wrong_type": "a field holds something other than text, or a list where none belongs",
    "missing_field": "a field that the format needs is absent or empty",
    "empty_question": "no question",
    "opinion": "what a person said of an answer, without SQL",
    "not_wanted": "the row shows a wrong answer (`label` is false), as training by KTO needs it",
    "broken_schema": "the schema beside the question cannot be read",
    "unknown_database": "the row names a database that does not exist",
    "unparsed": "the SQL does not parse in the dialect",
    "not_select": "the statement is not a query (INSERT, UPDATE and DELETE are taken with statements: dml)",
    "unknown_table": "the SQL names a table that the schema does not have",
    "unknown_column": "the SQL names a column that the schema does not have",
    "refused": "the guard refuses the statement",
    "fails": "the database cannot run the statement",
    "timeout": "the statement runs too long",
    "differs": "moved from another dialect, the statement gives another result than where it came from",
    "duplicate": "an earlier row has the same question (except for case and punctuation), schema and SQL",
    "near_duplicate": "an earlier row has nearly the same question, and the same schema and SQL",
    "in_test": "the row is also in one of the named test files",
}
"""Why a row is not taken. Each removed row is in `rejects.jsonl` with one of these."""

WARNINGS: Mapping[str, str] = {
    "empty_result": "the query returns no row: it proves little",
    "huge_result": "the query returns more rows than the limit",
    "contradiction": "another row has the same question and schema, and other SQL",
    "names_unchecked": "no schema is known, so tables and columns could not be checked",
    "schema_in_part": "a part of the schema beside the question is not understood; the rest is used",
    "earlier_turns": "an earlier answer of the conversation is SQL, too: it is history, only the last is a pair",
    "limit_ties": "LIMIT after ORDER BY: rows that tie with the last one are cut off",
    "limit_unordered": "LIMIT without ORDER BY: which rows come back is left to the database",
    "storage_order": "the answer depends on the order in which rows are stored",
    "text_order": "numbers stored as text are compared or sorted as text",
    "cross_join": "tables are joined without a condition",
    "null_order": "ORDER BY ... LIMIT on a column that may be NULL: NULL sorts first",
    "duplicate_rows": "the answer holds whole rows more than once",
    "clock": "the answer depends on today's date",
    "slow": "the statement takes seconds",
    "not_probed": "a rerun that would show a smell failed or took too long",
    "avoided": "the SQL uses what the house dialect says to avoid",
    "value_not_asked": "a value in the SQL that neither question nor evidence mentions",
}
"""What is told about a row that is kept."""


class Checked(NamedTuple):
    """An example in canonical form, its facts, and the names of its warnings."""

    example: Example
    facts: Facts
    warnings: tuple[str, ...]


def check_example(
    example: Example,
    *,
    schema: Schema | None = None,
    statements: Statements = "select",
    loose: bool = False,
    from_dialect: str | None = None,
) -> Checked:
    """Return the example in canonical form with its facts and warnings; raises `RowError` when it must not be used.

    `schema` is the database's, for examples that carry none. `loose`: the SQL is as a public set wrote it.
    `from_dialect`: it is in this dialect, and becomes the example's.
    """
    _check_text(example)
    own = read_schema_text(example.schema, example.dialect) if example.schema else schema
    loose = loose or (bool(example.schema) and own is not None and has_odd_names(own))

    def read(sql: str) -> Expression | None:
        if is_declined(sql):
            return None
        return parse_gold(sql, example.dialect, own, loose=loose, from_dialect=from_dialect)

    trees = [read(sql) for sql in example.sql]
    try:
        walks = [list(tree.walk()) if tree is not None else [] for tree in trees]
        for tree, nodes in zip(trees, walks, strict=True):
            if tree is not None:
                _check_tree(tree, nodes, own, statements)
        return _checked(example, trees, walks[0], own)
    except (SQLError, RecursionError) as e:
        raise RowError("unparsed", "the statement is nested too deeply") from e


def _checked(example: Example, trees: list[Expression | None], nodes: list[Expr], schema: Schema | None) -> Checked:
    """Return what is known of an example; `nodes` are all of the first tree."""
    first = trees[0]
    warnings = [] if schema is not None or first is None else ["names_unchecked"]
    if example.schema and is_read_in_part(example.schema, example.dialect):
        warnings.append("schema_in_part")
    if first is not None:
        warnings += smells(example, nodes, schema)
    if any(avoided(sql, example.dialect) for sql in example.sql):
        warnings.append("avoided")
    pairs = zip(example.sql, trees, strict=True)
    golds = (sql.strip() if tree is None else write(tree, example.dialect, keep=False) for sql, tree in pairs)
    example = dataclasses.replace(example, sql=tuple(golds))
    return Checked(example, facts_of(example, first, nodes), tuple(warnings))


def _check_text(example: Example) -> None:
    texts = [example.question or "", example.evidence or "", example.schema or "", *example.sql]
    if any("\0" in text for text in texts):
        raise RowError("broken_text", "the text holds NUL")
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as e:
        raise RowError("broken_text", "the text is not UTF-8") from e
    if example.question is not None and not example.question.strip():
        raise RowError("empty_question", "no question")
    if len(example.question or "") > MAX_QUESTION_CHARACTERS:
        detail = f"the question has {len(example.question or ''):,} characters; {MAX_QUESTION_CHARACTERS:,} are allowed"
        raise RowError("too_long", detail)
    if not all(sql.strip() for sql in example.sql):
        raise RowError("missing_field", "no SQL")


def _check_tree(tree: Expression, nodes: list[Expr], schema: Schema | None, statements: Statements) -> None:
    from sqlglot import exp

    allowed = (exp.Query,) if statements == "select" else (exp.Query, exp.Insert, exp.Update, exp.Delete)
    if not isinstance(tree, allowed):
        raise RowError("not_select", f"the statement is {tree.key.upper()}, not SELECT")
    unknown = unknown_names(tree, schema, nodes) if schema is not None else []
    if unknown:
        first = min(unknown, key=lambda u: u.kind != "unknown_table")
        raise RowError(first.kind, "; ".join(u.detail for u in unknown[:3]))
