"""What the evaluation pages show, read from the folder of runs and computed by what `compare` and the report use."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqltailor.evaluate.comparison import Change, chosen, compare_runs, read_side, wrong_answers
from sqltailor.evaluate.run_list import is_evaluation, runs_with_evaluations
from sqltailor.evaluate.slices import slices
from sqltailor.runs import Run, all_runs
from sqltailor.serve.bodies import EvaluationView
from sqltailor.serve.evaluation_shapes import (
    Pair,
    about_json,
    answers_json,
    model_json,
    outcomes_json,
    parts_json,
    row_json,
    side_json,
)
from sqltailor.serve.http_faults import HttpFault

ON_A_PAGE = 50
"""Questions that a page of the list holds."""
AT = "@"
"""Between the folder of an evaluation and a model in it."""


class Evaluations:
    """The evaluations in a folder of runs. What was compared is kept until an evaluation is written anew."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._pair = functools.lru_cache(4)(_pair)

    def listed(self) -> dict[str, Any]:
        """Return all runs with their evaluations."""
        runs = [
            {
                "name": run.name,
                "is_training": run.is_training,
                "evaluations": [
                    {
                        "folder": found.folder,
                        "questions": found.questions,
                        "answered": found.answered,
                        "written": found.written,
                        "fault": found.fault,
                        "models": [
                            model_json(_ref(found.folder, model), model, rates) for model, rates in found.rates.items()
                        ],
                    }
                    for found in run.evaluations
                ],
            }
            for run in runs_with_evaluations(self._root)
        ]
        return {"root": str(self._root), "runs": runs}

    def view(self, view: EvaluationView) -> dict[str, Any]:
        """Return one evaluation, or two side by side, with a page of the questions that are answered wrong."""
        pair, found = self._found(view)
        folders = [ref.partition(AT)[0] for ref in view.refs]
        pages = max(-(-len(found) // ON_A_PAGE), 1)
        page = min(view.page, pages)
        return {
            "sides": [
                side_json(_ref(folder, side.model), side) for folder, side in zip(folders, pair.sides, strict=True)
            ],
            **about_json(pair),
            "changes": dict(Counter(change.change for change in pair.wrong)),
            "outcomes": outcomes_json(pair.wrong),
            "parts": parts_json(pair),
            "total": len(found),
            "page": page,
            "pages": pages,
            "questions": [row_json(pair, change) for change in found[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]],
        }

    def question(self, view: EvaluationView) -> dict[str, Any]:
        """Return one question with all answers, and its neighbours among those that the view lists."""
        pair, found = self._found(view)
        rows = [side.rows.get(view.id or "") for side in pair.sides]
        last = pair.sides[-1]
        example = last.run.examples.get(view.id or "")
        if example is None or None in rows:
            raise HttpFault(404, f"There is no question '{view.id}' here.")
        ids = [change.id for change in found]
        place = ids.index(view.id) if view.id in ids else None
        change = next((change.change for change in pair.wrong if change.id == view.id), None)
        return {
            "id": view.id,
            "question": example.get("question") or str(example.get("spec")),
            "history": [f"{turn['role']}: {turn['content']}" for turn in example.get("history") or ()],
            "evidence": example.get("evidence"),
            "about": [example[name] for name in ("db_id", "difficulty", "source") if example.get(name)],
            "change": change if pair.comparison is not None else None,
            **answers_json(example, [row for row in rows if row is not None], view.against),
            "total": len(ids),
            "place": None if place is None else place + 1,
            "before": ids[place - 1] if place else None,
            "after": ids[place + 1] if place is not None and place + 1 < len(ids) else None,
        }

    def _found(self, view: EvaluationView) -> tuple[Pair, list[Change]]:
        """Return what a view is about, and the questions that it lists."""
        places = tuple((self._folder(ref), ref.partition(AT)[2]) for ref in view.refs)
        pair = self._pair(places, tuple(_state(folder) for folder, _ in places))
        found = chosen(pair.wrong, only=view.show, text=view.find)
        found = chosen(found, only=view.outcome)
        if view.part is not None:
            kind, _, name = view.part.partition(":")
            ids = pair.members.get(kind, {}).get(name, set())
            found = [change for change in found if change.id in ids]
        return pair, found

    def _folder(self, ref: str) -> Path:
        """Return the folder that a reference names: one of those that are listed and finished, and no other path."""
        name = ref.partition(AT)[0]
        for run in all_runs(self._root):
            if run.path.relative_to(self._root).as_posix() == name and is_evaluation(run):
                if not run.scores.is_file():
                    raise HttpFault(
                        404, f"The evaluation '{name}' is not finished. The same sqltailor eval goes on with it."
                    )
                return run.path
        raise HttpFault(404, f"There is no evaluation '{name}' in {self._root}.")


def _ref(folder: str, model: str) -> str:
    return f"{folder}{AT}{model}"


def _state(folder: Path) -> int:
    return Run(folder).scores.stat().st_mtime_ns


def _pair(places: Sequence[tuple[Path, str]], _states: Sequence[int]) -> Pair:
    """Read and compare evaluations; `_states` only tell when that has to be done again."""
    sides = [read_side(folder, model or None) for folder, model in places]
    if len(sides) == 2:
        found = compare_runs(sides[0], sides[1])
        return Pair(sides, found, found.wrong, found.members)
    return Pair(sides, None, wrong_answers(sides[0]), slices(sides[0].asked(list(sides[0].rows))))
