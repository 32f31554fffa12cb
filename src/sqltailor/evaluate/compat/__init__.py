"""Verdicts as the benchmarks' own scripts give them, quirks included: to compare with published numbers.

Ours are the metrics in `evaluate/metrics`; each module here says what its benchmark does and ours does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sqltailor.data.file_kinds import TABLES_FILES
from sqltailor.errors import ConfigError, unknown
from sqltailor.evaluate.compat.raw_runs import Case, Verdicts


class Sources(NamedTuple):
    """Where the databases are, a folder with one a `db_id` or a single one, and Spider's tables.json.

    `workers` is how many processes may work, None for one a core; where times are measured, only one does.
    """

    databases: str | None = None
    tables: Path | None = None
    workers: int | None = 1

    def needed(self) -> str:
        """Return where the databases are; raises `ConfigError` without any."""
        if self.databases is None:
            raise ConfigError("This verdict runs statements. Give the folder of the databases: --database DIR")
        return self.databases


GiveVerdicts = Callable[[Sequence[Case], Sources], Verdicts]


def _spider(cases: Sequence[Case], sources: Sources) -> Verdicts:
    from sqltailor.evaluate.compat.spider_verdict import spider_verdicts

    return spider_verdicts(cases, sources.databases, tables=sources.tables, workers=sources.workers)


def _test_suite(cases: Sequence[Case], sources: Sources) -> Verdicts:
    from sqltailor.evaluate.compat.spider_verdict import spider_verdicts

    return spider_verdicts(cases, sources.needed(), suite=True, tables=sources.tables, workers=sources.workers)


def _bird(cases: Sequence[Case], sources: Sources) -> Verdicts:
    from sqltailor.evaluate.compat.bird_verdict import bird_verdicts

    return bird_verdicts(cases, sources.needed())


def _bird_ves(cases: Sequence[Case], sources: Sources) -> Verdicts:
    from sqltailor.evaluate.compat.bird_verdict import REPEATS, bird_verdicts

    return bird_verdicts(cases, sources.needed(), repeats=REPEATS)


def _defog(cases: Sequence[Case], sources: Sources) -> Verdicts:
    from sqltailor.evaluate.compat.defog_verdict import defog_verdicts

    return defog_verdicts(cases, sources.needed())


def _wikisql(cases: Sequence[Case], sources: Sources) -> Verdicts:
    from sqltailor.evaluate.compat.wikisql_verdict import wikisql_verdicts

    return wikisql_verdicts(cases)


COMPAT: Mapping[str, GiveVerdicts] = {
    "spider": _spider,
    "test-suite": _test_suite,
    "bird": _bird,
    "bird-ves": _bird_ves,
    "defog": _defog,
    "wikisql": _wikisql,
}
"""Name of each benchmark → what gives its verdicts. `bird-ves` is `bird` with 200 timed runs a right prediction."""


def benchmark_called(name: str) -> GiveVerdicts:
    """Return what gives a benchmark's verdicts; raises `ConfigError` for one that is not known."""
    if name not in COMPAT:
        raise ConfigError(unknown("benchmark", name, COMPAT))
    return COMPAT[name]


def tables_beside(files: Iterable[str | Path]) -> Path | None:
    """Return the first of Spider's tables files that lies beside one of the data files."""
    places = (Path(file).parent / name for file in files for name in TABLES_FILES)
    return next((place for place in places if place.is_file()), None)
