"""Linking: the tables that a question needs, out of a schema too large for a prompt."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sqltailor.errors import DataError
from sqltailor.project import Project
from sqltailor.prompt.linking import SchemaLinker
from sqltailor.prompt.text import compact_schema
from sqltailor.recipe import load_recipe
from sqltailor.sql.schema import from_ddl
from sqltailor.types import Example, Schema

ROOM = 120
DDL = """
CREATE TABLE author (author_id INTEGER PRIMARY KEY, full_name TEXT, born DATE);
CREATE TABLE author_book (author_id INTEGER REFERENCES author (author_id), book_id INTEGER REFERENCES book (book_id));
CREATE TABLE book (book_id INTEGER PRIMARY KEY, title TEXT, pages INTEGER, genre TEXT);
CREATE TABLE loan (loan_id INTEGER PRIMARY KEY, book_id INTEGER REFERENCES book (book_id), taken DATE);
CREATE TABLE wide (wide_id INTEGER PRIMARY KEY, {wide});
"""
OTHERS = "\n".join(
    f"CREATE TABLE archive_{i} (archive_{i}_id INTEGER PRIMARY KEY, note_{i} TEXT, amount_{i} REAL);" for i in range(60)
)
SCHEMA = from_ddl(DDL.format(wide=", ".join(f"reading_{i} REAL" for i in range(80))) + OTHERS, "sqlite")


def size(schema: Schema) -> int:
    return -(-len(compact_schema(schema)) // 3)


def shown(question: str, room: int = ROOM) -> dict[str, list[str]]:
    found = SchemaLinker(SCHEMA).link(question, room, size)
    assert size(found) <= room
    return {table.name: [column.name for column in table.columns] for table in found.tables}


def test_tables_are_found_by_their_words_and_joined() -> None:
    assert {"author", "author_book", "book"} <= shown("Which authors wrote a book of more than 300 pages?").keys()
    assert "loan" in shown("How many loans were taken in May?")


def test_a_table_that_is_too_wide_comes_with_what_is_named() -> None:
    wide = shown("What is the mean of reading 7 in wide?")["wide"]
    assert wide[0] == "wide_id"
    assert "reading_7" in wide
    assert len(wide) < 81 or size(SCHEMA) < ROOM


def test_a_question_without_a_known_word_still_shows_something() -> None:
    assert shown("zzz")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("big.db")) as connection:
        connection.executescript(DDL.format(wide=", ".join(f"reading_{i} REAL" for i in range(80))) + OTHERS)
        connection.execute("INSERT INTO book VALUES (1, 'Winter in Oslo', 320, 'Thriller')")
        connection.commit()
    with Project(load_recipe(None, ["database.url=sqlite:///big.db", "prompt.max_schema_tokens=160"]).recipe) as opened:
        yield opened


def asked(project: Project, question: str, *words: str) -> str:
    recipe = load_recipe(None, ["database.url=sqlite:///big.db", *words]).recipe
    with Project(recipe) as other:
        prompt = (other if words else project).prompts("m", None)(Example(question=question), project.schema)
    assert prompt.schema == project.schema  # what may be named, and what constrains an answer
    return prompt.messages[0].content


def test_what_does_not_fit_the_model_is_linked_without_being_told_to(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    def system(context: int | None, *words: str) -> str:
        with Project(load_recipe(None, ["database.url=sqlite:///big.db", *words]).recipe) as other:
            build = other.prompts("m", None, context=context)
            for question in ("How many loans were taken?", "How many thrillers are there?"):
                prompt = build(Example(question=question), other.schema)
            return prompt.messages[0].content

    assert "archive_40" in system(None)
    assert "archive_40" in system(1_000_000)
    assert caplog.text == ""
    linked = system(1024)
    assert "CREATE TABLE book" in linked
    assert "archive_40" not in linked
    assert caplog.text.count("each question is shown the tables that it needs") == 1
    assert "archive_40" in system(1024, "prompt.show=full")


def test_a_prompt_shows_the_linked_part_of_what_does_not_fit(project: Project) -> None:
    system = asked(project, "How many thrillers are there?")
    assert "CREATE TABLE book" in system  # by a stored value
    assert "archive_40" not in system
    assert "archive_40" in asked(project, "Thrillers?", "prompt.max_schema_tokens=100000")
    assert "archive_40" not in asked(project, "Thrillers?", "prompt.show=linked", "prompt.max_schema_tokens=160")
    assert "CREATE" not in asked(project, "Thrillers?", "prompt.show=none")
    with pytest.raises(DataError, match="65 tables"):
        asked(project, "Thrillers?", "prompt.show=full", "prompt.max_schema_tokens=160")
