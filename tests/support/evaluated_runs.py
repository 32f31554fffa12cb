"""Runs of the tram network with their evaluations: canned answers, an unfinished one, and one that is broken."""

from __future__ import annotations

import json
import shutil
from contextlib import chdir
from pathlib import Path

from tests.support.cli_project import QUESTIONS, make_database, ok

WRONG = {
    "Colours of the lines": ("SELECT number FROM line", None, None),
    "Which stop opened last?": (None, "SELECT name FROM stop ORDER BY opened LIMIT 1", "SELECT names FROM stop"),
    "Names of the stops in zone 1": ("SELECT name FROM stop", "SELECT DISTINCT zone FROM stop", None),
    "Which lines stop at the zoo?": ("SELECT 'Zoo'", "SELECT 'Zoo'", None),
}
"""What base, tuned and other answer wrong; None: they answer right."""
PAIR = "evaluations/eval-1"
"""The evaluation of base and tuned, below the folder of runs."""
BASE, TUNED, OTHER = f"{PAIR}@base.json", f"{PAIR}@tuned.json", "other/eval-2@other.json"


def evaluated_runs(folder: Path) -> Path:
    """Evaluate in a folder, which gets `tram.db` and `runs`, and return that."""
    make_database(folder / "tram.db")
    rows = [{"id": f"t{i}", "question": q, "sql": [sql]} for i, (q, sql) in enumerate(QUESTIONS.items(), 1)]
    for name, part in (("stops", rows[:3]), ("lines", rows[3:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    data = ["--data", "stops.jsonl", "--data", "lines.jsonl", "--database", "tram.db", "--workers", "1"]
    with chdir(folder):
        for place, name in enumerate(("base", "tuned", "other")):
            said = [WRONG.get(question, (None,) * 3)[place] or sql for question, sql in QUESTIONS.items()]
            Path(f"{name}.json").write_text(json.dumps(said))
        files = ["--predictions", "base.json", "--predictions", "tuned.json"]
        ok("eval", *files, *data, "--out", f"runs/{PAIR}")
        ok("eval", "--predictions", "other.json", *data, "--out", "runs/other/eval-2")
    runs = folder / "runs"
    shutil.copytree(runs / PAIR, runs / "evaluations" / "eval-3")
    (runs / "evaluations" / "eval-3" / "scores.json").unlink()
    (runs / "evaluations" / "eval-4").mkdir()
    (runs / "evaluations" / "eval-4" / "evaluation.json").write_text('{"examples": ')
    (runs / "shop").mkdir()
    (runs / "shop" / "hashes.json").write_text("{}")
    return runs
