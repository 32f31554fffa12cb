"""Our Spider verdicts beside the official script's, row by row, and how long both take.

    python bench/score_vs_official.py OFFICIAL --data dev.jsonl --tables tables.json --python VENV/bin/python

OFFICIAL is a folder with taoyds/test-suite-sql-eval; `--python` has nltk and sqlparse installed (nltk's data is not
needed). Databases are filled by our fuzzer, so none need be there. Verdicts are the gold statements against themselves,
mutants of them, and the predictions of `--predictions`, one line an example. Prints what differs, and agreement.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROWS_SHOWN = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("official", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable, help="an interpreter with nltk and sqlparse")
    parser.add_argument("--predictions", type=Path)
    parser.add_argument("--databases", type=int, default=3, help="fuzzed databases a schema")
    parser.add_argument("--mutants", type=int, default=10, help="mutants a gold statement")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        examples = read(args.data, args.limit)
        schemas = fill(folder, examples, args.tables, args.databases)
        sets = {"gold": [(example, example.sql[0]) for example in examples]}
        sets["mutants"] = list(mutated(examples, schemas, args.mutants, args.seed))
        if args.predictions:
            lines = args.predictions.read_text(encoding="utf-8").splitlines()
            sets["predictions"] = list(zip(examples, lines, strict=True))
        for name, pairs in sets.items():
            print(compared(name, pairs, folder, args.official, args.python), flush=True)


def read(path: Path, limit: int | None) -> list[Any]:
    from sqltailor.data.rows import Row, read_rows
    from sqltailor.types import Example

    rows = [row.value for row in read_rows(path) if isinstance(row, Row)][:limit]
    return [
        Example(str(i), (row.get("sql") or row["query"],), question=row["question"], db_id=row["db_id"])
        for i, row in enumerate(rows)
    ]


def fill(folder: Path, examples: list[Any], tables: Path, databases: int) -> dict[str, Any]:
    """Write the databases of all examples, and tables.json beside them; return db_id → schema."""
    from sqltailor.data.file_kinds import open_bytes
    from sqltailor.data.readers.spider import tables_schema
    from sqltailor.synth.fuzz import Constraints
    from sqltailor.synth.fuzz.databases import make_databases

    with open_bytes(tables, tables=True) as file:
        entries = {entry["db_id"]: entry for entry in json.load(file)}
    (folder / "tables.json").write_text(json.dumps(list(entries.values())))
    schemas = {}
    for db_id in dict.fromkeys(example.db_id for example in examples):
        schemas[db_id] = tables_schema(entries[db_id])
        golds = [example.sql[0] for example in examples if example.db_id == db_id]
        home = folder / "database" / db_id
        made = make_databases(
            schemas[db_id], golds, home, dialect="sqlite", constraints=Constraints(), databases=databases, rows=60
        )
        for number, path in enumerate(made.paths):
            path.rename(home / (f"{db_id}.sqlite" if number == 0 else f"{db_id}_{number}.sqlite"))
    return schemas


def mutated(examples: list[Any], schemas: dict[str, Any], count: int, seed: int) -> Iterator[tuple[Any, str]]:
    """Yield predictions near each gold statement: other meanings by its tree, other spellings by its text."""
    from sqltailor.errors import SQLError
    from sqltailor.synth.fuzz import mutants

    rng = random.Random(f"score {seed}")
    for example in examples:
        gold = example.sql[0]
        try:
            found = [mutant.sql for mutant in mutants(gold, schema=schemas[example.db_id])]
        except SQLError:
            found = []
        texts = rng.sample(found, min(len(found), count // 2))
        others = [other.sql[0] for other in examples if other.db_id == example.db_id]
        while len(texts) < count:
            texts.append(respelled(rng.choice((gold, gold, rng.choice(others))), rng))
        for text in texts:
            yield example, " ".join(text.split()) or "SELECT"


def respelled(sql: str, rng: random.Random) -> str:
    """Return a statement with one or two words dropped, doubled, swapped, or spelt in another way."""
    words = re.findall(r"'[^']*'|\"[^\"]*\"|[\w.]+|[<>!]=|\S", sql)
    for _ in range(rng.randint(1, 2)):
        place = rng.randrange(len(words))
        word = words[place]
        match rng.randrange(9):
            case 0:
                words[place] = ""
            case 1:
                words.insert(place, word)
            case 2:
                other = rng.randrange(len(words))
                words[place], words[other] = words[other], word
            case 3:
                words[place] = word.upper() if word.islower() else word.lower()
            case 4:
                words[place] = rng.choice(("=", "<", ">=", "!=", "<>", "and", "or", "not", "in", "like", ",", "(", ")"))
            case 5:
                words[place] = rng.choice(("1", "2.50", "'x'", '"y z"', "value", "NULL", "*", "asc", "desc", "count"))
            case 6:
                words[place] = word.replace("T1", "T2") if "T1" in word else word.replace("T2", "T1")
            case 7:
                words.insert(place, rng.choice(("DISTINCT", "AS x", "LEFT", "-- c", ";", "UNION", "max (", ")", "> =")))
            case 8:
                words[place] = rng.choice(words)
        words = [word for word in words if word] or ["SELECT"]
    return rng.choice((" ", " ", " ", "  ")).join(words) if rng.random() < 0.9 else re.sub(r" (\W) ", r"\1", sql)


def compared(name: str, pairs: list[tuple[Any, str]], folder: Path, official: Path, python: str) -> str:
    """Return agreement and times of one set of predictions; prints the rows that differ."""
    from sqltailor.evaluate.compat.raw_runs import Case
    from sqltailor.evaluate.compat.spider_verdict import spider_verdicts

    task = {"official": str(official.resolve()), "folder": str(folder), "rows": [
        [example.db_id, example.sql[0], text] for example, text in pairs
    ]}  # fmt: skip
    (folder / "task.json").write_text(json.dumps(task))
    subprocess.run([python, __file__, "--worker", str(folder)], check=True, stdout=subprocess.DEVNULL)
    theirs = json.loads((folder / "verdicts.json").read_text())
    began = clocks()
    cases = [Case(example, text) for example, text in pairs]
    found = spider_verdicts(cases, str(folder / "database"), suite=True, tables=folder / "tables.json", workers=None)
    took = since(began)
    differing = 0
    all_ours = [scores | notes for scores, notes in zip(found.scores, found.notes, strict=True)]
    for (example, text), ours, row in zip(pairs, all_ours, theirs["rows"], strict=True):
        if row is not None and ours != row:
            differing += 1
            if differing <= ROWS_SHOWN:
                parts = [key for key in row if ours.get(key) != row[key]]
                shown = f"ours {[ours.get(p) for p in parts]}, official {[row[p] for p in parts]}"
                print(f"{name}: {parts} {shown}\n  gold {example.sql[0]}\n  pred {text}")
    stopped = sum(row is None for row in theirs["rows"])
    judged_rows = len(pairs) - stopped
    counts = f"{judged_rows - differing} of {judged_rows} rows agree ({1 - differing / max(judged_rows, 1):.2%})"
    right = sum(bool(row and row["spider_match"]) for row in theirs["rows"])
    right_suite = sum(bool(row and row["test_suite"]) for row in theirs["rows"])
    return (
        f"{name}: {counts}; {right} match, {right_suite} pass the suite; the script stops at {stopped}; "
        + "; ".join(
            f"{what}: ours {ours:.1f} s, official {official_s:.1f} s ({official_s / ours:.1f} times)"
            for what, ours, official_s in zip(("wall", "CPU"), took, theirs["took"], strict=True)
        )
    )


def clocks() -> tuple[float, float]:
    """Return the time on the wall, and that of the CPU for this process and those that it has ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.monotonic(), sum(usage.ru_utime + usage.ru_stime for usage in used)


def since(began: tuple[float, float]) -> list[float]:
    return [now - then for now, then in zip(clocks(), began, strict=True)]


def worker(folder: Path) -> None:
    """Judge the rows of task.json by the official script's own functions, and write verdicts.json."""
    task = json.loads((folder / "task.json").read_text())
    sys.path.insert(0, task["official"])
    import evaluation
    import nltk
    import process_sql
    from nltk.tokenize import NLTKWordTokenizer

    assert nltk
    process_sql.word_tokenize = NLTKWordTokenizer().tokenize
    maps = evaluation.build_foreign_key_map_from_json(str(folder / "tables.json"))
    began = clocks()
    rows = [judged_by(evaluation, folder, maps, *row) for row in task["rows"]]
    verdicts = {"rows": rows, "took": since(began)}
    (folder / "verdicts.json").write_text(json.dumps(verdicts))


def judged_by(script: Any, folder: Path, maps: Any, db_id: str, gold: str, predicted: str) -> dict[str, Any] | None:
    """Return the script's verdict on one row, None where it stops with an error."""
    predicted = predicted.strip().split("\t")[0].replace("value", "1")
    file = str(folder / "database" / db_id / f"{db_id}.sqlite")
    schema = script.Schema(script.get_schema(file))
    evaluator = script.Evaluator()
    try:
        right = script.get_sql(schema, gold)
        hardness = evaluator.eval_hardness(right)
        try:
            answer = script.get_sql(schema, predicted)
        except Exception:
            nothing = dict.fromkeys(("except", "intersect", "limit", "union"))
            lists: dict[str, Any] = {name: [] for name in ("groupBy", "having", "orderBy", "where")}
            answer = nothing | lists | {"from": {"conds": [], "table_units": []}, "select": [False, []]}
        passes = script.eval_exec_match(file, predicted, gold, False, False, False)
        trees = []
        for tree in (answer, right):
            units = script.build_valid_col_units(tree["from"]["table_units"], schema)
            trees.append(script.rebuild_sql_col(units, script.rebuild_sql_val(tree), maps[db_id]))
        match = evaluator.eval_exact_match(*trees)
    except Exception as e:
        print(f"{type(e).__name__}: {e}", file=sys.stderr)
        return None
    parts = {
        name: [part["f1"], part["pred_total"], part["label_total"]] for name, part in evaluator.partial_scores.items()
    }
    return {"spider_match": int(match), "test_suite": int(passes), "hardness": hardness, "components": parts}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(Path(sys.argv[2]))
    else:
        main()
