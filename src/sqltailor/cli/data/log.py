"""`sqltailor data log`: clean a query log."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sqltailor.cli.output import DatabaseUrl, Json, Recipe, note, print_counts, print_json, progress
from sqltailor.errors import counted


def log(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SRC", help="Text, an export of a query history, or postgresql://… itself."),
    ],
    map: Annotated[
        str | None,
        typer.Option("--map", metavar="NAME=COL,…", help="Columns of an export: sql=COL,calls=COL."),
    ] = None,
    out: Annotated[str, typer.Option(metavar="FILE", help="File to write.")] = "data/log.jsonl",
    per_template: Annotated[
        int, typer.Option("--per-template", metavar="N", min=1, help="Keep N that differ only in their values.")
    ] = 20,
    seed: Annotated[int, typer.Option(metavar="N", help="Same seed, same values for placeholders.")] = 0,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Read query logs: queries over your schema, with counts.

    A log is text with one statement a line (also what PostgreSQL or MySQL write), an export of a query history
    (pg_stat_statements, PostgreSQL's csvlog, MySQL's digests, Query Store, Snowflake, BigQuery, Databricks, Redshift,
    Trino; others with --map), or a PostgreSQL URL, whose pg_stat_statements is read. What failed there is left out.
    Equal statements become one; $1 and ? become stored values, where that is possible, and each statement is run.
    Values that look personal become placeholders.

    The file has no questions. It is a document for continued pretraining (data.documents), and what data augment
    --how back-translate writes questions for. read = kept + merged + rejected; what is rejected lies, with its
    reason, in NAME.rejects.jsonl. Exit code 1 when nothing is kept.

    Example: sqltailor data log queries.sql --database sqlite:///shop.db

    Example: sqltailor data log history.csv --map sql=QUERY_TEXT,calls=RUNS

    Example: sqltailor data log pg_stat_statements.csv postgresql://reader@host/shop
    """
    from sqltailor.cli.data.options import named_columns
    from sqltailor.cli.defaults import project_for
    from sqltailor.data.querylog.clean_log import import_log
    from sqltailor.data.querylog.reader import LogReader

    with project_for(recipe, database) as project, progress() as bars:
        reader = LogReader(
            project.dialect,
            project.schema if project.has_schema else None,
            project.database if project.has_database else None,
            grant=project.grant,
            personal=project.recipe.database.sample_personal,
            per_template=per_template,
            seed=seed,
            mapping=named_columns(map, "sql=QUERY_TEXT,calls=RUNS") if map else {},
        )
        bar = bars.add_task("reading", total=None)
        summary = import_log(sources, out, reader, progress=lambda done: bars.update(bar, completed=done))
    if json:
        print_json(summary.to_json())
    else:
        print(f"read {summary.read:,}, kept {summary.kept:,}, merged {summary.merged:,}, rejected {summary.rejected:,}")
        print_counts(summary.reasons, "rejected")
        kept, calls = counted(summary.kept, "statement"), counted(summary.calls, "time")
        print(f"wrote {out}: {kept} that ran {calls}; {summary.runnable:,} can run here")
        if not project.has_database:
            note("note: no database: nothing was run, and placeholders stay (--database URL)")
    if not summary.kept:
        sys.exit(1)
