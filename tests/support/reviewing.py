"""An evaluation of canned answers about the tram network, and a review of it that is served."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path

from sqltailor.evaluate.review.reviews import Reviews
from sqltailor.recipe import load_recipe
from tests.support.cli_project import QUESTIONS, make_database, ok
from tests.support.http_service import Server, running

ANSWERS = [
    QUESTIONS["How many stops are there?"],
    "SELECT names FROM stop",
    "SELECT name, opened FROM stop ORDER BY opened DESC LIMIT 1",
    "SELECT colour FROM line WHERE colour IS NOT NULL",
    QUESTIONS["Which lines stop at the zoo?"],
    "SELECT line.number, count(driver.id) FROM line LEFT JOIN driver ON line_number = number GROUP BY line.number",
]
"""Right are the first and the fifth."""


def evaluated(folder: Path, questions: Sequence[tuple[str, str, str]] = ()) -> Path:
    """Evaluate answers in a folder, and return the evaluation's; `questions`: each with its gold and its answer."""
    rows = questions or [(q, sql, said) for (q, sql), said in zip(QUESTIONS.items(), ANSWERS, strict=True)]
    make_database(folder / "tram.db")
    gold = [{"id": f"t{i}", "question": q, "sql": [sql]} for i, (q, sql, _) in enumerate(rows, 1)]
    said = [{"id": f"t{i}", "predicted": sql} for i, (_, _, sql) in enumerate(rows, 1)]
    for name, lines in (("gold.jsonl", gold), ("said.jsonl", said)):
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    words = ("--data", "gold.jsonl", "--database", "tram.db", "--workers", "1", "--out", "eval")
    with chdir(folder):
        ok("eval", "--predictions", "said.jsonl", *words)
    return folder / "eval"


@contextmanager
def reviewing(folder: Path, *, database: str | None = "tram.db") -> Iterator[Server]:
    """Serve the review of an evaluation's folder, with the database that lies beside it, or none."""
    from sqltailor.serve.app import behind_gate
    from sqltailor.serve.options import ServeOptions
    from sqltailor.serve.review_routes import ROUTES
    from sqltailor.serve.review_server import review_service

    words = [f"database.url=sqlite:///{folder.parent / database}"] if database else []
    recipe = load_recipe(None, words, cwd=folder.parent).recipe
    with (
        review_service(recipe, None, Reviews(folder), ServeOptions(rate_per_minute=0)) as service,
        running(service, behind_gate(service, ROUTES)) as server,
    ):
        yield server
