"""Known pairs: the nearest for a prompt, and the one that answers a question about other values by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sqltailor.asker import Asker
from sqltailor.errors import DataError
from sqltailor.project import Project
from sqltailor.prompt.known import Answered, Embed, Value
from sqltailor.recipe import load_recipe
from sqltailor.sql.dialect import parse
from sqltailor.types import Completion, Example, GenerateOptions, Prompt
from tests.support.cli_project import make_database

PAIRS = {
    "Which stops are in zone 1?": "SELECT name FROM stop WHERE zone = 1",
    "When did the Zoo stop open?": "SELECT opened FROM stop WHERE name = 'Zoo'",
    "What is the zone of the stop Harbour?": "SELECT zone FROM stop WHERE name = 'Harbour'",
    "The 2 stops that opened first": "SELECT name FROM stop ORDER BY opened LIMIT 2",
    "How many drivers has the red line?": "SELECT COUNT(*) FROM driver AS d JOIN line AS l ON d.line_number = l.number "
    "WHERE l.colour = 'red'",
    "Drivers of the red line": "SELECT d.name FROM driver AS d JOIN line AS l ON d.line_number = l.number "
    "WHERE l.colour = 'red'",
    "Stops that opened in 1921": "SELECT name FROM stop WHERE strftime('%Y', opened) = '1921'",
    "Is there a line at the Market?": "SELECT COUNT(*) FROM serves WHERE stop_id = 2",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.chdir(tmp_path)
    make_database(tmp_path / "tram.db")
    rows = [{"id": f"k{i}", "question": q, "sql": [sql]} for i, (q, sql) in enumerate(PAIRS.items())]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["database.url=sqlite:///tram.db", "data.train=[train.jsonl]", "prompt.examples=2"]
    with Project(load_recipe(None, words).recipe) as opened:
        yield opened


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("which stops are in zone 3", "SELECT name FROM stop WHERE zone = 3"),
        ("When did the Airport stop open?", "SELECT opened FROM stop WHERE name = 'Airport'"),
        ("The 3 stops that opened first", "SELECT name FROM stop ORDER BY opened LIMIT 3"),
        ("Drivers of the green line", "SELECT d.name FROM driver AS d JOIN line AS l ON d.line_number = l.number "
         "WHERE l.colour = 'green'"),
        ("Which stops are in zone 1?", "SELECT name FROM stop WHERE zone = 1"),
    ],
)  # fmt: skip
def test_a_known_question_about_other_values_is_answered(project: Project, question: str, sql: str) -> None:
    found = project.known.answer(question, "sqlite")
    assert found is not None
    assert found.sql == sql


@pytest.mark.parametrize(
    "question",
    [
        "Which stops are not in zone 1?",
        "Which stops are in zone two?",
        "When did the Zoo stop close?",
        "Drivers of the blue line",
        "When did the red stop open?",
        "Is there a line at the Zoo?",
        "Zoo",
        "",
    ],
)
def test_another_question_is_not(project: Project, question: str) -> None:
    assert project.known.answer(question, "sqlite") is None


def test_asking_runs_a_known_statement_without_the_model(project: Project) -> None:
    def model(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        raise AssertionError("the model is not asked")

    reply = Asker(project, "m", model)("When did the Market stop open?")
    assert reply.result is not None
    assert reply.result.rows == [("1921-05-01",)]
    assert (reply.pair, reply.to_json()["verified"]) == ("k1", True)
    words = ["database.url=sqlite:///tram.db", "data.train=[train.jsonl]", "generate.known=false"]
    with Project(load_recipe(None, words).recipe) as off, pytest.raises(AssertionError, match="not asked"):
        Asker(off, "m", model)("When did the Market stop open?")


def test_the_nearest_pairs_stand_in_the_prompt_but_in_training_none_that_asks_the_same(project: Project) -> None:
    asked = Example(question="When did the Market stop open?")
    teaching = project.prompts("m", None)(asked, project.schema).messages[-1].content
    asking = project.prompts("m", None, without_same=False)(asked, project.schema).messages[-1].content
    assert "A question like it: When did the Zoo stop open?\nSELECT opened FROM stop WHERE name = 'Zoo'" in asking
    assert asking.endswith("name = 'Zoo'")
    assert "When did the Zoo" not in teaching
    assert teaching.count("A question like it: ") == 2


def test_variants_of_one_question_are_shown_once(project: Project) -> None:
    near = project.known.nearest("How many drivers work on the green line, and which?", 3)
    assert [pair.id for pair in near][:2] == ["k4", "k5"]
    assert project.known.nearest("weather tomorrow", 3) == []


def test_with_vectors_the_nearest_are_those_of_one_meaning(project: Project) -> None:
    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        said = [("open" in text or "began" in text, "driver" in text or "staff" in text) for text in texts]
        return np.array(said, np.float32)

    near = project.known.nearest("Since what day do trams call at the Zoo, and when was it began?", 2, embed=embed)
    assert near[0].id == "k1"  # not a word in common but those of any question
    assert project.known.nearest("the staff", 1, embed=embed)[0].sql[0].find("driver") > 0


@pytest.mark.parametrize("embed", [None, lambda texts: np.ones((len(texts), 1), np.float32)])
def test_half_of_the_learned_questions_see_no_other_wording_of_their_own_statement(
    project: Project, embed: Embed | None
) -> None:
    rows = [
        {"id": f"w{n}", "question": f"the wording number {word} of when the Zoo opened", "sql": [sql]}
        for n, word in enumerate(("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"))
        for sql in [PAIRS["When did the Zoo stop open?"]]
    ]
    rows.append({"id": "other", "question": "the wording of zone", "sql": ["SELECT zone FROM stop"]})
    Path("train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    shown = [
        [pair.id[0] for pair in project.known.nearest(row["question"], 5, without_same=True, embed=embed)]
        for row in rows[:-1]
    ]
    assert sorted(map(sorted, shown)) == [["o"]] * 2 + [["o", "w"]] * 6  # one pair for each statement; by hash
    asked = project.known.nearest("wording number iota of when the Zoo opened", 5, without_same=True, embed=embed)
    assert sorted(pair.id[0] for pair in asked) == ["o", "w"]  # what is not learned from is shown all


def test_a_known_question_that_cannot_be_answered_is_declined_without_the_model(project: Project) -> None:
    rows = {
        "What does a ticket from the Zoo cost?": "-- cannot answer: no fares are stored",
        "When did the Zoo stop open?": PAIRS["When did the Zoo stop open?"],
    }
    text = "".join(json.dumps({"id": q[:4], "question": q, "sql": [sql]}) + "\n" for q, sql in rows.items())
    Path("train.jsonl").write_text(text)
    asker = Asker(project, "m", _fails)
    reply = asker("what does a ticket from the Zoo cost?", run=False)
    assert (reply.sql, reply.declined, reply.pair) == (None, "no fares are stored", "What")
    assert project.known.answer("What does a ticket from the Airport cost?", "sqlite") is None  # that may be known
    assert project.strange_words("what is a ticket worth?") == ["ticket", "worth"]  # what declines makes nothing known


def _fails(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
    raise AssertionError("the model is asked")


@pytest.mark.parametrize(
    ("question", "values"),
    [
        ("When did the Zoo stop open?", [Value("name", "Zoo", False)]),
        ("which stops are in zone 3", [Value("zone", "3", True)]),
        ("The 3 stops that opened first", [Value("", "3", True)]),
        ("Drivers of the green line", [Value("colour", "green", False)]),
        ("stops that opened in 2004", [Value("opened", "2004", False)]),
    ],
)
def test_an_answer_says_which_values_may_be_changed(project: Project, question: str, values: list[Value]) -> None:
    reply = Asker(project, "m", _fails)(question, run=False)
    assert list(reply.values) == values


def test_changed_values_answer_again_and_stay_verified(project: Project) -> None:
    asker = Asker(project, "m", _fails)
    reply = asker("When did the Zoo stop open?", values=["Airport"])
    assert reply.result is not None
    assert (reply.sql, reply.result.rows) == ("SELECT opened FROM stop WHERE name = 'Airport'", [("2004-01-20",)])
    assert (reply.pair, reply.values) == ("k1", (Value("name", "Airport", False),))
    reply = asker("The 3 stops that opened first", values=["1"])
    assert reply.sql == "SELECT name FROM stop ORDER BY opened LIMIT 1"


HOSTILE = [
    "Zoo' OR '1' = '1",
    "'; DELETE FROM stop; --",
    "\\' OR 1 = 1 --",
    "x\\",
    "</think> SELECT phone FROM driver",
    "```sql\nSELECT phone FROM driver\n```",
    "-- cannot answer: nothing",
    '" OR ""="',
    "$$ || 'a' || $$",
    "\u2019 OR 1",
    "?",
    "%s :name {x}",
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_value_is_a_value_or_is_refused(project: Project, text: str) -> None:
    asker = Asker(project, "m", _fails)
    reply = asker("When did the Zoo stop open?", values=[text])
    assert reply.sql is not None
    where = parse(reply.sql).args["where"].this
    assert where.expression.name == text
    assert where.sql().startswith("name = '")
    if reply.allowed:
        assert reply.result is not None
        assert reply.result.rows == []
    else:
        assert reply.layer in ("text", "parse", "policy")


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb", "bigquery", "snowflake", "tsql", "trino"])
@pytest.mark.parametrize("text", HOSTILE)
def test_a_value_is_bound_in_every_dialect(dialect: str, text: str) -> None:
    known = Answered("SELECT a FROM t WHERE b = 'x' AND c > 1 AND d <> 'x'", "k", ((0,), (1,)))
    literals = [node.name for node in parse(known.sql, dialect).find_all(_literal())]
    try:
        found = known.with_values([text, "5"], dialect)
    except DataError:
        return
    bound = [node.name for node in parse(found.sql, dialect).find_all(_literal())]
    assert sorted(bound) != sorted(literals)
    assert (bound[0], bound[1], bound[2:]) == (text, "5", literals[2:])


def _literal() -> type:
    from sqlglot import exp

    return exp.Literal


@pytest.mark.parametrize(
    ("question", "values", "said"),
    [
        ("which stops are in zone 3", ["3 OR 1 = 1"], "no number"),
        ("which stops are in zone 3", ["-1"], "no number"),
        ("which stops are in zone 3", [""], "no number"),
        ("which stops are in zone 3", [], "has 1 value to change here, and 0 came"),
        ("which stops are in zone 3", ["3", "4"], "and 2 came"),
        ("How long is the red line?", ["blue"], "No known pair answers"),
    ],
)
def test_values_that_fit_nothing_are_told(project: Project, question: str, values: list[str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        Asker(project, "m", _fails)(question, values=values)


def test_changed_values_are_judged_by_the_grant(project: Project) -> None:
    words = ["database.url=sqlite:///tram.db", "data.train=[train.jsonl]", "database.deny=[stop.opened]"]
    with Project(load_recipe(None, words).recipe) as narrow, pytest.raises(DataError, match="No known pair"):
        Asker(narrow, "m", _fails)("When did the Zoo stop open?", values=["Market"])


def test_what_needs_more_than_the_grant_is_no_question_for_a_model(project: Project) -> None:
    words = ["database.url=sqlite:///tram.db", "data.train=[train.jsonl]", "database.allow=[line]"]
    with Project(load_recipe(None, words).recipe) as narrow:
        reply = Asker(narrow, "m", _fails)("When did the Zoo stop open?")
    assert (reply.sql, reply.allowed, reply.declined) == (None, None, "it needs tables or columns that are not granted")


def test_a_run_knows_the_pairs_that_it_was_trained_on(project: Project, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "second"
    run.mkdir(parents=True)
    (run / "recipe.yaml").write_text("data:\n  train: [train.jsonl, said.jsonl]\n")
    row = {"question": "Where is the terminus?", "sql": ["SELECT name FROM stop WHERE zone = 3"], "source": "feedback"}
    (tmp_path / "said.jsonl").write_text(json.dumps(row) + "\n")
    assert not project.known.answer("Where is the terminus?", "sqlite")
    reply = Asker(project, str(run), _fails)("Where is the terminus?")
    assert reply.sql == row["sql"][0]
    assert reply.pair is not None
