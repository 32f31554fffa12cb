"""`init`: what it writes, where secrets go, and what it never overwrites."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from sqltailor import init
from sqltailor.errors import ConfigError, DataError
from sqltailor.recipe import Recipe, load_recipe, shipped_recipes
from sqltailor.types import Column, Grant, Schema, Table

SECRET = "p@ss w'rd#1"
URL = f"postgresql://reader:{SECRET}@db.example/shop"


@pytest.fixture(autouse=True)
def _no_database_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a small SQLite database."""
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute("CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT)")
        connection.execute("CREATE TABLE sale (id INTEGER, customer_id INTEGER REFERENCES customer (id))")
        connection.commit()
    return tmp_path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database server that takes any URL: only the network edge is fake."""

    @contextmanager
    def opened(url: str) -> Iterator[SimpleNamespace]:
        schema = Schema((Table("customer", (Column("id"), Column("email"))),))
        yield SimpleNamespace(
            dialect="postgres",
            url_shown="postgresql://reader:***@db.example/shop",
            warnings=(),
            read_schema=lambda: schema,
        )

    monkeypatch.setattr(init, "open_database", opened)


def test_a_file_database_gets_a_short_recipe_with_a_relative_url(shop: Path) -> None:
    made = init.init(f"sqlite:///{shop / 'shop.db'}", out=shop)
    assert (made.tables, made.columns, made.dialect) == (2, 4, "sqlite")
    assert made.written == (shop / "recipe.yaml", shop / ".env", shop / ".gitignore")
    assert made.next_commands[0].startswith("cd ")
    resolved = load_recipe(env={}, cwd=shop)
    assert resolved.recipe.database.url == "sqlite:///shop.db"
    assert resolved.recipe.data.train == ("data/train.jsonl", "data/synth.jsonl")
    assert resolved.recipe.base == "small"
    assert "DATABASE_URL" not in (shop / ".env").read_text()
    assert (shop / ".gitignore").read_text() == ".env\n"


def test_stored_values_are_shown_where_there_is_a_database_to_read_them_from(shop: Path) -> None:
    init.init(f"sqlite:///{shop / 'shop.db'}", out=shop)
    assert load_recipe(env={}, cwd=shop).recipe.prompt.hints == 8
    ddl = shop / "schema.sql"
    ddl.write_text("CREATE TABLE customer (id INT)")
    init.init(str(ddl), out=shop, force=True)
    assert load_recipe(env={}, cwd=shop).recipe.prompt.hints == 0


def test_a_large_schema_fits_into_max_length(tmp_path: Path) -> None:
    ddl = tmp_path / "schema.sql"
    columns = ", ".join(f"measured_value_{i} NUMERIC" for i in range(40))
    ddl.write_text("\n".join(f"CREATE TABLE station_{i} (id INT, {columns});" for i in range(9)))
    init.init(str(ddl), out=tmp_path)
    longest = load_recipe(env={}, cwd=tmp_path).recipe.train.max_length
    assert len(ddl.read_text()) / 3 < longest < len(ddl.read_text())
    ddl.write_text("CREATE TABLE station (id INT)")
    init.init(str(ddl), out=tmp_path, force=True)
    assert load_recipe(env={}, cwd=tmp_path).recipe.train.max_length == 1024


def test_a_file_elsewhere_is_named_by_its_whole_path(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "project"
    init.init(str(shop / "shop.db"), out=out)
    assert load_recipe(env={}, cwd=out).recipe.database.url == f"sqlite:///{shop.resolve() / 'shop.db'}"


def test_odd_file_names_are_quoted(shop: Path) -> None:
    (shop / "shop.db").rename(shop / "my shop #1.db")
    init.init(str(shop / "my shop #1.db"), out=shop)
    assert load_recipe(env={}, cwd=shop).recipe.database.url == "sqlite:///my shop #1.db"


def test_in_the_current_folder_the_next_command_is_import(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    assert init.init("sqlite:///shop.db").next_commands[0] == "sqltailor data import questions.csv"


@pytest.mark.usefixtures("server")
def test_a_password_goes_to_env_only(tmp_path: Path) -> None:
    made = init.init(URL, out=tmp_path)
    assert SECRET not in (tmp_path / "recipe.yaml").read_text()
    assert SECRET not in repr(made)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / ".gitignore").read_text() == ".env\n"
    resolved = load_recipe(env={}, cwd=tmp_path)
    assert resolved.recipe.database.url == URL
    assert resolved.recipe.dialect == "postgres"
    assert resolved.origins["database.url"] == ".env DATABASE_URL"


@pytest.mark.usefixtures("server")
def test_env_and_gitignore_keep_their_other_lines(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# mine\nHF_TOKEN=hf_x")
    (tmp_path / ".env").chmod(0o644)
    (tmp_path / ".gitignore").write_text("runs/\n")
    init.init(URL, out=tmp_path)
    assert (tmp_path / ".env").read_text().startswith("# mine\nHF_TOKEN=hf_x\nDATABASE_URL=")
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / ".gitignore").read_text() == "runs/\n.env\n"
    init.init(URL, out=tmp_path, force=True)
    assert (tmp_path / ".env").read_text().count("DATABASE_URL") == 1
    assert (tmp_path / ".gitignore").read_text() == "runs/\n.env\n"


@pytest.mark.usefixtures("server")
def test_another_database_url_is_replaced_only_with_force(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=mysql://root:old-secret@h/d\nA=1\n")
    with pytest.raises(ConfigError, match="has another DATABASE_URL") as caught:
        init.init(URL, out=tmp_path)
    assert "old-secret" not in str(caught.value)
    assert not (tmp_path / "recipe.yaml").exists()
    init.init(URL, out=tmp_path, force=True)
    assert load_recipe(env={}, cwd=tmp_path).recipe.database.url == URL
    assert "A=1" in (tmp_path / ".env").read_text()


@pytest.mark.usefixtures("server")
def test_a_url_without_a_password_stays_in_the_recipe(tmp_path: Path) -> None:
    init.init("postgresql://reader@db.example/shop", out=tmp_path)
    assert "DATABASE_URL" not in (tmp_path / ".env").read_text()
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert "url: postgresql://reader@db.example/shop\n" in (tmp_path / "recipe.yaml").read_text()


def test_a_recipe_is_never_overwritten_without_force(shop: Path) -> None:
    (shop / "recipe.yaml").write_text("base: mine\n")
    with pytest.raises(ConfigError, match="already exists"):
        init.init(str(shop / "shop.db"), out=shop)
    assert (shop / "recipe.yaml").read_text() == "base: mine\n"
    init.init(str(shop / "shop.db"), out=shop, force=True)
    assert load_recipe(env={}, cwd=shop).recipe.base == "small"


def test_nothing_is_written_when_the_database_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        init.init(f"sqlite:///{tmp_path / 'none.db'}", out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_unknown_dialect_or_recipe_is_refused(shop: Path) -> None:
    with pytest.raises(ConfigError, match="postgress"):
        init.init(str(shop / "shop.db"), out=shop, dialect="postgress")
    with pytest.raises(ConfigError, match="Unknown recipe 'qlora'"):
        init.init(str(shop / "shop.db"), out=shop, recipe="qlora")
    assert not (shop / "recipe.yaml").exists()


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_shipped_recipe_is_copied_with_the_database(shop: Path, name: str) -> None:
    init.init(str(shop / "shop.db"), out=shop, recipe=name)
    text = (shop / "recipe.yaml").read_text()
    assert text.startswith("# ")
    assert text.count("database:\n") == 1
    if name != "demo":
        assert f"sqltailor train {name}" not in text
    copied, shipped = load_recipe(env={}, cwd=shop).recipe, load_recipe(name, env={}, cwd=shop).recipe
    assert copied.database.url == "sqlite:///shop.db"
    assert (copied.train, copied.base) == (shipped.train, shipped.base)
    if any(path.startswith("hf:") for path in shipped.data.train):  # the project's own pairs, not a public set
        assert copied.data == Recipe.model_validate(
            {"data": {"train": ["data/train.jsonl", "data/synth.jsonl"],
                      "validation": "data/validation.jsonl", "test": "data/test.jsonl"}}
        ).data  # fmt: skip
        assert text.count("\ndata:\n") == 1
    else:
        assert copied.data == shipped.data


def test_a_dialect_file_is_named_as_seen_from_the_recipe(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    Path("house.yaml").write_text("name: house\nbase: sqlite\n", encoding="utf-8")
    assert init.init("shop.db", dialect="house.yaml").dialect == "house.yaml"
    assert load_recipe(env={}, cwd=shop).recipe.dialect == "house.yaml"
    elsewhere = init.init("shop.db", dialect="house.yaml", out="deep")
    assert load_recipe(env={}, cwd=shop / "deep").recipe.dialect == str(shop.resolve() / "house.yaml")
    assert elsewhere.dialect == str(shop.resolve() / "house.yaml")


def test_a_database_url_that_would_win_is_told(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://u:hidden@h/d")
    (note,) = init.init(str(shop / "shop.db"), out=shop).notes
    assert "mysql://u:***@h/d, wins over this recipe" in note
    monkeypatch.delenv("DATABASE_URL")
    (shop / ".env").write_text("DATABASE_URL=mysql://u:hidden@h/d\n")
    (note,) = init.init(str(shop / "shop.db"), out=shop, force=True).notes
    assert "take it out" in note


def test_a_server_gets_the_sql_of_a_role_that_reads_what_is_granted(server: None, tmp_path: Path) -> None:
    url = "postgresql://reader@db.example/shop"
    made = init.init(url, out=tmp_path, grant=Grant(deny=("customer.email",)))
    assert made.role_sql[0].startswith("CREATE ROLE sqltailor_reader ")
    assert made.role_sql[-1] == "GRANT SELECT (id) ON customer TO sqltailor_reader"
    assert 'GRANT CONNECT ON DATABASE "shop" TO sqltailor_reader' in made.role_sql
    written = load_recipe(env={}, cwd=tmp_path).recipe.database
    assert (written.allow, written.deny) == ((), ("customer.email",))


def test_a_grant_of_what_is_not_there_writes_nothing(shop: Path) -> None:
    with pytest.raises(ConfigError, match=r"'custmer', which .* Did you mean 'customer'"):
        init.init(str(shop / "shop.db"), out=shop, grant=Grant(allow=("custmer",)))
    assert not (shop / "recipe.yaml").exists()


def test_a_file_has_no_role(shop: Path) -> None:
    assert init.init(str(shop / "shop.db"), out=shop).role_sql == ()
