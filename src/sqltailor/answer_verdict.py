"""May an answer run? What the model itself, the guard and the votes say of it; and what becomes of it then."""

from __future__ import annotations

from collections.abc import Sequence

from sqltailor.database import Database
from sqltailor.errors import Refused, SQLError, Timeout
from sqltailor.project import Project
from sqltailor.prompt.extract import Answer
from sqltailor.reply import Ran
from sqltailor.sql.guard import check
from sqltailor.types import Completion, Verdict


def verdict_of(answer: Answer, completion: Completion, project: Project) -> Verdict:
    """Return whether an answer may run, by itself: no votes are looked at."""
    if completion.refused is not None:
        return Verdict(False, None, completion.refused)
    if answer.declined is not None:
        return Verdict(False, None, f"cannot answer: {answer.declined}")
    if answer.sql is None and completion.stop == "length" and completion.tokens_out == 0:
        return Verdict(
            False,
            "limits",
            f"the prompt has {completion.tokens_in:,} tokens, more than the model reads. "
            "Name the tables that questions are about in database.allow",
        )
    if answer.sql is None:
        return Verdict(False, None, "the model wrote no SQL")
    if completion.stop == "length":
        return Verdict(False, "limits", "the answer was cut at generate.max_tokens")
    return judged(answer.sql, project)


def judged(sql: str, project: Project) -> Verdict:
    """Return what the guard says of a statement."""
    return check(sql, dialect=project.dialect, schema=project.schema, grant=project.grant)


def is_doubted(completion: Completion, project: Project) -> bool:
    """Say whether too few candidates agree with an answer."""
    return completion.confidence is not None and completion.confidence < project.recipe.generate.min_confidence


def doubt(
    sql: str, readings: Sequence[str], completion: Completion, project: Project, *, candidates: int
) -> tuple[Verdict, bool]:
    """Return why an answer that is doubted does not run, and whether there are two readings of which to choose one."""
    agreeing = round((completion.confidence or 0.0) * (candidates + 1))
    if readings and agreeing > 1:
        return _split(sql, readings, completion, project), True
    answers = f"of the model's {candidates + 1} answers agree"
    least = f"fewer than generate.min_confidence ({project.recipe.generate.min_confidence:.0%})"
    how_few = f"no two {answers}" if agreeing <= 1 else f"only {agreeing} {answers}, {least}"
    what_next = "Ask in other words: name what is counted or listed, values and dates"
    return Verdict(False, None, f"{how_few}, so that this SQL is a guess. {what_next}"), False


def _split(sql: str, readings: Sequence[str], completion: Completion, project: Project) -> Verdict:
    """Return in what the two readings differ."""
    from sqltailor.evaluate.mistakes.taxonomy import mistakes_in

    parts = mistakes_in(sql, readings, outcome="wrong", results=None, dialect=project.dialect)
    named = ", ".join(f"the {part}" for part in parts if part != "other")
    reason = f"the candidates are split: {completion.confidence:.0%} agree with the first reading"
    return Verdict(False, None, f"{reason}{f'; the second differs in {named}' if named else ''}. Which is meant?")


def run_judged(database: Database, sql: str, verdict: Verdict) -> Ran:
    """Return what becomes of a statement that the guard allows; the database may still refuse it, or stop it."""
    try:
        return Ran(verdict, database.run(sql))
    except Refused as e:
        return Ran(Verdict(False, e.layer, str(e)), None)
    except Timeout as e:
        return Ran(Verdict(True, "limits", str(e)), None)
    except SQLError as e:
        return Ran(Verdict(True, None, f"the database says: {e}"), None)
