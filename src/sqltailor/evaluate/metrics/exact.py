"""Exact match: is the predicted statement the gold statement, apart from spelling that means nothing?"""

from __future__ import annotations

from sqltailor.evaluate.metrics.attempt import Attempt
from sqltailor.sql.dialect import comparable, load_dialect
from sqltailor.sql.schema import names


def exact_match(attempt: Attempt) -> float | None:
    """Return 1 when the statement equals an accepted gold statement in canonical form, else 0.

    Keywords and identifiers in any case; values exact; `;`, spacing, comments and quote style ignored; aliases kept.
    In SQLite's dialect, where a double-quoted word that names nothing is a text value, both sides may be read so.
    What cannot be parsed is compared as collapsed text.
    """
    if attempt.gold_declined:
        return float(attempt.declined is not None)
    if attempt.predicted is None:
        return 0.0
    predicted, dialect = attempt.predicted, attempt.dialect
    compared = comparable(predicted, dialect, tree=attempt.tree)
    if any(compared == comparable(gold, dialect) for gold in attempt.gold):
        return 1.0
    if '"' not in predicted or load_dialect(dialect).base != "sqlite" or not attempt.schema.tables:
        return 0.0
    known = names(attempt.schema)
    compared = comparable(predicted, dialect, known)
    return float(any(compared == comparable(gold, dialect, known) for gold in attempt.gold))
