"""One answer at a time, for programs and platforms that ask models themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sqltailor.data.checks.execute import Databases, dialect_of_folder
from sqltailor.database import Database, open_database
from sqltailor.evaluate.grading import schema_of_guard
from sqltailor.evaluate.scorer import Scorer
from sqltailor.evaluate.scoring import Scoring
from sqltailor.types import Completion, Example, Prediction


class AnswerScorer:
    """Scores answers as an evaluation does; see `open_scorer`. What gold statements return is remembered.

    Calls from several threads wait for each other.
    """

    def __init__(self, scoring: Scoring, dialect: str, close: Callable[[], None] = lambda: None) -> None:
        self.dialect = dialect
        self._scorer, self._close = Scorer(scoring), close
        self._lock = threading.Lock()

    def __call__(self, answer: str, gold: str | Sequence[str], db_id: str | None = None) -> Prediction:
        """Return what becomes of an answer, in which SQL may stand among words: its outcome, and scores by metric.

        `gold` is the right statement, or several of which any will do. Where none of them is right itself, the outcome
        is `gold_error`, and execution has no score.
        """
        golds = (gold,) if isinstance(gold, str) else tuple(gold)
        example = Example(sql=golds, question="", db_id=db_id, dialect=self.dialect)
        with self._lock:
            schema = schema_of_guard(example, self._scorer, None)
            self._scorer.certified(example, schema)
            return self._scorer.score(example, Completion(answer), schema=schema, model="")

    def close(self) -> None:
        """End the processes of the databases that were opened here."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_scorer(
    database: str | Database,
    *,
    metrics: Sequence[str] | None = None,
    timeout_s: float = 10.0,
    columns_in_order: bool = False,
) -> AnswerScorer:
    """Return what scores answers by running them beside their gold.

        with sqltailor.open_scorer("shop.db") as score:
            found = score(answer, gold="SELECT count(*) FROM customer")
            print(found.outcome, found.reason, found.scores["execution"])

    `database` is an open one, a URL, a file, or a folder with one database a `db_id`. Raises `DataError` for one that
    is not there, `ConfigError` for an unknown metric.
    """
    settings = {"timeout_s": timeout_s, "metrics": metrics, "columns_in_order": columns_in_order, "quoted_text": True}
    if isinstance(database, Database):
        return AnswerScorer(Scoring(database, **settings), database.dialect)  # type: ignore[arg-type]
    if "://" in database or not Path(database).is_dir():
        opened = open_database(database, timeout_s=timeout_s)
        return AnswerScorer(Scoring(opened, **settings), opened.dialect, opened.close)  # type: ignore[arg-type]
    dialect, folder = dialect_of_folder(Path(database)), Databases(database, timeout_s)
    return AnswerScorer(Scoring(lambda db_id: folder.find(db_id)[0], **settings), dialect, folder.close)  # type: ignore[arg-type]
