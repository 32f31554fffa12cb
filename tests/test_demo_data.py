"""The sample database and its questions: every gold query runs, and every part of it matters to the answer."""

from __future__ import annotations

import itertools
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from sqlglot import exp

from sqltailor.data.examples import load_examples
from sqltailor.data.facts import jaccard, normalise, shingles
from sqltailor.demo import database
from sqltailor.demo.database import build_database
from sqltailor.prompt.text import compact_schema, used_terms
from sqltailor.sql.dialect import shape
from sqltailor.sql.schema import from_ddl
from sqltailor.types import Example

QUESTIONS = Path(database.__file__).parent / "questions"
FILES = ("train", "new_wordings", "new_shapes")
ALL = (*FILES, "specs")

# Changes that cannot show in the data, each with the reason: (question id, part that may be dropped).
INDISTINCT: dict[tuple[str, str], str] = {}


@pytest.fixture(scope="module")
def shop_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "shop.db"
    build_database(path)
    return path


@pytest.fixture(scope="module")
def shop(shop_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(shop_path)
    yield connection
    connection.close()


def tables(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


def test_database_has_twelve_tables_and_fifty_thousand_rows(shop: sqlite3.Connection) -> None:
    assert len(tables(shop)) == 12
    counts = {t: shop.execute(f"SELECT COUNT(*) FROM {t}").fetchone()[0] for t in tables(shop)}
    assert sum(counts.values()) >= 50_000
    assert min(counts.values()) >= 18


def test_foreign_keys_hold(shop: sqlite3.Connection) -> None:
    assert shop.execute("PRAGMA foreign_key_check").fetchall() == []


def test_amounts_are_whole_quarters(shop: sqlite3.Connection) -> None:
    amounts = (("item", "price"), ("src", "cost"), ("ordln", "price"), ("dlv", "fee"), ("staff", "pay"))
    for table, column in amounts:
        odd = f"SELECT COUNT(*) FROM {table} WHERE {column} * 4 <> CAST({column} * 4 AS INTEGER)"
        assert shop.execute(odd).fetchone() == (0,), table


def test_same_seed_gives_the_same_bytes_and_another_seed_other_rows(shop_path: Path, tmp_path: Path) -> None:
    build_database(tmp_path / "again.db")
    assert (tmp_path / "again.db").read_bytes() == shop_path.read_bytes()
    build_database(tmp_path / "again.db", seed=1)
    assert (tmp_path / "again.db").read_bytes() != shop_path.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["again.db"]


def test_failed_build_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.db").write_text("old")
    monkeypatch.setattr("sqltailor.demo.database._make_tables", lambda rng: {"cust": [("too", "few")]})
    with pytest.raises(sqlite3.OperationalError):
        build_database(tmp_path / "shop.db")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("shop.db", "old")]


def rows(connection: sqlite3.Connection, sql: str) -> Counter[tuple[Any, ...]]:
    return Counter(connection.execute(sql).fetchall())


def examples(name: str) -> list[Example]:
    return load_examples((QUESTIONS.parent if name == "specs" else QUESTIONS) / f"{name}.jsonl")


def every_example() -> list[Example]:
    return [example for name in FILES for example in examples(name)]


def test_ids_and_questions_are_unique() -> None:
    assert len({json.dumps(example.spec, sort_keys=True) for example in examples("specs")}) == 100
    ids = Counter(example.id for example in every_example())
    texts = Counter(re.sub(r"\W+", " ", (example.question or "").lower()).strip() for example in every_example())
    assert {key: n for key, n in (ids | texts).items() if n > 1} == {}


def test_compact_schema_fits_a_small_prompt() -> None:
    schema = from_ddl(database.DDL.read_text(encoding="utf-8"))
    pieces = re.findall(r"[a-z]+|[^a-z ]", compact_schema(schema))
    assert 55 <= sum(len(table.columns) for table in schema.tables) <= 65
    assert len(pieces) <= 300


def test_sizes_of_the_question_sets() -> None:
    assert [len(examples(name)) for name in FILES] == [160, 100, 100]


def test_most_questions_name_no_column() -> None:
    schema = from_ddl(database.DDL.read_text(encoding="utf-8"))
    columns = {column.name for table in schema.tables for column in table.columns}
    questions = [set(re.findall(r"\w+", (example.question or "").lower())) for example in every_example()]
    assert sum(1 for words in questions if words & columns) < len(questions) / 2


def test_every_glossary_term_is_used_in_train() -> None:
    glossary = yaml.safe_load((QUESTIONS.parent / "glossary.yaml").read_text(encoding="utf-8"))
    used = {term for example in examples("train") for term in used_terms(example.question or "", glossary)}
    assert 20 <= len(glossary) <= 30
    assert {term for term in glossary if term not in used} == set()
    assert all(isinstance(meaning, str) for meaning in glossary.values())


@pytest.mark.parametrize("name", ALL)
def test_gold_answers_something(name: str, shop: sqlite3.Connection) -> None:
    for example in examples(name):
        assert (example.db_id, example.dialect) == ("shop", "sqlite")
        answers = [rows(shop, sql) for sql in example.sql]
        assert all(answer == answers[0] for answer in answers), example.id
        assert any(cell not in (None, 0) for row in answers[0] for cell in row), example.id
        assert answers[0].total() <= 500, example.id


@pytest.mark.parametrize("name", ALL)
def test_every_part_of_gold_matters(name: str, shop: sqlite3.Connection) -> None:
    idle = {}
    for example in examples(name):
        answer = rows(shop, example.sql[0])
        for part, changed in near_misses(example.sql[0]):
            if (example.id, part) not in INDISTINCT and rows(shop, changed) == answer:
                idle[example.id, part] = changed
    assert idle == {}


@pytest.mark.parametrize("name", ALL)
def test_no_tie_at_the_cut(name: str, shop: sqlite3.Connection) -> None:
    for example in examples(name):
        tree = sqlglot.parse_one(example.sql[0], read="sqlite")
        if tree.args.get("limit") is None:
            continue
        keys = tree.args["order"].expressions
        assert len(keys) > 1 or name == "specs", f"{example.id}: no tie-breaker"
        last = [exp.Literal.number(place + 1) for place in range(len(tree.selects))]
        up, down = tree.copy(), tree.copy()
        for copy, descending in ((up, False), (down, True)):
            ties = [exp.Ordered(this=key.copy(), desc=descending) for key in last]
            copy.args["order"].set("expressions", [*copy.args["order"].expressions[: max(1, len(keys) - 1)], *ties])
        assert rows(shop, up.sql("sqlite")) == rows(shop, down.sql("sqlite")), example.id


def test_new_wordings_have_shapes_of_train_and_new_shapes_do_not() -> None:
    known = {shape(sql) for example in examples("train") for sql in example.sql}
    assert [e.id for e in examples("new_wordings") if shape(e.sql[0]) not in known] == []
    assert [e.id for e in examples("new_shapes") if known & {shape(sql) for sql in e.sql}] == []


def test_rewordings_ask_the_training_questions_anew_and_no_test_question() -> None:
    pairs = {example.id: example for example in examples("train")}
    made = examples("rewordings")
    assert [e.id for e in made if e.sql != pairs[e.id.partition("~")[0]].sql] == []
    said = [normalise(e.question or "") for e in (*pairs.values(), *made)]
    assert [text for text, count in Counter(said).items() if count > 1] == []
    tested = [shingles(normalise(e.question or "")) for name in FILES[1:] for e in examples(name)]
    assert max(jaccard(shingles(text), other) for text in said for other in tested) < 0.6


def test_development_questions_have_answers_and_are_asked_nowhere_else(shop: sqlite3.Connection) -> None:
    folder = Path(__file__).parent.parent / "bench"
    made = [example for part in ("wordings", "shapes") for example in load_examples(folder / f"dev_{part}.jsonl")]
    assert [e.id for e in made if not rows(shop, e.sql[0])] == []
    said = Counter(normalise(e.question or "") for name in (*FILES, "rewordings") for e in examples(name))
    said.update(normalise(e.question or "") for e in made)
    assert [e.id for e in made if said[normalise(e.question or "")] > 1] == []


def near_misses(sql: str) -> Iterator[tuple[str, str]]:
    """Yield the name of one part of `sql`, and the statement in which just that part is gone or another."""
    tree = sqlglot.parse_one(sql, read="sqlite")
    for index, node in enumerate(tree.walk()):
        for substitute in substitutes(node):
            changed = tree.copy()
            twin = next(itertools.islice(changed.walk(), index, None))
            if substitute is None:
                twin.pop()
            elif twin is changed:
                changed = substitute
            else:
                twin.replace(substitute)
            yield f"{node.sql('sqlite')} -> {substitute.sql('sqlite') if substitute else ''}", changed.sql("sqlite")


def substitutes(node: exp.Expression) -> Iterator[exp.Expression | None]:
    """Yield what may stand instead of `node`; None removes it."""
    if isinstance(node, exp.Where | exp.Having) and not isinstance(node.this, exp.And | exp.Or):
        yield None
    if isinstance(node, exp.And | exp.Or):
        yield node.this
        if not isinstance(node.this, type(node)) and not isinstance(node.parent, exp.Join):
            yield node.expression
    if isinstance(node, exp.Between):
        yield exp.GTE(this=node.this, expression=node.args["low"])
        yield exp.LTE(this=node.this, expression=node.args["high"])
    if isinstance(node, exp.In) and len(node.expressions) > 1:
        for value in node.expressions:
            yield exp.In(this=node.this, expressions=[other for other in node.expressions if other is not value])
    if isinstance(node, exp.Select) and node.args.get("distinct"):
        yield node.copy().distinct(distinct=False)
    if isinstance(node, exp.Union) and node.args["distinct"]:
        yield exp.Union(this=node.this, expression=node.expression, distinct=False)
    if isinstance(node, exp.Join) and node.side == "LEFT":
        yield exp.Join(this=node.this, on=node.args["on"])
    yield from other_aggregates(node)
    yield from other_orders(node)


OTHER = {exp.Sum: exp.Avg, exp.Avg: exp.Sum, exp.Min: exp.Max, exp.Max: exp.Min}


def other_aggregates(node: exp.Expression) -> Iterator[exp.Expression]:
    order = node.find_ancestor(exp.Order, exp.Subquery)
    if isinstance(order, exp.Order) and order.parent is not None and not order.parent.args.get("limit"):
        return
    if type(node) in OTHER:
        yield OTHER[type(node)](this=node.this)
    if isinstance(node, exp.Count):
        yield exp.Max(this=exp.Literal.number(1))
        if isinstance(node.this, exp.Distinct):
            yield exp.Count(this=node.this.expressions[0])
        elif not isinstance(node.this, exp.Star):
            yield exp.Count(this=exp.Star())


def other_orders(node: exp.Expression) -> Iterator[exp.Expression]:
    """The direction matters where a limit or a window follows; the last of several keys only breaks ties."""
    if not isinstance(node, exp.Ordered) or node.parent is None or node.parent.parent is None:
        return
    keys, user = node.parent.expressions, node.parent.parent
    is_tie_breaker = len(keys) > 1 and keys[-1] is node
    if not is_tie_breaker and (user.args.get("limit") is not None or isinstance(user, exp.Window)):
        yield exp.Ordered(this=node.this, desc=not node.args.get("desc"))
