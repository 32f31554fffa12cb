"""What people say of answers: one file a reviewer in the evaluation's folder, a line a word; the last one counts."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqltailor.data.examples import from_json
from sqltailor.errors import DataError, unknown
from sqltailor.evaluate.eval_folder import no_evaluation
from sqltailor.runs import Run, append_jsonl, file_name, read_json, read_jsonl
from sqltailor.types import Example

Mark = Literal["right", "wrong", "unclear"]
"""`unclear`: the question can be read in several ways, or nobody could tell from this database."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Review:
    """What one reviewer says of one answer. `predicted` is the text that was marked: another answer is another one's.

    `correction` is the SQL that answers the question; it has run where there is a database.
    """

    id: str
    model: str
    by: str
    mark: Mark
    predicted: str
    comment: str = ""
    correction: str | None = None
    at: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """One question with the answer that is reviewed; `row` is the line of the predictions."""

    example: Example
    row: Row


class Reviews:
    """The answers of one model in an evaluation's folder, and what reviewers say of them.

    Files of reviewers who worked elsewhere count once they lie in the folder. Raises `DataError` for a folder without
    answers, or a model that did not answer there.
    """

    def __init__(self, folder: Path, model: str | None = None) -> None:
        self.folder = folder
        self.model, self.answers = _answers(folder, model)
        self.place = {answered.example.id: i for i, answered in enumerate(self.answers)}
        self.stale = 0
        self._said: dict[str, dict[str, Review]] = {}
        for review in _written(folder):
            if review.model == self.model:
                self._take(review)

    @property
    def reviewers(self) -> list[str]:
        """Return who has said something, by name."""
        return sorted({by for said in self._said.values() for by in said})

    def of(self, example_id: str) -> Mapping[str, Review]:
        """Return reviewer → what is said of the answer to an example."""
        return self._said.get(example_id, {})

    def add(self, review: Review) -> Review:
        """Keep what a reviewer says of an answer, now, in the place of what they said of it before."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        review = dataclasses.replace(review, at=now)
        append_jsonl(self.folder / f"review-{file_name(review.by)}.jsonl", dataclasses.asdict(review))
        self._take(review)
        return review

    def _take(self, review: Review) -> None:
        place = self.place.get(review.id)
        if place is None or self.answers[place].row["predicted"] != review.predicted:
            self.stale += 1
            return
        self._said.setdefault(review.id, {})[review.by] = review


def _answers(folder: Path, model: str | None) -> tuple[str, Sequence[Answered]]:
    run = Run(folder)
    examples = folder / "examples.jsonl"
    if not examples.is_file() or not run.scores.is_file():
        raise no_evaluation(folder)
    models = [name for name in read_json(run.scores)["models"] if run.predictions(name).is_file()]
    if not models:
        raise DataError(f"{folder} holds no answers. Make some: sqltailor eval")
    chosen = model or models[-1]
    if chosen not in models:
        raise DataError(unknown("model", chosen, models))
    rows = {row["id"]: row for row in read_jsonl(run.predictions(chosen))}
    asked = (from_json(row) for row in read_jsonl(examples))
    return chosen, [Answered(example, rows[example.id]) for example in asked if example.id in rows]


def _written(folder: Path) -> Iterator[Review]:
    for file in sorted(folder.glob("review-*.jsonl")):
        for row in read_jsonl(file):
            try:
                yield Review(**row)
            except TypeError as e:
                raise DataError(f"{file} holds a line that is no review: {e}.") from e
