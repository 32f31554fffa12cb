import pytest

from sqltailor.sql.dialect import parse
from sqltailor.sql.schema import from_ddl
from sqltailor.sql.schema.unknown_names import unknown_names

SCHEMA = from_ddl(
    """CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT, boss INTEGER);
    CREATE TABLE "order" (id INTEGER PRIMARY KEY, customer_id INTEGER, total REAL, at TEXT, "group" TEXT);"""
)

KNOWN = [
    "SELECT name FROM customer",
    "SELECT NAME, rowid FROM Customer AS c WHERE C.City = 'x'",
    'SELECT o."group", COUNT(*) AS n FROM "order" AS o GROUP BY o."group" HAVING n > 1 ORDER BY n',
    "SELECT * FROM customer WHERE id IN (SELECT customer_id FROM 'order')",
    'SELECT name FROM customer AS c WHERE EXISTS (SELECT 1 FROM "order" AS o WHERE o.customer_id = c.id AND city = 1)',
    "WITH x AS (SELECT id AS k, name FROM customer) SELECT k, name FROM x WHERE k > 1",
    "WITH x(k) AS (SELECT id FROM customer) SELECT k FROM x",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n",
    "WITH RECURSIVE up AS (SELECT id, boss FROM customer UNION SELECT c.id, c.boss FROM customer c JOIN up"
    " ON c.id = up.boss) SELECT id, boss FROM up",
    "SELECT s.total FROM (SELECT SUM(total) AS total FROM 'order') AS s",
    "SELECT total FROM (SELECT * FROM 'order')",
    "SELECT name FROM (SELECT * FROM (SELECT c.* FROM customer c) AS a) AS b",
    "SELECT value FROM customer, json_each(customer.name)",
    "SELECT id FROM customer UNION SELECT id FROM 'order' ORDER BY id",
    "SELECT a.id, b.id FROM customer a JOIN customer b USING (id)",
    "SELECT main.customer.name FROM main.customer",
    "SELECT name FROM customer WHERE (SELECT SUM(total) FROM (SELECT total FROM 'order' o WHERE o.customer_id ="
    " customer.id) AS z) > 3",
    "SELECT RANK() OVER (PARTITION BY city ORDER BY id) AS r FROM customer WINDOW w AS (ORDER BY name)",
    "SELECT 1",
    "SELECT CASE WHEN total > (SELECT AVG(total) FROM 'order') THEN 1 END AS x FROM 'order' WHERE x = 1",
    "DELETE FROM customer WHERE id = 1",
    "INSERT INTO customer (id) VALUES (1)",
    "SELECT n FROM (VALUES (1), (2)) AS v(n)",
]

UNKNOWN = [
    ("SELECT nam FROM customer", "unknown_column", "nam"),
    ("SELECT name FROM customers", "unknown_table", "customers"),
    ("SELECT c.total FROM customer AS c", "unknown_column", "total"),
    ("SELECT x.name FROM customer AS c", "unknown_column", "name"),
    ("SELECT name FROM customer WHERE id IN (SELECT nobody FROM 'order')", "unknown_column", "nobody"),
    ("SELECT total FROM customer WHERE EXISTS (SELECT 1 FROM 'order')", "unknown_column", "total"),
    ("WITH x AS (SELECT id FROM customer) SELECT name FROM x", "unknown_column", "name"),
    ("SELECT city FROM (SELECT name FROM customer) AS s", "unknown_column", "city"),
    ("SELECT name FROM (SELECT * FROM 'order') AS s", "unknown_column", "name"),
    ("SELECT id FROM customer UNION SELECT city FROM 'order'", "unknown_column", "city"),
    ("SELECT c.name FROM customer c JOIN 'order' o ON c.id = o.client", "unknown_column", "client"),
    ("DELETE FROM custom", "unknown_table", "custom"),
]


@pytest.mark.parametrize("sql", KNOWN)
def test_known_names_raise_no_alarm(sql):
    assert unknown_names(parse(sql), SCHEMA) == []


@pytest.mark.parametrize(("sql", "kind", "name"), UNKNOWN)
def test_unknown_names_are_found(sql, kind, name):
    assert [(u.kind, u.name) for u in unknown_names(parse(sql), SCHEMA)] == [(kind, name)]


STAFF = from_ddl(
    "CREATE TABLE employee (id INT, name TEXT, tags TEXT); CREATE TABLE absence (employee_id INT, days INT)"
)
COUNTED = "(SELECT count(*) AS n FROM absence a WHERE employee_id = e.id AND name <> '') x"


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("postgres", f"SELECT e.id, x.n FROM employee e, LATERAL {COUNTED}"),
        ("postgres", f"SELECT e.id, n FROM employee e LEFT JOIN LATERAL {COUNTED} ON true"),
        ("mysql", f"SELECT e.id, n FROM employee e JOIN LATERAL {COUNTED} ON true"),
        ("tsql", f"SELECT e.id, x.n FROM employee e CROSS APPLY {COUNTED}"),
        ("tsql", f"SELECT e.id, x.n FROM employee e OUTER APPLY {COUNTED}"),
        ("postgres", f"SELECT e.id, y.m FROM employee e, LATERAL {COUNTED}, LATERAL (SELECT n + 1 AS m) y"),
        ("postgres", "SELECT id, x.n FROM employee e, LATERAL (SELECT 1 FROM absence WHERE employee_id = id) x(n)"),
        ("postgres", "SELECT id, x.days FROM employee e, LATERAL (SELECT days FROM absence WHERE employee_id = e.id "
                     "UNION ALL SELECT id) x"),
        ("postgres", "SELECT id, t.g, t.n FROM employee, unnest(string_to_array(tags, ',')) WITH ORDINALITY t(g, n)"),
        ("postgres", "SELECT id, tag FROM employee e, LATERAL (SELECT u.tag FROM unnest(string_to_array(tags, ',')) "
                     "AS u(tag)) y"),
        ("postgres", "SELECT id, v.x FROM employee e CROSS JOIN LATERAL (VALUES (e.id), (name)) AS v(x)"),
        ("sqlite", "SELECT name, n FROM employee, (SELECT count(*) AS n FROM absence)"),
        ("sqlite", "SELECT n, m FROM (SELECT count(*) AS n FROM absence), (SELECT max(days) AS m FROM absence)"),
        ("sqlite", "SELECT id FROM employee e WHERE 3 < (SELECT max(d) FROM (SELECT d FROM (SELECT sum(days) AS d FROM "
                   "absence WHERE employee_id = e.id) q) r)"),
    ],
)  # fmt: skip
def test_lateral_and_unnamed_tables_raise_no_alarm(dialect, sql):
    assert unknown_names(parse(sql, dialect), STAFF) == []


@pytest.mark.parametrize(
    ("sql", "detail"),
    [
        ("SELECT x.m FROM employee e, LATERAL (SELECT days FROM absence) x", "no column 'm' in 'x'."),
        ("SELECT 1 FROM employee e, LATERAL (SELECT days FROM absence WHERE employe_id = e.id) x",
         "no column 'employe_id' in e, x, absence. Did you mean 'employee_id'?"),
        ("SELECT nam FROM (SELECT name FROM employee)", "no column 'nam' in the query. Did you mean 'name'?"),
    ],
)  # fmt: skip
def test_unknown_names_are_found_in_and_beside_lateral(sql, detail):
    assert [u.detail for u in unknown_names(parse(sql, "postgres"), STAFF)] == [detail]


def test_the_detail_names_the_nearest():
    [unknown] = unknown_names(parse("SELECT nmae FROM customer"), SCHEMA)
    assert unknown.detail == "no column 'nmae' in customer. Did you mean 'name'?"


def test_the_detail_writes_names_as_the_schema_does():
    schema = from_ddl('CREATE TABLE "Order Lines" ("Unit Price" REAL, Qty INTEGER); CREATE TABLE Stock (Qty INTEGER)')
    details = [
        unknown_names(parse(sql), schema)[0].detail
        for sql in (
            'SELECT Quty FROM "order lines"',
            'SELECT o."Unit Prize" FROM "Order Lines" AS o',
            "SELECT 1 FROM Stok",
        )
    ]
    assert details == [
        "no column 'Quty' in Order Lines. Did you mean 'Qty'?",
        "no column 'Unit Prize' in 'o'. Did you mean 'Unit Price'?",
        "no table 'Stok' in the schema. Did you mean 'Stock'?",
    ]


def test_the_same_name_in_two_namespaces():
    schema = from_ddl("CREATE TABLE a.t (x INT); CREATE TABLE b.t (y INT)", "postgres")
    for sql in ("SELECT x FROM a.t", "SELECT x, y FROM t", "SELECT y FROM b.t"):
        assert unknown_names(parse(sql, "postgres"), schema) == []
    assert [u.name for u in unknown_names(parse("SELECT y FROM a.t", "postgres"), schema)] == ["y"]
