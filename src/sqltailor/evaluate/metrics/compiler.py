"""Agreement with the compiler: does a statement for a specification return what the compiled one returns?"""

from __future__ import annotations

from sqltailor.evaluate.metrics.attempt import Attempt
from sqltailor.sql.dialect import comparable


def agrees_with_compiler(attempt: Attempt) -> float | None:
    """Return 1 when the result is the compiled statement's, else 0; without a database, when the statement is.

    None where there is no specification, or none that can be compiled.
    """
    if attempt.compiled is None:
        return None
    if attempt.referee is not None:
        return float(attempt.result is not None and attempt.referee.matches(attempt.result))
    if attempt.answers or attempt.predicted is None:  # a compiled statement that does not run agrees with nothing
        return None if attempt.answers else 0.0
    ours = comparable(attempt.predicted, attempt.dialect, tree=attempt.tree)
    return float(ours == comparable(attempt.compiled, attempt.dialect))
