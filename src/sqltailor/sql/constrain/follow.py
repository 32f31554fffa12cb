"""May a constrained model write a known statement? For tests, benchmarks and checks of training pairs."""

from __future__ import annotations

from sqltailor.sql.constrain.constraint import Constraint

ROOM = 2_000
"""Tokens that a known statement may have."""


def refused(constraint: Constraint, sql: str) -> str | None:
    """Return why a walk would not write a statement, with the text up to there; None where it would.

    Names may be spelled as the schema does rather than as `sql` does: only their case may differ.
    """
    import numpy as np

    vocabulary = constraint.vocabulary
    walk, end = constraint.walk(ROOM), min(vocabulary.ends)
    text = sql.encode().decode("latin-1")
    logits = np.zeros(vocabulary.size, np.float32)
    left = vocabulary.spell(text)
    written = ""
    while True:
        token = left[0] if left else end
        logits[token] = 1
        move = walk.take(logits, lambda row: int(row.argmax()))
        logits[token] = 0
        if walk.rejects:
            return f"{walk.why}: {written[-60:]}»{vocabulary.text(token) if left else ''}«"
        if move.is_done:
            return None
        own = "".join(vocabulary.text(t) for t in move.tokens)
        if text[len(written) : len(written) + len(own)].lower() != own.lower():
            return f"only `{own}` may follow: {written[-60:]}"
        written += own
        if move.tokens == left[: len(move.tokens)]:
            left = left[len(move.tokens) :]
        else:
            left = vocabulary.spell(text[len(written) :])
