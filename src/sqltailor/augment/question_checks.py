"""Check what a model wrote: is it a question, a new one, and still about the same values?"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from sqltailor.data.checks.smells import NUMBER_WORDS, unasked_values
from sqltailor.data.facts import asked_text, fold_sql, jaccard, key, normalise, shingles
from sqltailor.data.rows import RowError
from sqltailor.errors import SQLError
from sqltailor.naming.forms import is_code
from sqltailor.sql.dialect import parse
from sqltailor.types import Example

if TYPE_CHECKING:
    from sqlglot.expressions import Literal

MADE_REASONS: Mapping[str, str] = {
    "empty": "the model wrote nothing",
    "unreadable": "the answer does not hold a question–SQL pair",
    "cut": "the answer was cut at its longest length, and its last line may be half",
    "too_long": "the answer or the question is longer than any real one",
    "no_question": "the row to be reworded has a specification instead of a question",
    "not_a_question": "what the model wrote is SQL, markup, JSON, talk about the answer, or control characters",
    "value_lost": "a value or number of the SQL was in the question and no longer is",
    "value_added": "the question names a number that neither the first question nor the SQL has",
    "no_value": "none of the SQL's values is in the question, or none can be replaced there",
    "duplicate": "the question is already there (except for case and punctuation), or the SQL of a proposal does",
    "near_duplicate": "a question of the same SQL is nearly the same",
    "unparsed": "the SQL does not parse in the dialect",
    "not_select": "the statement is not a query",
    "unknown_table": "the SQL names a table that the schema does not have",
    "unknown_column": "the SQL names a column that the schema does not have",
    "refused": "the guard refuses the query",
    "fails": "the database cannot run the query",
    "cannot_run": "a placeholder of the logged query has no stored value, or the query runs too long",
    "says_nothing": "the result is empty, constant, the whole table, or longer than people would ask for",
    "round_trip": "the checker, asked the question, wrote SQL with another result or none",
}
"""Why something that a model made is not kept. What is wrong with a row of the input comes on top."""

MAX_QUESTION = 600
NEAR = 0.8

_MARKUP = re.compile(r"<\|.*?\|>|</?s>|\[/?INST\]|<</?SYS>>|```|</?think>|<(?:start|end)_of_turn>", re.IGNORECASE)
_CHATTER = re.compile(
    r"(?:sure|certainly|of course|absolutely|okay|here(?:'s|’s| is| are| you go)|i hope|let me know|as an ai|"
    r"i(?:'m| am) sorry|i (?:cannot|can't) |[\[{])",
    re.IGNORECASE,
)
"""How models begin a text that is not a question."""
_SQL_WORDS = re.compile(
    r"\b(?:SELECT|FROM|WHERE|JOIN|GROUP BY|ORDER BY|HAVING|UNION|INSERT INTO|DELETE|DROP|UPDATE|TABLE|VALUES)\b"
)
_QUERY = re.compile(r"[\s(]*(?:SELECT|WITH|VALUES)\b", re.IGNORECASE)
_CHANGE = re.compile(
    r"\s*(?:INSERT INTO|DELETE FROM|(?:DROP|ALTER|CREATE|TRUNCATE) TABLE|UPDATE \S+ SET|PRAGMA)\b", re.IGNORECASE
)
_CODE = re.compile(
    r"\s*(?:SELECT|WITH)\b|.*(?:\b[A-Z_]{3,}\(|\w ?\( ?\* ?\)|<>|!=|==|= ?'|; ?$|\w\.\w+ ?= ?\w+\.\w)"
    r"|\s*(?i:select) (?:\*|.*\b[^\W\d]\w*\.[^\W\d]\w*, )"
)
"""What only code holds, and how only code begins: "Select all customers" and "with which carriers" are questions."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_LOOSE = ("zero", "one", "single", "once", "both")
"""Words that seldom say a number: each one, once more."""


def check_question(question: str, tables: Collection[str], dialect: str) -> None:
    """Raise `RowError` for a text that is not a question: empty, too long, SQL over these tables, markup."""
    if not question.strip():
        raise RowError("empty", "nothing was written")
    if len(question) > MAX_QUESTION:
        raise RowError("too_long", f"{len(question):,} characters; {MAX_QUESTION} are allowed")
    if markup := _MARKUP.search(question):
        raise RowError("not_a_question", f"it holds {markup.group()[:40]!r}")
    if _CHATTER.match(question):
        raise RowError("not_a_question", "it talks about the answer, or is JSON")
    if not question.isprintable() or not re.search(r"[^\W\d_]{2}", question):
        raise RowError("not_a_question", "it holds control characters, or no word")
    is_code = _CODE.match(question) is not None or len(set(_SQL_WORDS.findall(question))) >= 2
    if is_code or _is_sql(question, tables, dialect):
        raise RowError("not_a_question", "it is SQL")


def _is_sql(question: str, tables: Collection[str], dialect: str) -> bool:
    """Tell whether a text is a statement over known tables: "select the cars from Lyon" is none."""
    from sqlglot import exp

    if not _QUERY.match(question):
        return _CHANGE.match(question) is not None
    try:
        tree = parse(question, dialect)
    except SQLError:
        return False
    return any(table.name.lower() in tables for table in tree.find_all(exp.Table))


def check_values(first: Example, made: Example) -> None:
    """Raise `RowError` where a rewording lost a value of the SQL that the first question named, or has a new number."""
    from sqlglot import exp

    before, after = asked_text(first), asked_text(made)
    try:
        literals = list(parse(first.sql[0], first.dialect).find_all(exp.Literal))
    except SQLError:
        literals = []
    if lost := next((literal.name for literal in literals if _is_lost(literal, first, made)), None):
        raise RowError("value_lost", f"{lost!r} stood in the question and does not any more")
    allowed = {*_numbers(before), *_numbers(" ".join(literal.name for literal in literals))}
    if added := next((number for number in _numbers(after, loose=False) if number not in allowed), None):
        raise RowError("value_added", f"{added} stands in neither the first question nor the SQL")


def _is_lost(literal: Literal, first: Example, made: Example) -> bool:
    """Tell whether a question named a value that its rewording does not; text and dates must be spelled the same."""
    if not literal.is_string or not (text := literal.name.strip("%")):
        return _is_told(literal, first) and not _is_told(literal, made)
    spelled = re.compile(
        rf"(?<!\w){re.escape(text)}" + (r"(?!\w)" if len(text) <= 3 else ""), 0 if is_code(text) else re.IGNORECASE
    )
    if spelled.search(asked_text(first)):
        return spelled.search(asked_text(made)) is None
    return not is_code(text) and _is_told(literal, first) and not _is_told(literal, made)


def _is_told(literal: Literal, example: Example) -> bool:
    """Tell whether a question names a value; a bare copy has no parent, so that the number of LIMIT counts, too."""
    if literal.name in ("0", "1", "100") and not literal.is_string:
        return literal.name in _numbers(asked_text(example))
    return not any(True for _ in unasked_values(example, [literal.copy()]))


def _numbers(text: str, *, loose: bool = True) -> list[str]:
    """Return the numbers of a text; those in words that need not mean one ("each one") only if `loose`."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    spelled = [NUMBER_WORDS[word] for word in words if word in NUMBER_WORDS and (loose or word not in _LOOSE)]
    return [re.sub(r"[.,](?=\d{3}\b)", "", number) for number in _NUMBER.findall(text)] + spelled


class Known:
    """The questions so far, as keys; near ones are looked for among those of the same SQL."""

    def __init__(self) -> None:
        self._questions: set[int] = set()
        self._statements: set[int] = set()
        self._near: dict[int, list[str]] = {}

    def add(self, example: Example) -> None:
        """Remember an example."""
        question, sql = self._keys(example)
        self._questions.add(question)
        self._statements.add(sql)
        self._near.setdefault(sql, []).append(normalise(asked_text(example)))

    def check(self, example: Example, *, new_sql: bool) -> None:
        """Raise `RowError` for a question, or with `new_sql` a statement, that exists already; else remember it."""
        question, sql = self._keys(example)
        if question in self._questions or (new_sql and sql in self._statements):
            raise RowError("duplicate", "the statement exists already" if new_sql else "the question exists already")
        pieces = shingles(normalise(asked_text(example)))
        if any(jaccard(pieces, shingles(seen)) >= NEAR for seen in self._near.get(sql, ())):
            raise RowError("near_duplicate", "nearly the same question exists already, for the same SQL")
        self.add(example)

    def _keys(self, example: Example) -> tuple[int, int]:
        schema = str(key(example.schema or example.db_id or ""))
        return key(schema, normalise(asked_text(example))), key(schema, fold_sql(example.sql[0]))
