"""What the guard refuses of hostile statements, and of harmless ones: `python bench/guard.py [--corpus FILE]`.

`guard_corpus.tsv` holds hostile statements by kind and harmless ones about the tables of `guard.sql`, written for this
bench; `--corpus tests/hostile_sql.tsv` is the tests' larger one. Prints, by dialect and in all:

- the share of hostile statements that is refused (recall), of harmless ones that is refused (false alarms), and of
  refused ones that is hostile (precision), with Wilson's intervals;
- which layer refused first, and what each layer refuses alone: `text` and `parse` with the checks of the others left
  out, `policy` on what sqlglot reads, and the database with nothing before it, where every statement really runs;
- every wrong verdict of our guard.

Rows of the kind LIMIT count for the database alone. Of the servers, PostgreSQL and MariaDB are those of the tests:
`PYTHONPATH=. python bench/guard.py`.

Two public guards judge the same statements (both MIT, on the package index), from a virtual environment of their own:
queryguard-sql, told the same tables and columns, and readonly-sql-guard in its strict mode, which knows no grants and
is not made for DuckDB.

    python -m venv DIR && DIR/bin/pip install queryguard-sql==0.1.5 readonly-sql-guard==0.1.0
    python bench/guard.py --others DIR/bin/python
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import sqlite3
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sqltailor.database import Database, open_database
from sqltailor.database.read_role import PASSWORD, ROLE, read_role
from sqltailor.errors import DataError, Refused, SQLError, Timeout
from sqltailor.evaluate.statistics import rate
from sqltailor.sql.dialect import nodes_of
from sqltailor.sql.guard import check
from sqltailor.sql.guard.calls import check_calls
from sqltailor.sql.guard.functions import allowed_functions
from sqltailor.sql.guard.granted_views import granted_catalog, visible
from sqltailor.sql.guard.parsing import called, check_nodes, parse
from sqltailor.sql.guard.resolver import Resolver
from sqltailor.sql.guard.statement_files import unescape
from sqltailor.sql.guard.text_layer import Text, cut, read
from sqltailor.sql.schema import from_ddl
from sqltailor.types import Grant, Schema, Verdict

HERE = Path(__file__).parent
DIALECTS = ("sqlite", "duckdb", "postgres", "mysql")
LAYERS = ("text", "parse", "policy")
DDL = (HERE / "guard.sql").read_text(encoding="utf-8")
GRANT = Grant(deny=("secret", "users.password_hash"))
INSTALL = "python -m venv DIR && DIR/bin/pip install queryguard-sql==0.1.5 readonly-sql-guard==0.1.0"
FILL = [
    *(f"INSERT INTO t (a, b, name) VALUES ({n}, {n % 7}, 'name {n}');" for n in range(40)),
    "INSERT INTO s VALUES (1, 'x');",
    "INSERT INTO users VALUES (1, 'x', 'hash');",
    "INSERT INTO secret VALUES ('kept');",
]

PEERS = """
import json, sys
from queryguard import GuardConfig, QueryGuard
from readonly_sql_guard import is_read_only

schema, rows = json.load(sys.stdin)

def allows(judge, *arguments):
    try:
        return bool(judge(*arguments))
    except Exception:
        return False

def queryguard(dialect, sql):
    config = GuardConfig(dialect, list(schema), schema=schema, allow_select_star=True, max_rows=None)
    return QueryGuard(config).check(sql).allowed

def readonly(dialect, sql):
    return is_read_only(sql, dialect, strict=True)

json.dump({
    "queryguard-sql": [allows(queryguard, *row) for row in rows],
    "readonly-sql-guard": [allows(readonly, *row) for row in rows],
}, sys.stdout)
"""


class Row(NamedTuple):
    """A statement in a dialect: what the guard should say, and the kind it is of."""

    dialect: str
    id: str
    expect: str
    kind: str
    sql: str

    @property
    def is_harmless(self) -> bool:
        return self.expect == "PASS"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=HERE / "guard_corpus.tsv")
    parser.add_argument("--others", metavar="PYTHON", help="Python of the environment that has the other guards")
    args = parser.parse_args()
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    corpus = read_corpus(args.corpus)
    rows = [row for row in corpus if row.expect != "LIMIT"]
    schema = from_ddl(DDL)
    verdicts = [check(row.sql, dialect=row.dialect, schema=schema, grant=GRANT) for row in rows]
    allowed = {"sqltailor": [verdict.allowed for verdict in verdicts]}
    if args.others:
        allowed |= judged_by_others(args.others, rows, visible(schema, GRANT))
    else:
        print(f"other guards are not asked: {INSTALL}, then --others DIR/bin/python\n")
    print_rates(rows, allowed)
    print_kinds(rows, allowed)
    print_first_layers(rows, verdicts)
    print_layers_alone(rows, schema)
    with contextlib.ExitStack() as opened:
        print_databases(corpus, {dialect: database_url(dialect, opened) for dialect in DIALECTS})
    print_wrong(rows, verdicts)


def read_corpus(path: Path) -> list[Row]:
    """Return the rows of a corpus, one a dialect of ours that it names."""
    rows, others = [], 0
    for line in path.read_text(encoding="utf-8").split("\n"):
        if not line or line.startswith("#"):
            continue
        dialects, id_, expect, kind, sql = line.split("\t")
        named = DIALECTS if dialects == "*" else [d for d in dialects.split(",") if d in DIALECTS]
        rows += [Row(dialect, id_, expect, kind, unescape(sql)) for dialect in named]
        others += not named
    count = Counter(row.expect for row in rows)
    harmless, limits = count.pop("PASS", 0), count.pop("LIMIT", 0)
    print(f"{path.name}: {count.total()} hostile, {harmless} harmless, {limits} for the limits", end=", ")
    print(f"{others} for other dialects\n")
    return rows


def judged_by_others(python: str, rows: Sequence[Row], granted: Schema) -> dict[str, list[bool]]:
    """Return what each other guard allows."""
    tables = {table.name: [column.name for column in table.columns] for table in granted.tables}
    asked = json.dumps([tables, [(row.dialect, row.sql) for row in rows]])
    done = subprocess.run([python, "-c", PEERS], input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{python} does not run the other guards; {INSTALL}\n{done.stderr[-500:]}")
    found: dict[str, list[bool]] = json.loads(done.stdout)
    return found


def print_rates(rows: Sequence[Row], allowed: Mapping[str, Sequence[bool]]) -> None:
    print("| dialect | guard | recall: hostile refused | false alarms: harmless refused | precision |")
    print("|---|---|---|---|---|")
    for dialect in (*DIALECTS, "all"):
        for name, verdicts in allowed.items():
            pairs = [(r, not v) for r, v in zip(rows, verdicts, strict=True) if dialect in (r.dialect, "all")]
            recall = shown(refused for row, refused in pairs if not row.is_harmless)
            alarms = shown(refused for row, refused in pairs if row.is_harmless)
            precision = shown(not row.is_harmless for row, refused in pairs if refused)
            print(f"| {dialect} | {name} | {recall} | {alarms} | {precision} |")


def shown(scores: Iterator[bool]) -> str:
    """Return a share with its interval and counts."""
    values = list(scores)
    found = rate(values)
    if found is None:
        return "-"
    return f"{sum(values)}/{found.n} = {found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"


def print_kinds(rows: Sequence[Row], allowed: Mapping[str, Sequence[bool]]) -> None:
    kinds = list(dict.fromkeys((row.is_harmless, row.kind) for row in rows))
    print(f"\n| kind | n | {' | '.join(f'{name} right' for name in allowed)} |")
    print("|---|---|" + "---|" * len(allowed))
    for kind in kinds:
        places = [i for i, row in enumerate(rows) if (row.is_harmless, row.kind) == kind]
        right = [sum(each[i] == rows[i].is_harmless for i in places) for each in allowed.values()]
        print(f"| {'harmless' if kind[0] else 'hostile'}: {kind[1]} | {len(places)} | {' | '.join(map(str, right))} |")


def print_first_layers(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> None:
    print(f"\n| hostile, refused first by | {' | '.join(LAYERS)} | nobody |")
    print("|---|---|---|---|---|")
    for dialect in DIALECTS:
        found: Counter[str | None] = Counter(
            v.layer for r, v in zip(rows, verdicts, strict=True) if r.dialect == dialect and not r.is_harmless
        )
        print(f"| {dialect} | {' | '.join(str(found[layer]) for layer in (*LAYERS, None))} |")


def print_layers_alone(rows: Sequence[Row], schema: Schema) -> None:
    judges: dict[str, Callable[[Row], object]] = {
        "text": lambda row: read(row.sql, row.dialect),
        "parse": lambda row: parse(uncut(row), row.dialect),
        "policy": lambda row: policy_alone(row, schema),
    }
    print(f"\n| alone: hostile refused, harmless refused | {' | '.join(LAYERS)} |")
    print("|---|---|---|---|")
    for dialect in DIALECTS:
        here = [row for row in rows if row.dialect == dialect]
        cells = []
        for judge in judges.values():
            refused = Counter(row.is_harmless for row in here if refuses(judge, row))
            cells.append(f"{refused[False]}, {refused[True]}")
        print(f"| {dialect} | {' | '.join(cells)} |")


def refuses(judge: Callable[[Row], object], row: Row) -> bool:
    try:
        judge(row)
    except (Refused, RecursionError):
        return True
    return False


def uncut(row: Row) -> Text:
    """Return the statement as the parse layer takes it, whatever the text layer says of it."""
    try:
        return cut(row.sql, row.dialect)
    except Refused:
        return Text(row.sql, [], row.sql)


def policy_alone(row: Row, schema: Schema) -> None:
    """Refuse by parts, calls and names of every statement that sqlglot reads; what it cannot read passes."""
    from sqlglot import Dialect
    from sqlglot.errors import SqlglotError

    sqlglot, functions = Dialect.get_or_raise(row.dialect), allowed_functions(row.dialect)
    try:
        tokens = sqlglot.tokenize(row.sql)
        trees = [tree for tree in sqlglot.parser().parse(tokens, row.sql) if tree is not None]
    except SqlglotError:
        return
    for tree in trees:
        nodes = nodes_of(tree)
        check_calls(nodes, called(row.sql, tokens, nodes), functions)
        check_nodes(nodes, functions)
        Resolver(granted_catalog(schema, GRANT, row.dialect), row.dialect).check(tree, nodes)


def database_url(dialect: str, opened: contextlib.ExitStack) -> str | None:
    """Return the URL of a database that has the tables, as a role that may read what is granted, or None."""
    statements = [line for line in DDL.splitlines() if not line.startswith("--")] + FILL
    if dialect in ("sqlite", "duckdb"):
        path = Path(opened.enter_context(tempfile.TemporaryDirectory())) / f"guard.{dialect}"
        script = "\n".join(statements)
        if dialect == "sqlite":
            with contextlib.closing(sqlite3.connect(path)) as db, db:
                db.executescript(script)
        else:
            import duckdb

            with duckdb.connect(str(path)) as db:
                db.execute(script)
        return f"{dialect}:///{path}"
    return server_url(dialect, statements)


def server_url(dialect: str, statements: Sequence[str]) -> str | None:
    """Return the URL of a server of the tests, where the role that `sqltailor init` prints was made."""
    try:
        from tests.support import mariadb_server, postgres_server
    except ModuleNotFoundError:
        return None
    if (postgres_server if dialect == "postgres" else mariadb_server).start() is None:
        return None
    schema = from_ddl(DDL)
    role = read_role(schema, visible(schema, GRANT), dialect, database="guard")
    if dialect == "postgres":
        postgres_server.execute("postgres", "CREATE DATABASE guard")
        postgres_server.execute("guard", *statements, *role)
        return postgres_server.url(ROLE, "guard")
    here = [statement.replace('"', "`") for statement in statements]
    mariadb_server.execute("CREATE DATABASE guard", "USE guard", *here, *role)
    return mariadb_server.url(ROLE, "guard", PASSWORD)


def print_databases(corpus: Sequence[Row], urls: Mapping[str, str | None]) -> None:
    """Run everything on the databases alone, and print what became of it."""
    print("\n| database alone | hostile: refused | failed | ran | harmless: ran | for the limits: stopped |")
    print("|---|---|---|---|---|---|")
    ran: list[Row] = []
    for dialect, url in urls.items():
        if url is None:
            print(f"| {dialect}: no server; PYTHONPATH=. and what tests/support names | | | | | |")
            continue
        here = [row for row in corpus if row.dialect == dialect]
        with open_database(url, timeout_s=1.0, grant=GRANT) as database:
            ends = [end_of(row.sql, database) for row in here]
        found = Counter(
            (row.expect if row.expect in ("PASS", "LIMIT") else "", end) for row, end in zip(here, ends, strict=True)
        )
        limits = [(found["LIMIT", "refused"] + found["LIMIT", "stopped"]), sum(row.expect == "LIMIT" for row in here)]
        harmless = [found["PASS", "ran"], sum(row.is_harmless for row in here)]
        hostile = [found["", "refused"] + found["", "stopped"], found["", "failed"], found["", "ran"]]
        print(
            f"| {dialect} | {' | '.join(map(str, hostile))} | {harmless[0]}/{harmless[1]} | {limits[0]}/{limits[1]} |",
            flush=True,
        )
        ran += [row for row, end in zip(here, ends, strict=True) if is_wrong(row, end)]
    print("\nWhat the databases alone let run, and harmless statements that did not:")
    for row in ran:
        print(f"  {row.dialect} {row.id} {row.expect} {row.kind}: {row.sql!r}")


def is_wrong(row: Row, end: str) -> bool:
    return row.expect != "LIMIT" and (end == "ran") != row.is_harmless


def end_of(sql: str, database: Database) -> str:
    """Run a statement and return whether it `ran`, was `refused`, was `stopped` by a limit, or `failed` there."""
    try:
        database.run(sql)
    except Timeout:
        return "stopped"
    except Refused as e:
        return "stopped" if e.layer == "limits" else "refused"
    except (SQLError, DataError):
        return "failed"
    return "ran"


def print_wrong(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> None:
    wrong = [(r, v) for r, v in zip(rows, verdicts, strict=True) if v.allowed != r.is_harmless]
    print(f"\nWrong verdicts of our guard: {len(wrong)}")
    for row, verdict in wrong:
        print(f"  {row.dialect} {row.id} {row.expect} {row.kind}: {row.sql!r}: {verdict.reason or 'passed'}")


if __name__ == "__main__":
    main()
