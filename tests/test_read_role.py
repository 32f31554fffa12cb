"""The role that may read what is granted: its SQL, and what the servers then let it do."""

from __future__ import annotations

from sqltailor.database.read_role import read_role
from sqltailor.sql.guard.granted_views import visible
from sqltailor.sql.schema import from_ddl
from sqltailor.types import Column, Grant, Schema, Table

SHOP = from_ddl(
    'CREATE TABLE customer (id INT, email TEXT); CREATE TABLE "order" (id INT); CREATE TABLE secret (s TEXT);'
)
GRANT = Grant(deny=("secret", "customer.email"))


def test_postgres_grants_tables_and_columns_and_no_more() -> None:
    shop = Schema((*SHOP.tables, Table("Log", (Column("id"),), namespace="audit")))
    role = read_role(shop, visible(shop, GRANT, "postgres"), "postgres", database="my shop")
    assert role[0].startswith("CREATE ROLE sqltailor_reader LOGIN PASSWORD 'choose-a-password' NOSUPERUSER ")
    assert role[1:] == [
        "ALTER ROLE sqltailor_reader SET default_transaction_read_only = on",
        'GRANT CONNECT ON DATABASE "my shop" TO sqltailor_reader',
        "GRANT USAGE ON SCHEMA public TO sqltailor_reader",
        "GRANT USAGE ON SCHEMA audit TO sqltailor_reader",
        "GRANT SELECT (id) ON customer TO sqltailor_reader",
        'GRANT SELECT ON "order" TO sqltailor_reader',
        'GRANT SELECT ON audit."Log" TO sqltailor_reader',
    ]


def test_mysql_grants_tables_columns_and_the_query_of_views() -> None:
    shop = Schema((*SHOP.tables, Table("totals", (Column("n"),), is_view=True)))
    role = read_role(shop, visible(shop, GRANT, "mysql"), "mysql", database="shop")
    assert role == [
        "CREATE USER 'sqltailor_reader'@'%' IDENTIFIED BY 'choose-a-password'",
        "GRANT SELECT (id) ON `shop`.`customer` TO 'sqltailor_reader'@'%'",
        "GRANT SELECT ON `shop`.`order` TO 'sqltailor_reader'@'%'",
        "GRANT SELECT, SHOW VIEW ON `shop`.`totals` TO 'sqltailor_reader'@'%'",
    ]


def test_a_file_has_no_roles() -> None:
    assert read_role(SHOP, SHOP, "sqlite", database="shop") == []
