"""Predictions from elsewhere: a file of answers, in any of the shapes that benchmarks and other tools write."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqltailor.data.column_names import cell_called, column_called
from sqltailor.data.file_kinds import beginning, check_encoding, named_table, open_bytes
from sqltailor.data.rows import Reject, Row, read_rows
from sqltailor.errors import DataError, counted
from sqltailor.types import Completion, Example

logger = logging.getLogger(__name__)

ID_KEYS = ("id", "question_id", "instance_id")
SQL_KEYS = (
    "predicted",
    "predicted_sql",
    "prediction",
    "pred_sql",
    "pred",
    "generated_sql",
    "sql",
    "query",
    "sql_query",
    "answer",
)
MEASURED = ("tokens_in", "tokens_out", "first_token_ms", "total_ms", "confidence", "led", "repairs")
BIRD_MARK = "\t----- bird -----\t"
"""BIRD writes it between a statement and the `db_id`."""


def read_answers(path: Path, examples: Sequence[Example]) -> dict[str, Completion]:
    """Return example id → answer from a file of predictions.

    - JSON Lines, a JSON list, CSV or TSV with `id` and `predicted` (or another of `ID_KEYS` and `SQL_KEYS`), such as
      our own; without ids, or as a list of texts, in the order of the examples
    - a JSON object: id → statement; numbers from 0 may stand for ids
    - plain text with one statement a line, in the order of the examples

    Raises `DataError` when the file is none of these, or is about other examples.
    """
    beginning(path)
    if named_table(path):
        return _by_row(path, _table(path), examples)
    check_encoding(path)
    with open_bytes(path) as file:
        text = file.read().decode("utf-8-sig", errors="replace")
    if text.lstrip()[:1] not in ("{", "["):
        return _in_order(path, [Completion(line) for line in _lines(path, text, len(examples))], examples)
    value = _json(path, text)
    if not isinstance(value, Mapping):
        return _by_row(path, [row if isinstance(row, Mapping) else {"sql": row} for row in value], examples)
    answers = {str(key): _completion(path, place, {"sql": sql}) for place, (key, sql) in enumerate(value.items(), 1)}
    return _by_id(path, answers, examples)


def _by_row(path: Path, rows: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> dict[str, Completion]:
    answers = [_completion(path, place, row) for place, row in enumerate(rows, 1)]
    ids = [None if (i := cell_called(ID_KEYS, row)) is None else str(i) for row in rows]
    named: dict[str, Completion] = {}
    for i, answer in zip(ids, answers, strict=True):
        if i is not None and named.setdefault(i, answer) != answer:
            raise DataError(f"{path} has two answers to '{i}'. A question has one: leave out the others.")
    if not named:
        return _in_order(path, answers, examples)
    if nameless := ids.count(None):
        raise DataError(f"{path}: a prediction has `id` and `predicted`; {nameless} have no id.")
    return _by_id(path, named, examples)


def _table(path: Path) -> list[Mapping[str, Any]]:
    rows = list(read_rows(path))
    if broken := next((row for row in rows if isinstance(row, Reject)), None):
        raise DataError(f"{path}, line {broken.line}: {broken.detail}.")
    return [row.value for row in rows if isinstance(row, Row)]


def _json(path: Path, text: str) -> Any:
    """Return a JSON value, or the list of those in JSON Lines; a last line that was torn is left out."""
    try:
        value = json.loads(text)
    except ValueError:
        lines = [line for line in text.split("\n") if line.strip()]
        return [
            row for number, line in enumerate(lines, 1) if (row := _row(path, line, number, len(lines))) is not None
        ]
    one_row = isinstance(value, Mapping) and column_called((*ID_KEYS, *SQL_KEYS), value) is not None
    return [value] if one_row else value


def _row(path: Path, line: str, number: int, of: int) -> Any:
    try:
        return json.loads(line)
    except ValueError as e:
        if number == of > 1:
            logger.warning("%s: its last line is torn, and is left out", path)
            return None
        raise DataError(f"{path}, prediction {number}: neither JSON nor one statement a line: {e}.") from e


def _lines(path: Path, text: str, wanted: int) -> list[str]:
    """Return the lines, of which a blank one is an answer without SQL, unless such part all others or end the file."""
    lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    while len(lines) > wanted and not lines[-1].strip():
        lines.pop()
    full = [place for place, line in enumerate(lines) if line.strip()]
    gaps = {after - before for before, after in pairwise(full)}
    if len(lines) != wanted == len(full) and len(gaps) == 1 and gaps != {1}:
        return [lines[place] for place in full]
    if len(lines) != wanted and (blank := len(lines) - len(full)):
        first = next(number for number, line in enumerate(lines, 1) if not line.strip())
        raise DataError(
            f"{path} has {counted(len(lines), 'line')} for {counted(wanted, 'example')}, of which {blank:,} "
            f"{'is' if blank == 1 else 'are'} blank, the first line {first}. A blank line is an answer without SQL: "
            "take out those that are none, or give ids (JSON Lines with id and predicted)."
        )
    return lines


def _completion(path: Path, place: int, row: Mapping[str, Any]) -> Completion:
    is_named, given = column_called(SQL_KEYS, row) is not None, cell_called(SQL_KEYS, row)
    sql = given[0] if isinstance(given, list) and given else given
    if isinstance(sql, Mapping):
        sql = json.dumps(sql)  # WikiSQL's own notation
    elif sql is None and (is_named or "error" in row):
        sql = ""
    if not isinstance(sql, str):
        held = f"{sql!r} for it" if is_named else ", ".join(map(str, row)) or "nothing"
        raise DataError(f"{path}, prediction {place}: it has `id` and `predicted`, a text, not {held}.")
    measured = {key: row[key] for key in MEASURED if key in row and not isinstance(row[key], str)}
    return Completion(sql.encode(errors="replace").decode(), row.get("stop", "end"), **measured)


def _in_order(path: Path, answers: Sequence[Completion], examples: Sequence[Example]) -> dict[str, Completion]:
    if len(answers) != len(examples):
        held = f"{counted(len(answers), 'line')} for {counted(len(examples), 'example')}"
        raise DataError(f"{path} has {held}: it needs one statement each, or ids (JSON Lines with id and predicted).")
    return {e.id: _without_db(answer, e) for e, answer in zip(examples, answers, strict=True)}


def _by_id(path: Path, answers: Mapping[str, Completion], examples: Sequence[Example]) -> dict[str, Completion]:
    """Return the answers by example; an id may also be a place, from 0, or the end of an id such as `dev-12`."""
    by_id = {example.id: example for example in examples}
    if not all(i in by_id for i in answers) and all(i.isdecimal() for i in answers):
        ends = {example.id.rpartition("-")[2]: example for example in examples if "-" in example.id}
        places = {str(place): example for place, example in enumerate(examples)}
        by_id = ends if all(i in ends for i in answers) and len(ends) == len(examples) else places
    if strangers := [i for i in answers if i not in by_id]:
        held = f"{counted(len(strangers), 'answer')}, such as '{strangers[0]}',"
        raise DataError(f"{path}: {held} belong to no example. The first example is '{examples[0].id}'.")
    return {by_id[i].id: _without_db(answer, by_id[i]) for i, answer in answers.items()}


def _without_db(answer: Completion, example: Example) -> Completion:
    """Return an answer without the `db_id` that Spider's and BIRD's files put behind a tab."""
    text = answer.text
    for end in (f"{BIRD_MARK}{example.db_id}", f"\t{example.db_id}"):
        if example.db_id and text.rstrip().endswith(end):
            text = text.rstrip().removesuffix(end)
    return answer if text == answer.text else Completion(text, answer.stop)
