"""Constrained decoding: what may be written, what may not, and what a model that knows nothing comes to."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sqlglot import exp

from sqltailor.errors import ConfigError
from sqltailor.sql.constrain.follow import refused
from sqltailor.sql.constrain.grammar import grammar
from sqltailor.sql.constrain.granted_names import Names
from sqltailor.sql.constrain.mending import Renaming
from sqltailor.sql.constrain.name_check import Refusal, State, step
from sqltailor.sql.constrain.signatures import calls
from sqltailor.sql.constrain.syntax import SYNTAXES
from sqltailor.sql.dialect import parse
from sqltailor.sql.guard import check
from sqltailor.sql.guard.functions import allowed_functions
from sqltailor.sql.schema import from_ddl
from sqltailor.sql.schema.unknown_names import unknown_names
from sqltailor.types import Column, Grant, Schema, Table
from tests.support.constrained import ODD, SHOP, vocabulary, wander

pytest.importorskip("llguidance")

WRITTEN = """
SELECT name FROM customer
select Name, CITY from Customer where city = 'Lyon''s' and id <> -3 or not joined is null
SELECT COUNT(*), COUNT(DISTINCT city), MAX(joined) FROM customer
SELECT c.id, SUM(o.total) AS s FROM customer AS c JOIN orders o ON o.customer_id = c.id GROUP BY c.id ORDER BY s DESC
SELECT customer_id FROM orders GROUP BY customer_id HAVING SUM(total) > 10 ORDER BY MAX(total) DESC LIMIT 5
SELECT T1.name FROM customer AS T1 LEFT JOIN orders AS T2 ON T1.id = T2.customer_id WHERE T2.id IS NULL
SELECT name, total FROM customer, orders WHERE customer.id = customer_id
SELECT id, name FROM customer JOIN orders USING (id)
SELECT name FROM customer NATURAL JOIN orders
SELECT name FROM customer WHERE id IN (SELECT customer_id FROM orders WHERE total > (SELECT AVG(total) FROM orders))
SELECT name FROM customer AS c WHERE EXISTS (SELECT 1 FROM orders WHERE customer_id = c.id AND note LIKE '%x%')
SELECT name, (SELECT MAX(total) FROM orders AS o WHERE o.customer_id = c.id) AS best FROM customer AS c ORDER BY best
SELECT MAX(x.total) FROM (SELECT customer_id, SUM(total) AS total FROM orders GROUP BY customer_id) AS x
SELECT AVG(n), d.n FROM (SELECT COUNT(*) AS n FROM orders GROUP BY customer_id) AS d
SELECT d.customer_id FROM (SELECT customer_id, SUM(total) AS s FROM orders GROUP BY customer_id) AS d WHERE d.s > 3
WITH big AS (SELECT customer_id AS who, total FROM orders WHERE total > 9) SELECT who, total FROM big ORDER BY total
WITH a (x, y) AS (SELECT id, city FROM customer), b AS (SELECT x FROM a) SELECT a.y FROM a JOIN b ON a.x = b.x
SELECT city FROM customer UNION SELECT note FROM orders ORDER BY city
SELECT id FROM customer EXCEPT SELECT customer_id FROM orders
SELECT CASE WHEN total > 100 THEN 'big' WHEN total IS NULL THEN '?' END AS size, COUNT(*) FROM orders GROUP BY size
SELECT CASE city WHEN 'Lyon' THEN 1 ELSE 0 END FROM customer
SELECT CAST(total AS INTEGER) + 1, ROUND(total * 1.5, 2), -total FROM orders
SELECT name, RANK() OVER (PARTITION BY city ORDER BY joined DESC) AS r FROM customer
SELECT placed_at, SUM(COUNT(*)) OVER (ORDER BY placed_at) FROM orders GROUP BY placed_at
SELECT COUNT(*) FILTER (WHERE total > 3) FROM orders
SELECT product FROM item WHERE qty BETWEEN 1 AND 5 AND price NOT IN (1, 2.5) ORDER BY "order" LIMIT 3 OFFSET 2
SELECT STRFTIME('%Y', placed_at) AS year FROM orders GROUP BY year ORDER BY COUNT(*)
SELECT "first", first FROM customer
SELECT * FROM customer
SELECT c.*, o.total FROM customer AS c CROSS JOIN orders AS o
SELECT DISTINCT city || ', ' || name FROM customer LIMIT 2, 3
SELECT e.name, m.name FROM customer AS e JOIN customer AS m ON e.id = m.id + 1
SELECT name FROM customer ORDER BY (SELECT COUNT(*) FROM orders WHERE orders.customer_id = customer.id) DESC
-- cannot answer: there is no weather here
""".strip().splitlines()

OF_DIALECTS = {
    "postgres": """
        SELECT EXTRACT(YEAR FROM placed_at) FROM orders WHERE placed_at >= CURRENT_DATE - INTERVAL '30 days' GROUP BY 1
        SELECT total::INTEGER FROM orders WHERE note ILIKE '%x%' AND placed_at > DATE '2024-02-03'
        SELECT total FROM orders ORDER BY total NULLS LAST
        SELECT c.name FROM customer AS c FULL OUTER JOIN orders AS o ON c.id = o.customer_id""",
    "mysql": """
        SELECT TIMESTAMPDIFF(DAY, placed_at, NOW()) FROM orders WHERE placed_at > NOW() - INTERVAL 3 MONTH
        SELECT DATE_SUB(placed_at, INTERVAL 1 DAY) FROM orders WHERE `note` = 'x' LIMIT 5, 10""",
    "duckdb": "SELECT DATE_TRUNC('month', placed_at) AS m, MEDIAN(total) FROM orders GROUP BY m",
    "bigquery": "SELECT DATE_TRUNC(placed_at, MONTH), COUNT(*) FROM `orders` GROUP BY 1",
    "snowflake": "SELECT DATEDIFF(DAY, placed_at, joined) FROM orders JOIN customer ON customer.id = customer_id",
    "tsql": "SELECT TOP 3 name FROM customer WHERE DATEPART(YEAR, joined) = 2024 ORDER BY name",
    "trino": "SELECT name FROM customer WHERE joined > CURRENT_DATE - INTERVAL '3' DAY",
}


@pytest.mark.parametrize("sql", WRITTEN)
def test_a_right_statement_may_be_written(sql: str) -> None:
    assert refused(vocabulary().constraint(SHOP, "sqlite"), sql) is None
    assert sql.startswith("--") or check(sql, schema=SHOP).allowed


@pytest.mark.parametrize(
    ("dialect", "sql"), [(d, s.strip()) for d, text in OF_DIALECTS.items() for s in text.strip().splitlines()]
)
def test_so_may_one_of_another_dialect(dialect: str, sql: str) -> None:
    assert refused(vocabulary().constraint(SHOP, dialect), sql) is None
    assert check(sql, dialect=dialect, schema=SHOP).allowed


def test_top_is_no_name_in_t_sql() -> None:
    schema = from_ddl("CREATE TABLE hill (top INTEGER)")
    assert refused(vocabulary().constraint(schema, "tsql"), "SELECT top FROM hill") is not None
    assert refused(vocabulary().constraint(SHOP, "tsql"), "SELECT top") is not None
    assert refused(vocabulary().constraint(schema, "tsql"), "SELECT [top] FROM hill") is None
    assert refused(vocabulary().constraint(schema, "sqlite"), "SELECT top FROM hill") is None


# up to the bar all is well, the word behind it is refused
REFUSED = """
SELECT customer.|nope FROM customer
SELECT name FROM |customers
SELECT name FROM customer WHERE |total > 3
SELECT T1.name FROM orders AS T1| WHERE T1.id = 1
SELECT nope FROM customer| WHERE id = 3
SELECT name, total FROM customer| WHERE id = 3
SELECT id FROM customer JOIN orders ON customer.id = customer_id| WHERE total = 1
SELECT name FROM customer WHERE id = |orders.id
SELECT name FROM customer AS c WHERE |customer.id = 1
SELECT name FROM customer ORDER BY |price
SELECT name FROM customer WHERE id IN (SELECT customer_id|, id FROM orders)
SELECT id FROM customer UNION SELECT id|, total FROM orders
SELECT city FROM customer UNION SELECT note FROM orders ORDER BY |note
SELECT name FROM customer WHERE |COUNT(*) > 1
SELECT SUM(total) FROM orders GROUP BY note HAVING |nope > 1
SELECT x.total FROM (SELECT SUM(total) AS s FROM orders) AS x| WHERE 1 = 1
SELECT s FROM (SELECT SUM(total) AS s FROM orders) AS x WHERE |total > 1
SELECT name FROM customer JOIN orders USING (|name)
SELECT name FROM customer AS c, orders AS c| WHERE 1 = 1
SELECT name FROM customer WHERE id IN (SELECT customer_id FROM orders GROUP BY |city)
SELECT name FROM customer ORDER BY |COUNT(*)
""".strip().splitlines()


@pytest.mark.parametrize("case", REFUSED)
def test_a_name_that_does_not_fit_is_refused_at_once(case: str) -> None:
    start, _, rest = case.partition("|")
    names = Names(SHOP)
    state = step(State(), start, names)
    word = " " * rest.startswith(" ") + rest.split()[0].replace("(", "( ")
    with pytest.raises(Refusal):
        _steps(state, [word, " "], names)


def _steps(state: State, texts: list[str], names: Names) -> None:
    for text in texts:
        state = step(state, text, names)


@pytest.mark.parametrize(
    "sql", ["DELETE FROM customer", "SELECT sqlite_version() FROM customer", "SELECT 1", "SELECT a"]
)
def test_what_the_grammar_lacks_is_refused(sql: str) -> None:
    assert refused(vocabulary().constraint(SHOP, "sqlite"), sql) is not None


def test_the_calls_are_a_part_of_what_the_guard_allows() -> None:
    table = Schema((Table("t", (Column("a"),)),))
    for dialect in SYNTAXES:
        for name, call in calls(dialect).items():
            assert name in allowed_functions(dialect)
            for count in {call.fewest, call.most}:
                arguments = ["a"] * count
                if call.kind == "part":
                    arguments.insert(0, "'day'")
                elif call.kind == "unit":
                    arguments.insert(len(arguments) if call.unit_at else 0, "DAY")
                over = " OVER (ORDER BY a)" if call.kind == "window" else ""
                sql = f"SELECT {name}({', '.join(arguments)}){over} FROM t"
                assert check(sql, dialect=dialect, schema=table).allowed, (dialect, sql)


@pytest.mark.parametrize("dialect", SYNTAXES)
def test_whatever_is_drawn_parses_and_names_only_what_exists(dialect: str) -> None:
    rng = np.random.default_rng(5)
    for number in range(16):
        schema = (SHOP, ODD)[number % 2]
        written = wander(vocabulary().constraint(schema, dialect), rng, hurry=number % 4 > 1)
        assert written.tokens <= 120
        if not written.text.startswith("-- cannot answer:"):
            verdict = check(written.text, dialect=dialect, schema=schema)
            assert verdict.allowed, (written.text, verdict)
            assert not unknown_names(parse(written.text, dialect), schema), written.text


def test_a_small_budget_is_kept() -> None:
    rng = np.random.default_rng(1)
    for budget in (24, 32, 48):
        for _ in range(6):
            written = wander(vocabulary().constraint(SHOP, "sqlite"), rng, budget=budget)
            assert written.tokens <= budget
            assert written.text.startswith("--") or check(written.text, schema=SHOP).allowed


def _write(*wishes: str) -> tuple[str, int]:
    """Return what a model writes that wants the first text, or else the next, and so on; and how often it went back."""
    vocabulary_, walk = vocabulary(), vocabulary().constraint(SHOP, "sqlite").walk(200)
    wanted = {}
    for weight, text in reversed(list(zip((9.0, 7.0, 6.0), wishes, strict=False))):
        ids = vocabulary_.spell(text)
        for place in range(len(ids) + 1):
            wanted[vocabulary_.tokens.decode_str(ids[:place]), weight] = (
                ids[place] if place < len(ids) else min(vocabulary_.ends)
            )
    ids = list[int]()
    while True:
        logits = np.zeros(vocabulary_.size, np.float32)
        for (text, weight), token in wanted.items():
            if text == vocabulary_.tokens.decode_str(ids):
                logits[token] = max(logits[token], weight)
        move = walk.take(logits, lambda row: int(row.argmax()))
        ids = ids[: len(ids) - move.back] + move.tokens
        if move.is_done:
            return vocabulary_.tokens.decode_str(ids), walk.returns


def test_a_wrong_column_is_written_again_when_its_table_is_known() -> None:
    text, returns = _write(
        "SELECT T1.total FROM customer AS T1 WHERE T1.id = 3", "SELECT T1.name FROM customer AS T1 WHERE T1.id = 3"
    )
    assert (text, returns) == ("SELECT T1.name FROM customer AS T1 WHERE T1.id = 3", 1)


def test_another_name_takes_the_place_of_a_refused_one() -> None:
    """A model that is not sure which column it wants writes a function, in capitals or not, and then another."""
    for way_out in ("LOWER(name)", "loWer(name)", "DISTINCT name"):
        wishes = [f"SELECT MAX({inside}) FROM customer" for inside in ("total", way_out, "city")]
        assert _write(*wishes) == (wishes[2], 1)


def test_another_name_may_be_in_one_token_with_the_dot_before_it() -> None:
    renaming = Renaming(4, 9, ["city", "country"])
    assert [renaming.permits(text, '"') for text in (".", ".c", ".city", '."', ".name", ".LOWER(")] == [True] * 4 + [
        False
    ] * 2


def test_a_join_is_taken_where_the_model_nearly_wrote_it() -> None:
    joined = "SELECT name, total FROM customer JOIN orders ON customer.id = customer_id"
    assert _write("SELECT name, total FROM customer WHERE id = 3", joined)[0].startswith(joined.partition(" ON")[0])


def test_what_is_not_granted_cannot_be_written() -> None:
    constraint = vocabulary().constraint(SHOP, "sqlite", Grant(deny=("customer.city", "item")))
    assert refused(constraint, "SELECT name FROM customer") is None
    assert refused(constraint, "SELECT city FROM customer") is not None
    assert refused(constraint, "SELECT * FROM customer") is not None
    assert refused(constraint, "SELECT COUNT(*) FROM customer") is None
    assert refused(constraint, "SELECT * FROM orders") is None
    assert refused(constraint, "SELECT qty FROM item") is not None


def test_odd_names_are_no_patterns() -> None:
    constraint = vocabulary().constraint(ODD, "sqlite")
    assert refused(constraint, 'SELECT "x|y", "we""ird", "(a)*", "two words" FROM "a/b|c"') is None
    assert refused(constraint, 'SELECT t."naïve", t."from", t."5th", t.upper FROM "select" AS t') is None
    assert refused(constraint, 'SELECT "x" FROM "a/b|c"') is not None
    assert refused(constraint, 'SELECT "aaa" FROM "a/b|c"') is not None


def test_letters_that_only_fold_to_ascii_are_no_letters() -> None:
    assert refused(vocabulary().constraint(SHOP, "sqlite"), "ſelect name FROM customer") is not None


def test_namespaces() -> None:
    schema = Schema((Table("sale", (Column("id"), Column("day")), "shop"), Table("t", (Column("a"),))))
    constraint = vocabulary().constraint(schema, "postgres")
    assert refused(constraint, "SELECT s.id, sale.day FROM shop.sale AS s") is not None
    assert refused(constraint, "SELECT sale.id FROM shop.sale WHERE day = '2'") is None
    assert refused(constraint, "SELECT id FROM sale") is not None


def test_house_functions_are_called(tmp_path) -> None:
    file = tmp_path / "house.yaml"
    file.write_text("base: sqlite\nfunctions:\n- name: FISCAL_YEAR\n  arguments: ['day date']\n")
    constraint = vocabulary().constraint(SHOP, str(file))
    assert refused(constraint, "SELECT FISCAL_YEAR(placed_at) FROM orders") is None
    assert refused(constraint, "SELECT FISCAL_YEAR(placed_at, 1) FROM orders") is not None


def test_alone_a_grammar_has_the_names() -> None:
    matcher = vocabulary().matcher(grammar(SHOP, "sqlite", is_alone=True))
    for sql, is_right in (("SELECT c.name FROM customer AS c", True), ("SELECT nope FROM customer", False)):
        tokens = vocabulary().spell(sql)
        found = matcher.deep_copy()
        assert (found.try_consume_tokens(tokens) == len(tokens) and found.is_accepting()) is is_right


def test_a_dialect_without_a_grammar_is_told() -> None:
    with pytest.raises(ConfigError, match="no grammar of 'oracle'"):
        vocabulary().constraint(SHOP, "oracle")


def test_thousands_of_columns_are_ready_soon() -> None:
    for tables, limit in ((30, 0.5), (300, 2.0)):
        names = [f"c{number}_value" for number in range(10)]
        schema = Schema(tuple(Table(f"table_{n}", tuple(Column(f"{c}_{n}") for c in names)) for n in range(tables)))
        start = time.perf_counter()
        constraint = vocabulary().constraint(schema, "sqlite")
        assert time.perf_counter() - start < limit  # several times what an idle machine takes
        assert (
            refused(constraint, f"SELECT c3_value_{tables - 1} FROM table_{tables - 1} WHERE c4_value_{tables - 1} = 1")
            is None
        )


def test_a_copy_goes_its_own_way() -> None:
    walk = vocabulary().constraint(SHOP, "sqlite").walk(50)
    logits = np.zeros(vocabulary().size, np.float32)
    logits[vocabulary().spell("SELECT")[0]] = 1
    walk.take(logits, lambda row: int(row.argmax()))
    other, before = walk.copy(), list(walk.ids)
    logits[vocabulary().spell(" name")[0]] = 2
    other.take(logits, lambda row: int(row.argmax()))
    assert walk.ids == before != other.ids


def test_a_schema_without_columns_is_told() -> None:
    with pytest.raises(ConfigError, match="no column that is granted"):
        vocabulary().constraint(Schema((Table("t", ()),)), "sqlite")


CAPITALS = from_ddl(
    """
    CREATE TABLE hr.employee (id int PRIMARY KEY, "fullName" text, dept int REFERENCES "Dept", "headCount" int);
    CREATE TABLE "Dept" ("deptId" int PRIMARY KEY, title text);
    """,
    "postgres",
)


def test_names_with_capitals_stand_in_quotes_in_postgres() -> None:
    constraint = vocabulary().constraint(CAPITALS, "postgres")
    for sql in (
        'SELECT T1."fullName" FROM hr.employee AS T1 WHERE ID > 3 ORDER BY "fullName"',
        'SELECT Title, E."headCount" AS "N" FROM "Dept" AS D JOIN hr.employee AS e ON D."deptId" = E.dept ORDER BY "N"',
        'SELECT "Dept".title FROM "Dept"',
    ):
        assert refused(constraint, sql) is None, sql
    for sql in (
        "SELECT T1.fullName FROM hr.employee AS T1",
        'SELECT "fullname" FROM hr.employee',
        "SELECT title FROM Dept",
        'SELECT "TITLE" FROM "Dept"',
        "SELECT fullName FROM hr.employee",
        'SELECT d.title FROM "Dept" AS "D"',
        'SELECT "Dept".title FROM "Dept" JOIN hr.employee USING (title)',
    ):
        assert refused(constraint, sql) is not None, sql


def test_what_is_drawn_names_capitals_as_postgres_finds_them() -> None:
    rng = np.random.default_rng(7)
    stored = {c.name for t in CAPITALS.tables for c in t.columns}
    drawn = (wander(vocabulary().constraint(CAPITALS, "postgres"), rng, hurry=n % 2 > 0).text for n in range(24))
    trees = [parse(sql, "postgres") for sql in drawn if not sql.startswith("--")]
    named = [column.this for tree in trees for column in tree.find_all(exp.Column) if column.name in stored]
    assert all(name.args.get("quoted") or name.name.islower() for name in named)
    assert any(name.args.get("quoted") for name in named)


def test_the_case_of_tables_counts_in_mysql() -> None:
    constraint = vocabulary().constraint(SHOP, "mysql")
    assert refused(constraint, "SELECT T1.NAME FROM customer AS T1 WHERE T1.City = 'x'") is None
    assert refused(constraint, "SELECT name FROM Customer") is not None
    assert refused(constraint, "SELECT t1.name FROM customer AS T1") is not None
