"""What a judge is asked, and how its answer is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqltailor.sql.schema import to_ddl
from sqltailor.types import Example, Message, Prompt, Schema

PASSING = 80
"""From this mark on, out of 100, an answer counts as right where yes or no is asked."""

_TEACHER = (
    "You teach data science and mark an exam. For a question about a database you have its schema, the correct SQL, "
    "and what a student wrote. Mark the student's SQL by what it returns: full marks for every statement that answers "
    "the question on any data, however it is written; few for one that would return other rows, even if it looks like "
    "the correct one. Think about joins, conditions, grouping, duplicates, NULL, order and limits. Give your reason in "
    "one or two sentences, then the mark, a whole number from 0 to 100, between the tags <SCORE> and </SCORE>."
)
_EXAMINER = (
    "You decide whether two SQL statements are equivalent: whether they return the same rows on every database with "
    "the given schema, in the same order where the question asks for one. Column names and the order of columns do "
    "not matter. Look for a database on which they differ: duplicates, NULL, ties, empty tables, several rows that "
    "join. If you find one they are not equivalent. Give your reason in one or two sentences, then one of "
    "<VERDICT>equivalent</VERDICT> and <VERDICT>not equivalent</VERDICT>"
)
_SCORE = re.compile(r"<SCORE>\s*(\d{1,3}(?:\.\d+)?)\s*(?:/\s*100\s*)?</SCORE>", re.IGNORECASE)
_VERDICT = re.compile(r"<VERDICT>\s*(not\s+)?equivalent\s*</VERDICT>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rubric:
    """A task for a judge; small models need the `reminder` of its form at the end.

    `read` returns the mark in an answer, from 0 to 1, or None where there is none; `passing` is what counts as right.
    """

    instructions: str
    reminder: str
    read: Callable[[str], float | None]
    passing: float


def read_score(text: str) -> float | None:
    """Return the last mark in an answer as a share of 100; None without one, or for one beyond 100.

    >>> read_score("Fine. <SCORE>85</SCORE>"), read_score("85 of 100"), read_score("<SCORE>850</SCORE>")
    (0.85, None, None)
    """
    found = _SCORE.findall(text)
    return float(found[-1]) / 100 if found and float(found[-1]) <= 100 else None


def read_verdict(text: str) -> float | None:
    """Return 1 for equivalent, 0 for not, by the last verdict in an answer; None without one."""
    found = _VERDICT.findall(text)
    return float(not found[-1]) if found else None


RUBRICS: Mapping[str, Rubric] = {
    "score100": Rubric(
        _TEACHER, "Give your reason, then the mark between <SCORE> and </SCORE>.", read_score, PASSING / 100
    ),
    "equivalent": Rubric(
        _EXAMINER, "Give your reason, then your verdict between <VERDICT> and </VERDICT>.", read_verdict, 1.0
    ),
}


def judge_prompt(rubric: Rubric, example: Example, predicted: str, schema: Schema) -> Prompt:
    """Return what a judge is asked about one answer."""
    parts = {
        "Schema": example.schema or to_ddl(schema, example.dialect) or "(not given)",
        "Question": example.question or str(example.spec),
        "What is known besides": example.evidence,
        "Correct SQL": "\n-- or\n".join(example.sql),
        "The student's SQL": predicted or "(nothing)",
    }
    text = "\n\n".join(f"{title}:\n{content}" for title, content in parts.items() if content)
    asked = f"{text}\n\n{rubric.reminder}"
    return Prompt((Message("system", rubric.instructions), Message("user", asked)), schema, example.dialect)
