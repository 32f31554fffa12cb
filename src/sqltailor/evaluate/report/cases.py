"""The questions that a model got wrong, as the page lists them: statements with their differences marked, and rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sqltailor.evaluate.mistakes import HINTS, mistakes_in
from sqltailor.evaluate.report import sql
from sqltailor.evaluate.report.read import Contents, Row

RIGHT = frozenset({"correct", "empty_match"})
WITHOUT_SQL = frozenset({"no_sql", "declined"})
MAX_CASES = 200
"""Questions that a list on the page shows; the files have all of them."""
FEWEST_OF_A_KIND = 20
"""So many of each kind of failure are shown before more of the frequent ones are."""


class Given(NamedTuple):
    """One model's answer to one question: `sql` is HTML, `model` its place among the models, `kind` what it is
    filtered by: how a wrong result differs, else the outcome. `rows` are the first ones of its result.
    """

    model: int
    sql: str
    outcome: str
    kind: str
    reasons: list[str]
    is_right: bool
    rows: Row | None


class Case(NamedTuple):
    """One question with its gold statement, as HTML, and what the models made of it."""

    id: str
    question: str
    about: str
    gold: str
    gold_rows: Row | None
    answers: Sequence[Given]

    @property
    def kind(self) -> str:
        """The last model's kind of failure."""
        return self.answers[-1].kind


class Listed(NamedTuple):
    """A list of questions: how many there are, those that are shown, and how many there are of each kind."""

    total: int
    cases: Sequence[Case]
    kinds: Mapping[str, int]


def all_cases(contents: Contents, models: Sequence[str]) -> Iterator[Case]:
    """Yield every question that some model got wrong, the gold's own failures apart."""
    tables = [contents.predictions.get(model, {}) for model in models]
    for key in dict.fromkeys(key for table in tables for key in table):
        rows = [table[key] for table in tables if key in table]
        if len(rows) < len(models) or all(row["outcome"] in RIGHT or row["outcome"] == "gold_error" for row in rows):
            continue
        example = contents.examples.get(key, {})
        golds = example.get("sql") or [""]
        about = " · ".join(str(example[k]) for k in ("source", "difficulty") if example.get(k))
        question = example.get("question") or str(example.get("spec") or key)
        answers = [_given(i, row, golds, example.get("dialect", "sqlite")) for i, row in enumerate(rows)]
        yield Case(key, question, about, _gold(golds, rows[-1]), (rows[-1].get("results") or {}).get("gold"), answers)


def _gold(golds: Sequence[str], last: Row) -> str:
    """Return the gold statements as HTML; in the first, what the last model's answer does not say is marked."""
    against = None if last["outcome"] in RIGHT | WITHOUT_SQL else last["predicted"]
    return " <u>or</u> ".join([sql.html(golds[0], against), *map(sql.html, golds[1:])])


def listed(cases: Sequence[Case]) -> Listed:
    """Return a list as the page shows it: the first of every kind, and more of frequent ones while there is room."""
    seen: Counter[str] = Counter()
    ranks = []
    for place, case in enumerate(cases):
        ranks.append((max(seen[case.kind] - FEWEST_OF_A_KIND, 0), place))
        seen[case.kind] += 1
    shown = [cases[place] for place in sorted(place for _, place in sorted(ranks)[:MAX_CASES])]
    return Listed(len(cases), shown, dict(seen.most_common()))


def _given(model: int, row: Row, golds: Sequence[str], dialect: str) -> Given:
    is_right = row["outcome"] in RIGHT
    text = sql.html(row["predicted"], None if is_right or row["outcome"] in WITHOUT_SQL else golds[0])
    kind = row.get("difference") or row["outcome"]
    rows = (row.get("results") or {}).get("predicted")
    return Given(model, text, row["outcome"], kind, why(row, golds, dialect), is_right, rows)


def why(row: Row, golds: Sequence[str], dialect: str) -> list[str]:
    """Return why an answer is not right, the parts of the statement that are wrong, and what helps with the gravest."""
    reasons = [row["reason"]] if row.get("reason") else []
    found = mistakes_in(row["predicted"], golds, outcome=row["outcome"], results=row.get("results"), dialect=dialect)
    return [*reasons, f"Wrong: {', '.join(found)}.", f"What helps: {HINTS[found[0]]}."] if found else reasons
