"""A cold call: a process of its own opens the project and the model, and answers one question.

The parent's clock runs from the start of the process until its answer has come. What the system has cached of the
files stays there: this is the first question of a morning, not of a new machine.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time

from sqltailor.errors import BackendError, SQLTailorError
from sqltailor.generate.remote import since
from sqltailor.ops.library import opened_model
from sqltailor.ops.timed_calls import Call
from sqltailor.project import Project
from sqltailor.recipe import Recipe
from sqltailor.types import Completion, Example


def cold_call(recipe: Recipe, model: str, example: Example) -> Call:
    """Return the call of a fresh process. Raises `BackendError` when it gives no answer."""
    asked = pickle.dumps((recipe, model, example))
    began = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "sqltailor.ops.cold_call"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            with contextlib.suppress(BrokenPipeError):  # it ended already, and its log says why
                process.stdin.write(asked)
                process.stdin.close()
            line = process.stdout.readline()
            total_ms = since(began)
        log.seek(0)
        said = log.read().decode(errors="replace").strip().splitlines()
    if not line:
        why = said[-1] if said else f"it ended with code {process.returncode}"
        raise BackendError(f"A fresh process did not answer with {model}: {why} (--cold 0 leaves cold calls out.)")
    fields = json.loads(line)
    completion = Completion(**fields | {"others": tuple(fields["others"])})
    return Call.of(example, completion, total_ms)


def main() -> None:
    """Read what to ask from standard input, and write the completion as a line of JSON."""
    recipe, model, example = pickle.load(sys.stdin.buffer)  # what our own parent wrote
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    try:
        with Project(recipe) as project:
            completion = opened_model(project, model, [example])(example)
            print(json.dumps(dataclasses.asdict(completion)), file=answer, flush=True)
    except SQLTailorError as e:
        sys.exit(str(e))


if __name__ == "__main__":
    main()
