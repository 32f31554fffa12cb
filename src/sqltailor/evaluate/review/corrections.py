"""What reviewers corrected, as examples to train on."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from sqltailor.evaluate.review.reviews import Reviews
from sqltailor.sql.dialect import comparable
from sqltailor.types import Example


class Corrections(NamedTuple):
    """Examples, and the ids of what is left out, since reviewers give it different SQL."""

    examples: list[Example]
    contradictory: list[str]


def corrections(reviews: Reviews) -> Corrections:
    """Return the questions with the SQL that their reviewers wrote, or called right.

    Statements that differ in spelling alone are the same; else nobody can say which one to learn.
    """
    examples, contradictory = [], []
    for answered in reviews.answers:
        example, predicted = answered.example, answered.row["predicted"]
        said = reviews.of(example.id).values()
        given = [review.correction or (predicted if review.mark == "right" else None) for review in said]
        wanted = [sql for sql in given if sql]
        forms = {comparable(sql, example.dialect) for sql in wanted}
        is_refuted = any(review.mark == "wrong" for review in said) and comparable(predicted, example.dialect) in forms
        if len(forms) > 1 or is_refuted:
            contradictory.append(example.id)
        elif wanted:
            examples.append(dataclasses.replace(example, sql=(wanted[0],), source="review", line=None))
    return Corrections(examples, contradictory)
