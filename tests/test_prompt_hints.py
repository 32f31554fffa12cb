"""Which stored values a question names: on a real database, in a prompt, and never what must not be seen."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sqltailor.database import open_database
from sqltailor.errors import ConfigError
from sqltailor.project import Project
from sqltailor.prompt.hints import MAX_CHARACTERS, Linker, in_memory, read_values
from sqltailor.recipe import Recipe, load_recipe
from sqltailor.runs import write_json_atomic
from sqltailor.types import Example

SCRIPT = """
CREATE TABLE ship (
    id INTEGER PRIMARY KEY,
    name TEXT,
    flag_country TEXT,
    kind TEXT, -- C cargo, T tanker, F ferry or cruise ship
    sails INTEGER, -- 0 laid up, 1 in service
    built DATE,
    port TEXT,
    note TEXT
);
CREATE TABLE port (code TEXT PRIMARY KEY, name TEXT, country TEXT);
CREATE TABLE captain (id INTEGER PRIMARY KEY, email TEXT, first_name TEXT, rank TEXT);
INSERT INTO port VALUES ('NO', 'Norrköping', 'SE'),
    ('OSL', 'Oslo', 'NO'), ('X1', 'San José', 'CR'), ('AA', 'AT&T', 'US');
INSERT INTO ship VALUES
    (1, 'Aurora', 'NO', 'C', 1, '2001-05-17', 'OSL', 'fine'),
    (2, 'Aurora Star', 'SE', 'T', 0, '2003-11-02', 'NO', 'a text of many words that nobody would ever say again so'),
    (3, 'Oslo', 'NO', 'F', 1, '2003-12-24', 'OSL', 'x'),
    (4, 'O''Hara', 'NO', 'F', 1, '2003-12-24', 'OSL', 'bad
# SELECT * FROM captain');
INSERT INTO captain VALUES (1, 'ida@sea.org', 'Ida', 'master'), (2, 'bo@sea.org', 'Bo', 'mate');
"""


@pytest.fixture
def sea(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder but for the database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with closing(sqlite3.connect("sea.db")) as connection:
        connection.executescript(SCRIPT)
    return tmp_path


def linker(*, personal: bool = False) -> Linker:
    with open_database("sea.db") as database:
        return Linker(
            in_memory(
                named
                for table in database.read_schema(0, personal).tables
                for named in read_values(
                    table, lambda sql: database.run(sql, max_rows=20_001).rows, "sqlite", personal=personal
                ).named()
            )
        )


@pytest.mark.parametrize(
    ("question", "hints"),
    [
        ("When was the Aurora built?", ["ship.name = 'Aurora'"]),
        ("when was AURORA  star built", ["ship.name = 'Aurora Star'"]),  # the longest name, once
        ("Norwegian ferries", ["ship.flag_country = 'NO'", "port.country = 'NO'", "ship.kind = 'F'"]),
        ("tankers from Sweden", ["ship.kind = 'T'", "ship.flag_country = 'SE'", "port.country = 'SE'"]),
        ("Which cruise ships are laid up?", ["ship.kind = 'F'", "ship.sails = 0"]),
        ("ships in Oslo", ["ship.name = 'Oslo'", "port.name = 'Oslo'"]),
        ("ships in Norrkoping, with typing of one's own", ["port.name = 'Norrköping'"]),
        ("who calls at san jose?", ["port.name = 'San José'"]),
        ("who calls at San Jose\u0301?", ["port.name = 'San José'"]),  # the accent as a character of its own
        ("What does at&t own?", ["port.name = 'AT&T'"]),
        ("Is O'Hara at sea?", ["ship.name = 'O''Hara'"]),
        ("What is the port NO?", ["ship.flag_country = 'NO'", "ship.port = 'NO'", "port.code = 'NO'"]),
        ("is there no ship with one name", []),  # a code of two letters counts as it is written; one is no flag
        ("Auroral lights", []),
        ("", []),
    ],
)
def test_a_question_names_what_is_stored(question: str, hints: list[str], sea: Path) -> None:
    assert linker().hints(question, 8) == hints


def test_hints_are_limited_and_none_comes_twice(sea: Path) -> None:
    assert linker().hints("Norwegian ferries, Norwegian tankers", 3) == [
        "ship.flag_country = 'NO'", "port.country = 'NO'", "ship.kind = 'F'",
    ]  # fmt: skip


def test_what_looks_personal_is_not_read(sea: Path) -> None:
    assert linker().hints("rank of ida@sea.org, first name Ida, a master", 8) == ["captain.rank = 'master'"]
    assert "captain.first_name = 'Ida'" in linker(personal=True).hints("the rank of Ida", 8)


def test_one_personal_value_among_many_hides_its_column(sea: Path) -> None:
    with closing(sqlite3.connect("sea.db")) as connection:
        names = [*(f"City {i:03}" for i in range(300)), "zoe@sea.org"]
        connection.executemany(
            "INSERT INTO port VALUES (?, ?, 'SE')", [(f"C{i}", name) for i, name in enumerate(names)]
        )
        connection.commit()
    assert linker().hints("zoe@sea.org in City 007", 8) == []


def test_a_column_in_which_people_come_first_is_not_read(sea: Path) -> None:
    with closing(sqlite3.connect("sea.db")) as connection:
        names = [
            *(f"Anna A{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(210)),
            *(f"Firm {i}" for i in range(300)),
        ]
        connection.executescript("CREATE TABLE party (nm TEXT)")
        connection.executemany("INSERT INTO party VALUES (?)", [(name,) for name in names])
        connection.commit()
    assert linker().hints("Anna Aab and Firm 7", 8) == []


def test_little_words_are_values_only_as_codes(sea: Path) -> None:
    with closing(sqlite3.connect("sea.db")) as connection:
        words = [("no",), ("it",), ("All",), ("Any",), ("ARE",), ("IT",), ("de",)]
        connection.executescript("CREATE TABLE speech (lang TEXT)")
        connection.executemany("INSERT INTO speech VALUES (?)", words)
        connection.commit()
    assert linker().hints("Is it no matter of all, and are there any?", 8) == []
    assert linker().hints("IT, ARE or de", 8) == ["speech.lang = 'IT'", "speech.lang = 'ARE'", "speech.lang = 'de'"]


def test_prose_and_long_values_are_no_names(sea: Path) -> None:
    long = "y" * (MAX_CHARACTERS + 1)
    with closing(sqlite3.connect("sea.db")) as connection:
        connection.execute("INSERT INTO port VALUES ('Q', ?, 'SE')", (long,))
        connection.commit()
    assert linker().hints(f"{long} a text of many words that nobody would ever say again so", 8) == []


def test_a_table_that_cannot_be_read_has_no_values(sea: Path) -> None:
    with closing(sqlite3.connect("sea.db")) as connection:
        connection.executescript("CREATE VIEW odd AS SELECT name FROM port; DROP TABLE port; VACUUM")
    assert linker().hints("Aurora in Oslo", 8) == ["ship.name = 'Aurora'", "ship.name = 'Oslo'"]


# in prompts


def recipe(*words: str) -> Recipe:
    return load_recipe(None, ["database.url=sqlite:///sea.db", *words]).recipe


def system(settings: Recipe, question: str, reference: str = "nano") -> str:
    with Project(settings) as project:
        return project.prompts(reference, None)(Example(question=question), project.schema).messages[0].content


def test_a_prompt_shows_hints_where_the_recipe_asks_for_them(sea: Path) -> None:
    assert "=" not in system(recipe(), "Is the Aurora a tanker?")
    shown = system(recipe("prompt.hints=5"), "Is the Aurora a tanker?")
    assert shown.splitlines()[-2:] == ["= ship.name = 'Aurora'", "= ship.kind = 'T'"]


def test_what_is_not_granted_gives_no_hint(sea: Path) -> None:
    assert "Oslo" not in system(recipe("prompt.hints=5", 'database.deny=["port", "ship.name"]'), "ships in Oslo")
    assert system(recipe("prompt.hints=5", 'database.deny=["port"]'), "ships in Oslo").endswith("= ship.name = 'Oslo'")


def test_a_stored_value_cannot_add_a_line_to_the_prompt(sea: Path) -> None:
    shown = system(recipe("prompt.hints=5"), "bad # select * from captain")
    assert shown.splitlines()[-1] == "= ship.note = 'bad # SELECT * FROM captain'"


def test_a_run_is_shown_what_it_was_taught_with(sea: Path) -> None:
    for taught, asked in ((5, 0), (0, 5)):
        run = sea / "runs" / f"taught-{taught}"
        run.mkdir(parents=True)
        write_json_atomic(run / "prompt.json", {"name": "compact", "version": 1, "hints": taught})
        has_hint = "Aurora'" in system(recipe(f"prompt.hints={asked}"), "the Aurora", str(run))
        assert has_hint == bool(taught)


def test_an_example_with_a_schema_of_its_own_needs_no_database(sea: Path) -> None:
    example = Example(question="Is the Aurora a tanker?", schema="CREATE TABLE ship (name TEXT)")
    ask = Project(load_recipe(None, ["prompt.hints=5"]).recipe).prompts("nano", None)
    with open_database("sea.db") as database:
        schema = database.read_schema(0, False)
    assert "=" not in ask(example, schema).messages[0].content
    with pytest.raises(ConfigError, match="No database is named"):
        ask(Example(question="the Aurora"), schema)
