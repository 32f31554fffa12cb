"""Score predictions that are there already, on a pool of processes, each with sandboxed children for the databases.

Equal answers to equal gold are scored once. Results are written as they come, so that a killed run goes on where it
was; the finished files do not tell how often it was killed, or on how many processes it ran. A statement whose time
is up beside others runs again alone before it counts, and its gold statement too.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sqltailor.data.dataset.pool import map_ordered
from sqltailor.data.examples import atomic_writer, json_line
from sqltailor.errors import ConfigError, DataError, unknown
from sqltailor.evaluate.certificate import GoldCheck
from sqltailor.evaluate.eval_folder import ChooseFolder, open_folder, written
from sqltailor.evaluate.grading import Graded, Grader, Unit
from sqltailor.evaluate.metrics import metrics_called
from sqltailor.evaluate.prepare import Exam, checked
from sqltailor.evaluate.run import Evaluation, finish
from sqltailor.evaluate.scoring import Scoring
from sqltailor.runs import Run, append_jsonl, lock, read_jsonl
from sqltailor.types import Completion, Example, OnProgress, Prediction, Schema

logger = logging.getLogger(__name__)

BATCH, AHEAD = 4, 30
"""Units that a process grades at a time, and batches that wait while one takes long."""

_Make = Callable[[], Grader]


def _on_this_machine(make: _Make, units: Iterable[Unit], workers: int | None) -> Iterator[Graded]:
    return map_ordered(make, units, workers=workers, first=0, batch=BATCH, ahead=AHEAD)


def _on_ray(make: _Make, units: Iterable[Unit], workers: int | None) -> Iterator[Graded]:
    from sqltailor.evaluate.ray_cluster import map_on_ray

    return map_on_ray(make, units, workers=workers)


ENGINES: Mapping[str, Callable[[_Make, Iterable[Unit], int | None], Iterator[Graded]]] = {
    "processes": _on_this_machine,
    "ray": _on_ray,
}
"""Name → what grades units, in order, on so many processes."""


class _Slot(NamedTuple):
    """Where a prediction is asked for: by which model, on which example, and the place of its answer in its unit."""

    model: str
    example: Example
    answer: int


class _Task(NamedTuple):
    """A unit of work, the examples that it stands for, and the predictions that it answers."""

    unit: Unit
    examples: tuple[Example, ...]
    slots: tuple[_Slot, ...]


def score_predictions(
    examples: Sequence[Example],
    predictions: Mapping[str, Mapping[str, Completion]],
    *,
    out_dir: Path | ChooseFolder,
    scoring: Scoring | None = None,
    schema: Schema | None = None,
    workers: int | None = 1,
    engine: str = "processes",
    on_progress: OnProgress = lambda model, done, total: None,
) -> Evaluation:
    """Score answers as `evaluate` does: model reference → example id → answer.

    An example without an answer counts as one without SQL. Statements are judged by the schema of the database that
    they run on, else by the example's own or the given one; without any, `schema_valid` is absent. `workers` None
    takes one process a core; `engine` is one of `ENGINES`. Raises `DataError` also for an answer without an example.
    """
    if engine not in ENGINES:
        raise ConfigError(unknown("engine", engine, ENGINES))
    exam = checked(examples, scoring or Scoring())
    metrics = list(metrics_called(exam.scoring.metrics))
    known = {example.id for example in examples}
    answers: dict[str, list[Completion]] = {}
    for model, given in predictions.items():
        if strangers := [i for i in given if i not in known]:
            raise DataError(f"{len(strangers)} answers of '{model}' belong to no example, such as '{strangers[0]}'.")
        if missing := [example.id for example in examples if example.id not in given]:
            logger.warning(
                "%s has no answer to %d of %d questions, such as '%s': each counts as wrong, with no SQL",
                model, len(missing), len(examples), missing[0],
            )  # fmt: skip
        answers[model] = [given.get(example.id, Completion("")) for example in examples]
    inputs = {m: exam.inputs([[a.text, a.stop] for a in found]) for m, found in answers.items()}
    folder = Run(out_dir(inputs) if callable(out_dir) else out_dir)
    open_folder(folder, exam, inputs, {})
    with lock(folder.path):
        checks = _graded(exam, schema, answers, folder, engine, workers, on_progress)
        rows = {model: _in_order(folder, model, examples) for model in answers}
    return finish(folder, exam, rows, checks, metrics)


def _graded(
    exam: Exam,
    schema: Schema | None,
    answers: Mapping[str, Sequence[Completion]],
    folder: Run,
    engine: str,
    workers: int | None,
    on_progress: OnProgress,
) -> list[GoldCheck]:
    """Grade what the folder does not hold yet, and return what is known of every example's gold."""
    checks = _checks(folder)
    done = {model: written(folder, model).keys() for model in answers}
    tasks = _tasks(exam.examples, answers, checks, done)
    label = ", ".join(answers)
    total = len(exam.examples) * len(answers)
    finished = sum(map(len, done.values()))
    on_progress(label, finished, total)
    for task, graded in _settled(exam, schema, tasks, engine, workers):
        _write(folder, task, graded)
        checks |= {example.id: graded.check for example in task.examples}
        finished += len(task.slots)
        on_progress(label, finished, total)
    return [checks[example.id] for example in exam.examples]


def _checks(folder: Run) -> dict[str, GoldCheck]:
    path = folder.path / "gold.jsonl"
    rows = read_jsonl(path) if path.exists() else ()
    return {row["id"]: GoldCheck(row["failure"], row["ran"], row["is_empty"]) for row in rows}


def _tasks(
    examples: Sequence[Example],
    answers: Mapping[str, Sequence[Completion]],
    checks: Mapping[str, GoldCheck],
    done: Mapping[str, Iterable[str]],
) -> list[_Task]:
    """Return what is left to do: one task for all examples with equal gold on the same database."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, example in enumerate(examples):
        key = example.db_id, example.schema, example.dialect, example.sql
        alike.setdefault(key, []).append(place)
    tasks: list[_Task] = []
    for places in alike.values():
        different: dict[tuple[str, bool], int] = {}
        slots: list[_Slot] = []
        kept: list[Completion] = []
        for model, given in answers.items():
            for place in places:
                if examples[place].id in done[model]:
                    continue
                key_of_answer = given[place].text, given[place].stop == "length"
                if key_of_answer not in different:
                    different[key_of_answer] = len(kept)
                    kept.append(given[place])
                slots.append(_Slot(model, examples[place], different[key_of_answer]))
        unchecked = tuple(examples[place] for place in places if examples[place].id not in checks)
        if slots or unchecked:
            unit = Unit(len(tasks), examples[places[0]], tuple(kept))
            tasks.append(_Task(unit, unchecked, tuple(slots)))
    return tasks


def _settled(
    exam: Exam, schema: Schema | None, tasks: Sequence[_Task], engine: str, workers: int | None
) -> Iterator[tuple[_Task, Graded]]:
    """Yield every task graded; those with a statement whose time was up come last, run again with nothing beside."""
    make = functools.partial(Grader, exam.examples, exam.scoring, schema)
    units = (task.unit for task in tasks)
    late: list[Graded] = []
    for graded in ENGINES[engine](make, units, workers):
        if workers != 1 and (graded.late or graded.gold_is_late):
            late.append(graded)
        else:
            yield tasks[graded.unit.place], graded
    for graded in late:
        grader = make()
        again = range(len(graded.unit.answers)) if graded.gold_is_late else graded.late
        alone = grader(graded.unit._replace(answers=tuple(graded.unit.answers[i] for i in again)))
        grader.close()
        found = list(graded.predictions)
        for i, prediction in zip(again, alone.predictions, strict=True):
            found[i] = prediction
        yield tasks[graded.unit.place], alone._replace(unit=graded.unit, predictions=tuple(found))


def _write(folder: Run, task: _Task, graded: Graded) -> None:
    for slot in task.slots:
        prediction = dataclasses.replace(graded.predictions[slot.answer], id=slot.example.id, model=slot.model)
        append_jsonl(folder.predictions(slot.model), dataclasses.asdict(prediction))
    for example in task.examples:
        append_jsonl(folder.path / "gold.jsonl", {"id": example.id, **graded.check._asdict()})


def _in_order(folder: Run, model: str, examples: Sequence[Example]) -> list[Prediction]:
    """Return the predictions of a model, and write its file again with one line an example, in their order."""
    found = written(folder, model)
    rows = [found[example.id] for example in examples]
    with atomic_writer(folder.predictions(model)) as file:
        file.writelines(json_line(dataclasses.asdict(row)) for row in rows)
    return rows
