"""Gold audits on planted faults, ours beside AttestQL: `python bench/gold_audit.py [--attestql DIR/bin/attestql]`.

`planted_faults.tsv` holds gold statements about the database of `harbour.sql`, some with one fault of a known kind and
some without; they were written for this bench. An auditor catches a fault when it reports a smell of its kind, and
raises a false alarm when it reports any smell where nothing was planted.

AttestQL (Apache-2.0, on the package index) is run as a program, from a virtual environment of its own:

    python -m venv DIR && DIR/bin/pip install attestql==0.4.0
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from sqltailor.database import open_database
from sqltailor.evaluate.audit import audit
from sqltailor.types import Example

HERE = Path(__file__).parent
KINDS: Mapping[str, tuple[str, ...]] = {
    "text_order": ("ordering-over-numeric-text",),
    "limit_ties": ("arbitrary-cut", "not-a-function-of-the-data"),
    "limit_unordered": ("arbitrary-cut", "not-a-function-of-the-data"),
    "storage_order": ("not-a-function-of-the-data",),
    "null_order": ("arbitrary-cut",),
    "duplicate_rows": ("duplicate-full-row",),
    "clock": (),
}
"""Our smells → what AttestQL calls them; it has none about the date."""


class Case(NamedTuple):
    """A gold statement, and the smell of the fault that was planted in it; empty for none."""

    fault: str
    question: str
    sql: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attestql", default=shutil.which("attestql"))
    args = parser.parse_args()
    with (HERE / "planted_faults.tsv").open(encoding="utf-8", newline="") as file:
        cases = [Case(**row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    with tempfile.TemporaryDirectory() as name:
        database = Path(name) / "harbour.sqlite"
        with closing(sqlite3.connect(database)) as db:
            db.executescript((HERE / "harbour.sql").read_text(encoding="utf-8"))
        found = {"sqltailor": ours(cases, database)}
        if args.attestql:
            found["attestql"] = theirs(cases, database, args.attestql, Path(name))
        else:
            print("attestql is not installed: python -m venv DIR && DIR/bin/pip install attestql==0.4.0, --attestql …")
    report(cases, found)


def ours(cases: Sequence[Case], database: Path) -> list[set[str]]:
    """Return the smells that our audit reports of each case."""
    with open_database(str(database)) as db:
        schema = db.read_schema()
        audits = [audit(Example(str(i), (case.sql,), case.question), db, schema) for i, case in enumerate(cases)]
    return [{finding.smell for finding in found.findings} for found in audits]


def theirs(cases: Sequence[Case], database: Path, program: str, folder: Path) -> list[set[str]]:
    """Return the smells that AttestQL reports of each case."""
    asked = [
        {"question_id": i, "db_id": "harbour", "question": case.question, "evidence": "", "SQL": case.sql,
         "difficulty": "simple"}
        for i, case in enumerate(cases)
    ]  # fmt: skip
    (folder / "questions.json").write_text(json.dumps(asked))
    command = [program, "audit", "--engine", "sqlite", "--dsn", str(database), "--out", str(folder / "out")]
    done = subprocess.run(
        [*command, "--questions", str(folder / "questions.json")], capture_output=True, text=True, check=False
    )
    told = dict(re.findall(r"^q(\d+) .*smells=(\S+)", done.stdout, re.MULTILINE))
    if len(told) != len(cases):
        raise SystemExit(f"attestql failed: {done.stderr[-500:]}")
    return [set(told[str(i)].split(",")) - {"none"} for i in range(len(cases))]


def report(cases: Sequence[Case], found: Mapping[str, Sequence[set[str]]]) -> None:
    """Print caught, missed and false alarms of every auditor, by kind of fault."""
    planted = Counter(case.fault for case in cases)
    print("| planted | cases | " + " | ".join(f"{name} caught" for name in found) + " |")
    print("|---|---|" + "---|" * len(found))
    for kind in KINDS:
        caught = [
            sum(case.fault == kind and is_right(case, smells) for case, smells in zip(cases, each, strict=True))
            for each in found.values()
        ]
        print(f"| {kind} | {planted[kind]} | {' | '.join(map(str, caught))} |")
    alarms = [sum(bool(s) for case, s in zip(cases, each, strict=True) if not case.fault) for each in found.values()]
    print(f"| nothing: false alarms | {planted['']} | {' | '.join(map(str, alarms))} |")
    for name, each in found.items():
        for case, smells in zip(cases, each, strict=True):
            if not is_right(case, smells):
                told = ", ".join(sorted(smells)) or "nothing"
                print(f"{name}: {case.fault or 'nothing'} planted, {told} told: {case.sql}")


def is_right(case: Case, smells: set[str]) -> bool:
    """Tell whether the planted fault was told, or nothing where there is none."""
    return bool(smells & {case.fault, *KINDS[case.fault]}) if case.fault else not smells


if __name__ == "__main__":
    main()
