"""Spider's verdicts as the official script gives them, quirks included.

The verdicts of `MATCHES` and `RUNS` were compared with the official script's when they were written; at the last of
`RUNS`, a prediction without a word, the script stops.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from sqltailor.errors import ConfigError, DataError, SQLError
from sqltailor.evaluate.compat import Sources, benchmark_called, spider_verdict, tables_beside
from sqltailor.evaluate.compat.raw_runs import Case
from sqltailor.evaluate.compat.spider_execution import as_run, same_denotation
from sqltailor.evaluate.compat.spider_match import groups_of, read_gold, spider_match
from sqltailor.evaluate.compat.spider_tokens import tokens
from sqltailor.evaluate.compat.spider_verdict import spider_verdicts
from sqltailor.types import Example

COLUMNS = {"boat": ["id", "name", "length", "value"], "trip": ["id", "boat_id", "day", "port"]}
GROUPS = {"trip.boat_id": "boat.id", "boat.id": "boat.id"}

TOKENS = [
    ("SELECT a FROM t", ["select", "a", "from", "t"]),
    ("a=1", ["a=1"]),
    ("a = 1", ["a", "=", "1"]),
    ("a >= 1 AND b < > 2 AND c ! = 3", ["a", ">=", "1", "and", "b", "<", ">", "2", "and", "c", "!=", "3"]),
    ("a,b , 1,2", ["a", ",", "b", ",", "1,2"]),
    ("b = 'It is' AND c = \"X\"", ["b", "=", '"It is"', "and", "c", "=", '"X"']),
    ("b='x'", ["b=__val_1__"]),
    ("count(*);", ["count", "(", "*", ")", ";"]),
    ("T1.a FROM t.", ["t1.a", "from", "t", "."]),
    ("cannot `x` --y", ["can", "not", "`", "x", "`", "--", "y"]),
]

MATCHES = [
    ("SELECT name FROM boat WHERE length > 9", "SELECT name FROM boat WHERE length > 1", True),
    ("SELECT name FROM boat WHERE length=9", "SELECT name FROM boat WHERE length = 1", False),
    ("SELECT name FROM boat WHERE name = 'it''s'", "SELECT name FROM boat WHERE name = 'x'", False),
    ("SELECT name FROM boat WHERE length = value", "SELECT name FROM boat WHERE length = 3", True),
    ("SELECT value FROM boat", "SELECT value FROM boat", False),  # it becomes SELECT 1 FROM boat
    ("SELECT name FROM boat b", "SELECT name FROM boat", False),
    ("SELECT name FROM boat AS b\tdb", "SELECT name FROM boat", True),
    (
        "SELECT T1.name FROM boat AS T1 JOIN trip AS T2",
        "SELECT name FROM boat AS x JOIN trip AS y ON x.id = y.day",
        True,
    ),
    ("SELECT T2.boat_id FROM boat AS T1 JOIN trip AS T2", "SELECT T1.id FROM boat AS T1 JOIN trip AS T2", True),
    ("SELECT name FROM boat GROUP BY name extra words", "SELECT name FROM boat GROUP BY name", True),
    ("SELECT name FROM boat LIMIT 1 OFFSET 5", "SELECT name FROM boat LIMIT 3", True),
    ("SELECT name FROM boat LIMIT", "SELECT name FROM boat LIMIT 3", False),
    ("SELECT name FROM boat WHERE length = id OR name = 'x'", "SELECT name FROM boat WHERE length = id", True),
    ("SELECT name FROM boat WHERE length = ( id )", "SELECT name FROM boat WHERE length = 2", False),
    ("SELECT name FROM boat WHERE length = 1 AND", "SELECT name FROM boat WHERE length = 1", False),
    ("SELECT name FROM boat WHERE length = 1 name = 'x'", "SELECT name FROM boat WHERE length = 1", False),
    ("SELECT name FROM boat ORDER BY length DESC", "SELECT name FROM boat ORDER BY length", False),
    ("SELECT name FROM boat ORDER BY", "SELECT name FROM boat", False),
    ("SELECT name FROM boat UNION SELECT port FROM trip", "SELECT port FROM trip UNION SELECT name FROM boat", False),
    ("SELECT avg(length) * id FROM boat", "SELECT id , avg(length) , * FROM boat", True),
    ("no SQL at all", "SELECT name FROM boat", False),
    ("SELECT name FROM boat WHERE name = 'x", "SELECT name FROM boat WHERE name = 'x'", False),
]


@pytest.mark.parametrize(("sql", "expected"), TOKENS)
def test_tokens(sql: str, expected: list[str]) -> None:
    assert tokens(sql) == expected


def test_a_quote_without_its_pair_is_refused() -> None:
    with pytest.raises(SQLError, match="pairs"):
        tokens("SELECT 'a")


@pytest.mark.parametrize(("predicted", "gold", "expected"), MATCHES)
def test_match(predicted: str, gold: str, expected: bool) -> None:
    read = read_gold(gold, COLUMNS, GROUPS)
    assert read is not None
    assert spider_match(predicted, read).is_match is expected


def test_a_gold_statement_outside_the_subset_has_no_verdict() -> None:
    assert read_gold("SELECT name FROM boat WHERE name IS NOT NULL AND EXISTS (SELECT 1)", COLUMNS, GROUPS) is None


def test_components_say_which_part_is_wrong() -> None:
    gold = read_gold("SELECT name FROM boat WHERE length > 1 ORDER BY length LIMIT 1", COLUMNS, GROUPS)
    assert gold is not None
    found = spider_match("SELECT max(name) FROM boat WHERE length < 1 ORDER BY length LIMIT 2", gold)
    assert [name for name, part in found.components.items() if not part.is_same] == ["select", "where"]
    assert found.hardness == "hard"
    unread = spider_match("?", gold).components
    assert (unread["where"].predicted, unread["where"].gold, unread["group"].is_same) == (0, 1, True)


def test_groups_of_columns_come_from_the_keys_of_tables_json() -> None:
    entry = {
        "table_names_original": ["Boat", "Trip"],
        "column_names_original": [[-1, "*"], [0, "Id"], [1, "Boat_Id"], [1, "Id"]],
        "foreign_keys": [[2, 1]],
    }
    assert groups_of(entry) == {"boat.id": "boat.id", "trip.boat_id": "boat.id"}


def test_statements_run_without_distinct_and_up_to_the_first_semicolon() -> None:
    assert as_run("SELECT DISTINCT a, 'DISTINCT' FROM t WHERE a > = 1; DROP TABLE t") == (
        "SELECT  a, 'DISTINCT' FROM t WHERE a >= 1;"
    )
    assert as_run("SELECT YEAR ( curdate() ) - 1") == "SELECT 2020- 1"


@pytest.mark.parametrize(
    ("gold", "predicted", "ordered", "expected"),
    [
        ([], [], True, True),
        ([(1,)], [], False, False),
        ([(1,), (1,)], [(1,)], False, False),
        ([(1,), (2,)], [(2,), (1,)], False, True),
        ([(1,), (2,)], [(2,), (1,)], True, False),
        ([(1, "a")], [("a", 1)], True, True),
        ([(1, 2), (2, 1)], [(2, 1), (1, 2)], True, True),
        ([(1,)], [(1.0,)], False, True),
        ([(1,)], [("1",)], False, False),
        ([(1, 1.5)], [(1.0, 1.5)], False, False),
        ([(0.1 + 0.2,)], [(0.3,)], False, False),
        ([(1, 2, 3, 4, 5)], [(5, 4, 3, 2, 1)], False, True),
        ([(1, 1, 2), (3, 3, 4)], [(2, 1, 1), (4, 3, 3)], False, True),
        ([(None, "a"), ("b", None)], [("a", None), (None, "b")], False, True),
    ],
)
def test_denotation(gold: list[tuple[object]], predicted: list[tuple[object]], ordered: bool, expected: bool) -> None:
    assert same_denotation(gold, predicted, ordered=ordered) is expected


SCRIPT = """
CREATE TABLE boat (id INTEGER PRIMARY KEY, name TEXT, length REAL);
INSERT INTO boat VALUES (1, 'Elsa', 9), (2, 'Ida', 9), (3, 'Elsa', 12.5);
CREATE TABLE trip (id INTEGER, boat_id INTEGER REFERENCES boat (id));
INSERT INTO trip VALUES (1, 1), (2, 3);
"""
RUNS = [
    ("SELECT name FROM boat", "SELECT name FROM boat WHERE length > 0", True),
    ("SELECT DISTINCT name FROM boat", "SELECT name FROM boat", True),
    ('SELECT id FROM boat WHERE name = "Ida"', "SELECT id FROM boat WHERE name = 'Ida'", True),
    ("SELECT id FROM boat WHERE id > 9", "SELECT id, name, length FROM boat WHERE id > 9", True),
    ("SELECT id FROM boat ORDER BY length", "SELECT id FROM boat ORDER BY length, id DESC", False),
    ("SELECT id FROM boat WHERE id IN (SELECT id FROM trip ORDER BY id)", "SELECT id FROM trip ORDER BY 1 DESC", False),
    ("SELECT count(*) FROM boat", "DELETE FROM boat", False),
    ("SELECT count(*) FROM boat", "SELECT count(*) FROM boat; DROP TABLE boat", True),
    ("SELECT count(*) FROM boat", "", False),
]


@pytest.fixture
def databases(tmp_path: Path) -> str:
    """A folder with one database, `sea`, and a second one for its test suite, which has another row."""
    home = tmp_path / "database" / "sea"
    home.mkdir(parents=True)
    for name, more in (("sea", ""), ("sea_2", "INSERT INTO boat VALUES (4, 'Zoe', -1);")):
        with closing(sqlite3.connect(home / f"{name}.sqlite")) as connection:
            connection.executescript(SCRIPT + more)
    return str(tmp_path / "database")


def case(gold: str, predicted: str, number: int = 0) -> Case:
    return Case(Example(str(number), (gold,), question="?", db_id="sea"), predicted)


def test_execution(databases: str) -> None:
    before = Path(databases, "sea", "sea.sqlite").read_bytes()
    cases = [case(gold, predicted) for gold, predicted, _ in RUNS]
    found = spider_verdicts(cases, databases)
    assert [scores["spider_execution"] for scores in found.scores] == [expected for _, _, expected in RUNS]
    assert Path(databases, "sea", "sea.sqlite").read_bytes() == before


def test_a_test_suite_runs_every_file_of_the_folder(databases: str) -> None:
    pair = case("SELECT name FROM boat", "SELECT name FROM boat WHERE length > 0")
    assert spider_verdicts([pair], databases).scores[0]["spider_execution"] == 1
    assert spider_verdicts([pair], databases, suite=True).scores[0]["test_suite"] == 0


def test_on_several_processes_the_verdicts_are_the_same(databases: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [case("SELECT name FROM boat", f"SELECT name FROM boat WHERE length > {i}") for i in range(12)]
    cases += [case("SELECT nobody FROM boat", "SELECT 1")]
    alone = spider_verdicts(cases, databases)
    monkeypatch.setattr(spider_verdict, "FEW", 0)
    monkeypatch.setattr(spider_verdict, "MOST_OF_A_UNIT", 2)
    assert spider_verdicts(cases, databases, workers=2) == alone


def test_a_gold_statement_that_fails_gives_no_verdict(databases: str) -> None:
    found = spider_verdicts([case("SELECT nobody FROM boat", "SELECT 1")], databases)
    assert found.scores == [{}]
    assert found.totals["unread_golds"] == 1


def test_text_that_is_not_utf8_loses_its_bytes(databases: str) -> None:
    with closing(sqlite3.connect(Path(databases, "sea", "sea.sqlite"))) as connection:
        connection.execute("INSERT INTO boat VALUES (7, CAST(x'41ff42' AS TEXT), 1)")
        connection.commit()
    pair = case("SELECT name FROM boat WHERE id = 7", "SELECT 'AB'")
    assert spider_verdicts([pair], databases).scores[0]["spider_execution"] == 1


def test_foreign_keys_come_from_the_database_without_tables_json(databases: str) -> None:
    joined = "FROM boat AS a JOIN trip AS b ON a.id = b.boat_id"
    pair = case(f"SELECT a.id {joined}", f"SELECT b.boat_id {joined}")
    assert spider_verdicts([pair], databases).scores[0] == {"spider_execution": 1, "spider_match": 1}


def test_totals_are_by_hardness(databases: str) -> None:
    pairs = [("SELECT name FROM boat", "SELECT name FROM boat"), ("SELECT id, name FROM boat", "SELECT name FROM boat")]
    found = spider_verdicts([case(*pair) for pair in pairs], databases)
    levels = found.totals["hardness"]
    assert [levels[level]["count"] for level in ("easy", "medium", "all")] == [1, 1, 2]
    assert levels["all"]["spider_match"] == 0.5
    assert levels["all"]["components"]["select"] == {"accuracy": 0.5, "recall": 0.5, "f1": 0.5}
    assert levels["all"]["components"]["where"]["f1"] == 1  # nobody has the part
    assert found.notes[0]["hardness"] == "easy"


def test_without_databases_there_is_only_the_match() -> None:
    ddl = "CREATE TABLE boat (id INT, name TEXT)"
    example = Example("1", ("SELECT name FROM boat",), question="?", schema=ddl)
    assert spider_verdicts([Case(example, "SELECT name FROM boat")], None).scores == [{"spider_match": 1.0}]
    with pytest.raises(DataError, match="--database DIR"):
        spider_verdicts([case("SELECT 1", "SELECT 1")], None)


def test_a_missing_database_is_named(databases: str) -> None:
    example = Example("1", ("SELECT 1",), question="?", db_id="land")
    with pytest.raises(DataError, match="no database 'land'"):
        spider_verdicts([Case(example, "SELECT 1")], databases)


@pytest.mark.parametrize("name", ["test-suite", "bird", "defog"])
def test_verdicts_that_run_need_databases(name: str) -> None:
    with pytest.raises(ConfigError, match="--database DIR"):
        benchmark_called(name)([], Sources())


def test_an_unknown_benchmark_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'spider'"):
        benchmark_called("spidr")


def test_tables_beside(tmp_path: Path) -> None:
    (tmp_path / "tables.json").write_text("[]")
    assert tables_beside([tmp_path / "dev.json"]) == tmp_path / "tables.json"
    assert tables_beside(["elsewhere/dev.json"]) is None


def test_together_cases_have_the_verdicts_that_they_have_alone(databases: str, monkeypatch: pytest.MonkeyPatch) -> None:
    golds = [
        "SELECT name FROM boat",
        "SELECT id FROM boat",
        "SELECT nobody FROM boat",
        "SELECT id FROM boat ORDER BY id",
    ]
    answers = [*golds, "SELECT id FROM boat ORDER BY id DESC", "SELECT id FROM boat LIMIT 2", "SELECT x", "SELECT 1.0"]
    cases: Sequence[Case] = [case(gold, answer) for _ in range(2) for gold in golds for answer in answers]
    together = spider_verdicts(cases, databases, suite=True)
    monkeypatch.setattr(spider_verdict, "MOST_OF_A_UNIT", 1)
    assert spider_verdicts(cases, databases, suite=True) == together
    assert {scores.get("test_suite") for scores in together.scores} == {None, 0.0, 1.0}


def test_other_databases_have_no_spider_verdict(tmp_path: Path) -> None:
    file = tmp_path / "boats.duckdb"
    file.touch()
    with pytest.raises(DataError, match="is no SQLite file"):
        spider_verdicts([case("SELECT 1", "SELECT 1")], str(file))
