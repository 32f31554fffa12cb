"""A journal of model answers on disk: what was asked once, and may have cost money, is not asked again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

from sqltailor.augment.answers import MAX_ANSWER
from sqltailor.data.examples import json_line
from sqltailor.errors import BackendError
from sqltailor.runs import read_jsonl
from sqltailor.types import Completion, Generate, GenerateOptions, Prompt


class Model(NamedTuple):
    """A model by its reference, and the function that it is."""

    reference: str
    generate: Generate


class Journal:
    """Asks models, and remembers their answers in a JSON Lines file; a torn last line is asked again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, Completion] = {}
        if path.is_file():
            for row in read_jsonl(path):
                self._known[row["key"]] = Completion(row["text"], row["stop"])

    def ask(
        self, model: Model, ids: Sequence[str], prompts: Sequence[Prompt], options: GenerateOptions, *, seed: int
    ) -> list[Completion]:
        """Return an answer a prompt. What is equal to an earlier request, its id included, is answered from the file.

        `seed` is that of this call alone. Its answers are written at once: a killed run has all of them or none.
        """
        keys = [_key(model.reference, i, prompt, options) for i, prompt in zip(ids, prompts, strict=True)]
        missing = [place for place, key in enumerate(keys) if key not in self._known]
        if missing:
            answers = model.generate([prompts[place] for place in missing], replace(options, seed=seed))
            if len(answers) != len(missing):
                raise BackendError(f"{model.reference} gave {len(answers)} answers to {len(missing)} prompts.")
            fresh = [Completion(answer.text[: MAX_ANSWER + 1], answer.stop) for answer in answers]
            self._write([keys[place] for place in missing], fresh)
            self._known |= dict(zip((keys[place] for place in missing), fresh, strict=True))
        return [self._known[key] for key in keys]

    def _write(self, keys: Sequence[str], answers: Sequence[Completion]) -> None:
        lines = [json_line({"key": k, "text": a.text, "stop": a.stop}) for k, a in zip(keys, answers, strict=True)]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                lines[:0] = [] if file.read(1) == b"\n" else ["\n"]
            file.write("".join(lines).encode())


def _key(reference: str, request: str, prompt: Prompt, options: GenerateOptions) -> str:
    messages = [asdict(message) for message in prompt.messages]
    content = json.dumps([reference, request, messages, asdict(options)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:24]
