"""Write kept rows to the files of their parts, and removed rows to the rejects."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqltailor.data.dataset.deduplicate import Copy, groups
from sqltailor.data.dataset.kept_rows import KeptRows, open_to_write
from sqltailor.data.dataset.overlap import Tests, word_runs
from sqltailor.data.dataset.split import PARTS, Split
from sqltailor.data.examples import from_json, json_line
from sqltailor.data.facts import asked_text
from sqltailor.data.rows import Reject, shown


def write_parts(
    kept: KeptRows, folder: Path, removed: Mapping[int, Copy], split: Split | None, tests: Tests | None
) -> dict[str, int]:
    """Write each kept row to its part's file and each removed one to the rejects.

    Rows whose id an earlier row has get another (`x` → `x~2`). Without a split no file is written. Returns part →
    rows that share a run of words with the tests (all under `train` without a split).
    """
    ids = _new_ids(kept)
    originals = dict.fromkeys((copy.of for copy in removed.values()), "")
    runs_shared = dict.fromkeys(PARTS, 0)
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(open_to_write(folder / f"{part}.jsonl")) for part in PARTS] if split else []
        for row, line in enumerate(kept.lines()):
            if row in originals:
                originals[row] = _place(json.loads(line))
            if row in removed:
                kept.reject(_reject(json.loads(line), removed[row], originals, tests))
                continue
            part = split.parts[row] if split else 0
            if tests and _shares_words(line, tests):
                runs_shared[PARTS[part]] += 1
            if files:
                files[part].write(_renamed(line, ids[row]) if row in ids else line)
    return runs_shared


def _new_ids(kept: KeptRows) -> dict[int, int]:
    """Return row → n for each row that is the n-th of its id, from the second on."""
    return {row: n for rows in groups(kept.ledger.columns["id"]) for n, row in enumerate(rows[1:], 2)}


def _renamed(line: str, n: int) -> str:
    example = json.loads(line)
    return json_line(example | {"id": f"{example['id']}~{n}"})


def _place(example: Mapping[str, Any]) -> str:
    return f"{example['id']} ({example.get('source')}, line {example.get('line')})"


def _reject(example: Mapping[str, Any], copy: Copy, originals: Mapping[int, str], tests: Tests | None) -> Reject:
    detail = f"same as {originals[copy.of]}"
    if copy.reason == "near_duplicate":
        detail = f"nearly the same as {originals[copy.of]}"
    elif copy.reason == "in_test" and tests is not None:
        detail = f"also in {', '.join(tests.files)}"
    return Reject(example.get("line") or 0, copy.reason, detail, shown(example), example.get("source"))


def _shares_words(line: str, tests: Tests) -> bool:
    return any(run in tests.runs for run in word_runs(asked_text(from_json(json.loads(line)))))
