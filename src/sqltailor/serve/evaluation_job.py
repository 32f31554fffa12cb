"""An evaluation of the model that is served, in a process of its own: one at a time, watched, and stopped if wished.

Answers are written as they come, so that the same evaluation goes on where it was after a stop, or the server's end.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Literal

from sqltailor.errors import SQLTailorError
from sqltailor.recipe import Recipe
from sqltailor.serve.http_faults import HttpFault


@dataclass(frozen=True, slots=True)
class JobState:
    """What became of the last evaluation that was started; `done` of `total` questions are answered."""

    state: Literal["none", "running", "finished", "failed", "stopped"] = "none"
    done: int = 0
    total: int = 0
    fault: str | None = None


class EvaluationJob:
    """Starts evaluations of one model on the recipe's test questions, and knows how the last one does."""

    def __init__(self, recipe: Recipe, model: str) -> None:
        self._recipe, self._model = recipe, model
        self._lock = threading.Lock()
        self._state = JobState()
        self._process: BaseProcess | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the model and the state."""
        return {"model": self._model, **asdict(self._state)}

    def start(self, limit: int | None) -> None:
        """Start an evaluation of the first `limit` questions, or all. Raises `HttpFault` 409 while one runs."""
        with self._lock:
            if self._state.state == "running":
                raise HttpFault(409, f"An evaluation of {self._model} runs already: wait for it, or stop it.")
            context = multiprocessing.get_context("spawn")  # a model and threads are open in this process
            ours, its = context.Pipe(duplex=False)
            self._state = JobState("running")
            self._process = context.Process(
                target=_evaluate, args=(self._recipe, self._model, limit, its), name="sqltailor-evaluation", daemon=True
            )
            self._process.start()
            its.close()
            threading.Thread(target=self._watch, args=(self._process, ours), daemon=True).start()

    def stop(self) -> None:
        """End the evaluation that runs, if one does."""
        with self._lock:
            if self._process is not None and self._state.state == "running":
                self._state = replace(self._state, state="stopped")
                self._process.terminate()

    def close(self) -> None:
        """End what runs, and wait for its end."""
        self.stop()
        if self._process is not None:
            self._process.join()

    def _watch(self, process: BaseProcess, told: Connection) -> None:
        """Take in what the process tells until it ends."""
        try:
            while True:
                self._became(process, told.recv())
        except EOFError:
            process.join()
            ended = JobState("failed", fault=f"The evaluation's process ended with exit code {process.exitcode}.")
            self._became(process, ended)

    def _became(self, process: BaseProcess, state: JobState) -> None:
        with self._lock:
            if process is self._process and self._state.state == "running":
                self._state = state


def _evaluate(recipe: Recipe, model: str, limit: int | None, told: Connection) -> None:
    """Evaluate, and tell how it goes; the body of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this process
    from sqltailor.evaluate.by_recipe import evaluate_models

    state = JobState("running")

    def progress(_: str, done: int, total: int) -> None:
        nonlocal state
        state = JobState("running", done, total)
        told.send(state)

    try:
        evaluate_models(recipe, models=[model], limit=limit, on_progress=progress)
        told.send(replace(state, state="finished"))
    except SQLTailorError as e:
        told.send(replace(state, state="failed", fault=str(e)))
