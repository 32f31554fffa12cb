"""`sqltailor review`: a page on which people mark the answers of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sqltailor.cli.output import Json, Recipe, note, print_json, print_table

if TYPE_CHECKING:
    from sqltailor.evaluate.review.reviews import Reviews


def review(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="Run or evaluation folder. Default: the newest with answers.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="REF", help="Whose answers to review. Default: the evaluation's last model.")
    ] = None,
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.")] = 8001,
    summary: Annotated[
        bool, typer.Option("--summary", help="Print what was said and how far it agrees; serve nothing.")
    ] = False,
    export: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write corrections as examples to train on; serve nothing.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="URL, file, or folder with one database a db_id. Default: the recipe's."),
    ] = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Have people mark answers, on a page of this machine.

    The page shows each question with both statements, what differs between them, and both results; 1, 2 and 3 mark an
    answer right, wrong or unclear. What execution and other reviewers say is shown once it is marked. SQL that a
    reviewer writes passes the guard and runs before it is kept. Each reviewer has a file review-NAME.jsonl in the
    evaluation's folder; agreement is Cohen's kappa of two, and Fleiss' kappa of all.

    Example: sqltailor review runs/shop

    Example: sqltailor review runs/shop --summary --json

    Example: sqltailor review runs/shop --export corrections.jsonl
    """
    from sqltailor.cli.defaults import answers_folder, recipe_and_folder
    from sqltailor.evaluate.review.reviews import Reviews

    found, folder = recipe_and_folder(recipe, database)
    reviews = Reviews(answers_folder(run, found), model)
    if export is not None:
        _export(reviews, export)
    if summary or json:
        _print_summary(reviews, json)
    if export is None and not summary and not json:
        from sqltailor.serve.review_server import serve_review

        note(f"reviewing {len(reviews.answers):,} answers of {reviews.model} in {reviews.folder}")
        serve_review(found, folder, reviews, port=port, on_ready=lambda url: note(f"review at {url} until Ctrl-C"))


def _export(reviews: Reviews, file: str) -> None:
    from sqltailor.data import write_examples
    from sqltailor.errors import counted
    from sqltailor.evaluate.review.corrections import corrections

    found = corrections(reviews)
    note(f"{counted(write_examples(file, found.examples), 'example')}: {file}")
    if found.contradictory:
        note(f"left out, since reviewers contradict each other: {', '.join(found.contradictory)}")
    note("training leaves out questions of data.test: to learn from these, review a file of other questions")


def _print_summary(reviews: Reviews, json: bool) -> None:
    from sqltailor.evaluate.review.human_agreement import summary, summary_lines

    found = summary(reviews)
    if json:
        print_json(found)
        return
    if not found["reviewers"]:
        note(
            f"nobody has marked an answer of {reviews.model} in {reviews.folder} yet: sqltailor review {reviews.folder}"
        )
        return
    columns = ("reviewer", "marks", "right", "kappa with execution")
    print_table(columns, summary_lines(found), title=f"{found['model']}: {found['reviewed']:,} of {found['answers']:,}")
    for pair in found["pairs"]:
        shown = "—" if pair["kappa"] is None else f"{pair['kappa']:.2f}"
        print(f"{pair['a']} and {pair['b']}: kappa {shown} on {pair['n']:,} answers")
    if found["fleiss"] is not None and found["fleiss"]["kappa"] is not None:
        print(f"all together: Fleiss' kappa {found['fleiss']['kappa']:.2f} on {found['fleiss']['n']:,} answers")
    if found["disputed"]:
        print(f"marked differently: {', '.join(found['disputed'])}")
    if found["stale"]:
        note(f"{found['stale']:,} older words are about other answers, and are left out")
