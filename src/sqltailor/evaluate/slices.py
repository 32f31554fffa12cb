"""Slices of a test set: groups of examples whose rates show where a model is strong and weak."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath

from sqltailor.data.facts import level_of, shortest_names, tables_written
from sqltailor.errors import SQLError
from sqltailor.evaluate.metrics.features import FEATURES, features_of
from sqltailor.sql.dialect import mask_values, parse, write
from sqltailor.types import Example

LENGTHS = ((10, "up to 10 words"), (20, "11–20 words"), (40, "21–40 words"))
"""Most words of a gold statement → name of the slice; longer ones are `LONGER`."""
LONGER = "over 40 words"
LARGEST = 15
"""Templates, tables and databases that are slices of their own, the largest first; `OTHER` holds the rest."""
OTHER = "(others)"
LEVELS = ("easy", "simple", "medium", "moderate", "hard", "challenging", "extra")
"""Difficulties in the order of reports, those of the public sets among them."""

Slices = Mapping[str, Mapping[str, set[str]]]
"""Kind of slice → name → ids of its examples."""


def slices(examples: Sequence[Example]) -> Slices:
    """Return the slices by test file, database, difficulty, length, table, template and feature of the gold.

    An example may be in several slices of a kind, such as one for each table. A kind with a single slice says nothing
    and is left out. Difficulty is the example's own, else judged by its gold statement.
    """
    groups: dict[str, dict[str, set[str]]] = {}
    for example in examples:
        for kind, names in _names(example).items():
            for name in names:
                groups.setdefault(kind, {}).setdefault(name, set()).add(example.id)
    tables: dict[str, set[str]] = {}
    for written, shown in shortest_names(groups.get("table", {})).items():
        tables.setdefault(shown, set()).update(groups["table"][written])
    groups["table"] = tables
    for kind in ("database", "table", "template"):
        groups[kind] = _largest(groups.get(kind, {}))
    orders = {"feature": FEATURES, "difficulty": LEVELS, "length": (*(name for _, name in LENGTHS), LONGER)}
    for kind, order in orders.items():
        found = groups.get(kind, {})
        listed = [name for name in order if name in found]
        groups[kind] = {name: found[name] for name in (*listed, *(name for name in found if name not in listed))}
    kinds = ("part", "database", "difficulty", "length", "table", "feature", "template")
    return {kind: groups[kind] for kind in kinds if len(groups.get(kind, ())) > 1}


def _names(example: Example) -> dict[str, Iterable[str]]:
    """Return kind → the slices that an example is in."""
    sql = example.sql[0]
    found: dict[str, Iterable[str]] = {
        "part": (PurePath(example.source).name.partition(".")[0],) if example.source else (),
        "database": (example.db_id,) if example.db_id else (),
        "difficulty": (example.difficulty,) if example.difficulty else (),
        "length": (next((name for most, name in LENGTHS if len(sql.split()) <= most), LONGER),),
    }
    try:
        tree = parse(sql, example.dialect)
        nodes = list(tree.walk())
        found |= {"feature": features_of(tree), "table": tables_written(nodes)}
        found |= {} if example.difficulty else {"difficulty": (level_of(nodes),)}
        return found | {"template": (write(mask_values(tree), example.dialect, keep=False),)}
    except (SQLError, RecursionError):
        return found


def _largest(groups: Mapping[str, set[str]]) -> dict[str, set[str]]:
    sizes = Counter({name: len(ids) for name, ids in groups.items()})
    kept = [name for name, size in sizes.most_common(LARGEST) if size > 1]
    others = set().union(*(ids for name, ids in groups.items() if name not in kept))
    return {name: groups[name] for name in kept} | ({OTHER: others} if others and kept else {})
