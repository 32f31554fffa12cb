"""Random queries over a few tables with hidden parts: what a guard allows is held against what a database reads."""

from __future__ import annotations

import random

TABLES = ["t", "s", "users", "users", '"users"', "main.users", "secret", '"secret"', "c1", "c2"]
COLUMNS = {
    "t": ["a", "b", "name", "j"],
    "s": ["a", "name"],
    "users": ["id", "name", "password_hash"],
    "secret": ["s"],
    "c1": ["a", "name", "id"],
    "c2": ["a", "name", "id"],
}
ALIASES = ["x", "y", "u", "t", "users", "secret", "password_hash", "s", "name", "c1"]
NAMES = [
    "a",
    "b",
    "name",
    "id",
    "password_hash",
    "s",
    "x",
    "secret",
    "users",
    "rowid",
    "PASSWORD_HASH",
    '"password_hash"',
]
FORMS = ["1", "max({e})", "count({e})", "coalesce({e}, {f})", "({q})", "EXISTS ({q})", "{e} || {f}", "{e} IN ({q})",
         "CASE WHEN {e} > 1 THEN {f} END", "{e} = {f}", "max({e} -> {f})", "({e}, {f}) = (1, 2)",
         "row_number() OVER (PARTITION BY {e} ORDER BY {f})", "sum(1) FILTER (WHERE {e})"]  # fmt: skip


class Maker:
    """Makes one query from a source of chance; names are mostly, not always, those in scope."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.scopes: list[list[tuple[str, list[str]]]] = []

    def maybe(self, probability: float) -> bool:
        return self.chance.random() < probability

    def column(self) -> str:
        scope = self.chance.choice(self.scopes) if self.scopes and self.maybe(0.3) else (self.scopes or [[]])[-1]
        if scope and self.maybe(0.9):
            alias, names = self.chance.choice(scope)
            name = self.chance.choice(names)
            return f"{alias}.{name}" if self.maybe(0.4) else name
        name = self.chance.choice(NAMES)
        return f"{self.chance.choice(ALIASES)}.{name}" if self.maybe(0.3) else name

    def expression(self, depth: int) -> str:
        if depth <= 0 or self.maybe(0.5):
            return self.column()
        form = self.chance.choice(FORMS)
        parts = {"e": self.expression, "f": self.expression, "q": self.query}
        return form.format(**{key: make(depth - 1) for key, make in parts.items() if "{" + key in form})

    def source(self, depth: int) -> str:
        if depth > 0 and self.maybe(0.3):
            alias = self.chance.choice(ALIASES)
            form = f"({self.query(depth - 1)})" if self.maybe(0.7) else f"json_each({self.expression(0)})"
            self.scopes[-1].append((alias, ["a", "id", "name", "key", "value"]))
            return f"{form} AS {alias}"
        table = self.chance.choice(TABLES)
        name = table.strip('"').split(".")[-1]
        alias = self.chance.choice(ALIASES) if self.maybe(0.4) else name
        self.scopes[-1].append((alias, COLUMNS[name]))
        return table if alias == name else f"{table} AS {alias}"

    def join(self, depth: int) -> str:
        right = self.source(depth)
        shared = self.chance.choice(["id", "name", "password_hash", "a", "s"])
        forms = [f", {right}", f" NATURAL JOIN {right}", f" JOIN {right} USING ({shared})"]
        return self.chance.choice([*forms, f" LEFT JOIN {right} ON {self.expression(depth - 1)}"])

    def item(self, depth: int) -> str:
        if self.maybe(0.15):
            return self.chance.choice(["*", f"{self.chance.choice(ALIASES)}.*"])
        alias = f" AS {self.chance.choice(ALIASES)}" if self.maybe(0.4) else ""
        return self.expression(depth) + alias

    def query(self, depth: int) -> str:
        self.scopes.append([])
        from_ = f" FROM {self.source(depth)}" + (self.join(depth) if self.maybe(0.3) else "")
        sql = f"SELECT {self.item(depth)}" + from_
        for clause, probability in ((" WHERE ", 0.3), (" GROUP BY ", 0.15), (" ORDER BY ", 0.2)):
            if self.maybe(probability):
                sql += clause + self.expression(depth - 1)
        self.scopes.pop()
        if depth > 0 and self.maybe(0.15):
            sql = sql.split(" ORDER BY ")[0] + " UNION " + self.query(depth - 1)
        if depth > 0 and self.maybe(0.25):
            name = self.chance.choice(["c1", "c2", "secret", '"Secret"', "users"])
            columns = f"({self.chance.choice(ALIASES)})" if self.maybe(0.3) else ""
            recursive = "RECURSIVE " if self.maybe(0.3) else ""
            sql = f"WITH {recursive}{name}{columns} AS ({self.query(depth - 1)}) {sql}"
        return sql


def random_query(chance: random.Random) -> str:
    """Return a query of up to three levels."""
    return Maker(chance).query(chance.choice([1, 2, 2, 3]))
