"""`sqltailor ask`: a question or a specification → SQL, and its rows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sqltailor.cli.inputs import read_asked
from sqltailor.cli.output import DatabaseUrl, Json, Recipe, Unprotected, Votes, note, print_json, print_table

if TYPE_CHECKING:
    from sqltailor.reply import Reply


def ask(
    question: Annotated[str | None, typer.Argument(metavar="QUESTION", help="The question, in words.")] = None,
    spec: Annotated[
        str | None, typer.Option(metavar="FILE", help="A JSON query specification instead: a file, or - for stdin.")
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Run the statement, read-only, and print its rows.")] = False,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="Named base, runs/NAME, folder, .gguf or Hub id. Default: the newest run, else `base`.",
        ),
    ] = None,
    follow: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A conversation: the question follows those in FILE, and is added to it."),
    ] = None,
    votes: Votes = None,
    database: DatabaseUrl = None,
    unprotected: Unprotected = False,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Write the SQL for a question; with --run, print its rows.

    Exit code 1 when there is no SQL, when it is not allowed, or when it did not run. A question that cannot be
    answered from this database is answered so, with the reason and exit code 0. Where votes are split, nothing runs:
    you are asked which of two readings is meant.

    Example: sqltailor ask "how many customers do we have?" --run

    Example: sqltailor ask "which brand sells best?" --votes 7 --run

    Example: sqltailor ask "and of those in Norway?" --follow talk.jsonl
    """
    from sqltailor.asker import open_asker
    from sqltailor.cli.defaults import asked_model, project_for
    from sqltailor.conversation import Conversation

    asked, conversation = read_asked(question, spec, follow), Conversation(follow)
    with project_for(recipe, database, unprotected=unprotected) as project:
        asker = open_asker(project, asked_model(model, project.recipe), votes=votes, load_now=False)
        reply = asker(asked, conversation.history, run=run)
        print_json(reply.to_json()) if json else _print_reply(reply)
        if reply.asks_back and not json and sys.stdin.isatty() and (reading := _chosen(reply)):
            reply = asker.take(reply, reading, run=run)
            _print_reply(reply)
        conversation.add(str(asked), reply)
    is_answered = reply.allowed and (reply.result is not None or not run)
    sys.exit(0 if is_answered or reply.declined is not None else 1)


def _chosen(reply: Reply) -> str | None:
    """Return the reading that a person chooses, or None where none is meant."""
    readings = {str(number): sql for number, sql in enumerate((reply.sql or "", *reply.readings), 1)}
    answer = typer.prompt(f"{', '.join(readings)}, or Enter for none", default="", show_default=False, err=True)
    return readings.get(answer.strip())


def _print_reply(reply: Reply) -> None:
    for number, sql in enumerate((reply.sql, *reply.readings) if reply.asks_back else ()):
        print(f"{number + 1}: {sql}")
    if reply.sql and not reply.asks_back:
        print(reply.sql)
    if reply.declined is not None:
        print(f"This cannot be answered: {reply.declined.rstrip('.')}.")
    elif reply.reason and reply.asks_back:
        note(f"{reply.reason[0].upper()}{reply.reason[1:]}")
    elif reply.reason:
        unsure = "not allowed" if reply.layer else "not sure"
        note(f"{unsure if reply.allowed is False else 'note'}: {reply.reason}")
    if reply.agrees_with_compiler is False:
        note("note: the compiler makes something else of this specification: sqltailor compile")
    if reply.pair is not None:
        note(f"verified: a known pair asks the same ({reply.pair})")
    if reply.completion.repairs:
        note(f"repaired: the statement did not run at first (tries: {reply.completion.repairs})")
    if reply.confidence is not None:
        right = "" if reply.expected is None else f"; of such validation answers, {reply.expected:.0%} were right"
        note(f"confidence: {reply.confidence:.0%} of the candidates agree{right}")
    if reply.result is not None:
        print_table(reply.result.columns, reply.result.rows)
        if reply.result.truncated:
            note(f"only the first {len(reply.result.rows):,} rows are shown (database.max_rows)")
