"""A question is declined without the model only where none of its words is known; doubt is left to the model."""

from __future__ import annotations

import pytest

from sqltailor.prompt.about import Subject
from sqltailor.types import Column, Schema, Table

SHOP = Schema(
    (
        Table(
            "cust", (Column("cid"), Column("first_name"), Column("city", comment="where they get their post")), "main"
        ),
        Table("OrderLines", (Column("qty"), Column("week"), Column("colour", samples=("scarlet",)))),
        Table("classroom", (Column("id"),), comment="rented for courses"),
    )
)
SUBJECT = Subject(SHOP, {"VIP": "seg = 'V'", "churned": "bought nothing lately"}, ["Which helmets are in stock?"])


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("what will the weather be?", ["weather"]),
        ("What will the weather be in Paris tomorrow?", ["weather"]),
        ("Tell me a joke", ["joke"]),
        ("how do I bake a cake?", ["bake", "cake"]),
        ("Weather for tomorrow and the week-end?", []),  # `week` is a column
    ],
)
def test_a_question_about_something_else(question: str, words: list[str]) -> None:
    assert SUBJECT.strange(question) == words


@pytest.mark.parametrize(
    "question",
    [
        "How many customers are there?",  # spelt out
        "how many clients do we have?",  # another word for it
        "How many order lines have three pieces?",
        "what is the biggest quantity?",
        "who gets post from us?",  # a comment
        "how many scarlet ones are there?",  # a sample
        "show me everything that is rented",
        "how many vips are there?",  # the glossary
        "who has churned?",
        "are there any helmets?",  # a known question
        "which rooms are there?",  # part of a name
        "what first names are there?",  # a name of plain words
        "what is the most in any week?",
        "How many are there?",
        "Show all",
        "Who is Kyle?",  # a name may be stored
        "What do we sell the most?",  # any database may have that
        "Which people live here?",
        "wie viele Kunden gibt es?",  # not English
        "quel temps fait-il ?",
        "price",
        "",
        "???",
    ],
)
def test_what_may_be_about_the_database_is_left_to_the_model(question: str) -> None:
    assert SUBJECT.strange(question) == []


def test_names_that_every_table_has_say_nothing() -> None:
    subject = Subject(Schema((Table("t1", (Column("id"), Column("name"), Column("date"))),)), {})
    assert subject.strange("what is the name of the next eclipse?") == ["eclipse"]
