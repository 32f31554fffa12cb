"""Verdicts as the benchmarks' own scripts give them, quirks included: to compare with published numbers.

Ours are the metrics in `evaluate/metrics`; each module here says what its benchmark does and ours does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sqltailor.data.file_kinds import TABLES_FILES
from sqltailor.errors import ConfigError, unknown
from sqltailor.evaluate.compat.raw_runs import Case, Judged


class Sources(NamedTuple):
    """Where the databases are, a folder with one a `db_id` or a single one, and Spider's tables.json.

    `workers` is how many processes may judge, None for one a core; where times are measured, only one does.
    """

    databases: str | None = None
    tables: Path | None = None
    workers: int | None = 1

    def needed(self) -> str:
        """Return where the databases are; raises `ConfigError` without any."""
        if self.databases is None:
            raise ConfigError("This verdict runs statements. Give the folder of the databases: --database DIR")
        return self.databases


Judge = Callable[[Sequence[Case], Sources], Judged]


def _spider(cases: Sequence[Case], sources: Sources) -> Judged:
    from sqltailor.evaluate.compat.spider_verdict import judge_spider

    return judge_spider(cases, sources.databases, tables=sources.tables, workers=sources.workers)


def _test_suite(cases: Sequence[Case], sources: Sources) -> Judged:
    from sqltailor.evaluate.compat.spider_verdict import judge_spider

    return judge_spider(cases, sources.needed(), suite=True, tables=sources.tables, workers=sources.workers)


def _bird(cases: Sequence[Case], sources: Sources) -> Judged:
    from sqltailor.evaluate.compat.bird_verdict import judge_bird

    return judge_bird(cases, sources.needed())


def _bird_ves(cases: Sequence[Case], sources: Sources) -> Judged:
    from sqltailor.evaluate.compat.bird_verdict import REPEATS, judge_bird

    return judge_bird(cases, sources.needed(), repeats=REPEATS)


def _defog(cases: Sequence[Case], sources: Sources) -> Judged:
    from sqltailor.evaluate.compat.defog_verdict import judge_defog

    return judge_defog(cases, sources.needed())


def _wikisql(cases: Sequence[Case], sources: Sources) -> Judged:
    from sqltailor.evaluate.compat.wikisql_verdict import judge_wikisql

    return judge_wikisql(cases)


COMPAT: Mapping[str, Judge] = {
    "spider": _spider,
    "test-suite": _test_suite,
    "bird": _bird,
    "bird-ves": _bird_ves,
    "defog": _defog,
    "wikisql": _wikisql,
}
"""Name of each benchmark → what judges by its rules. `bird-ves` is `bird` with 200 timed runs a right prediction."""


def judge_called(name: str) -> Judge:
    """Return what judges as a benchmark does; raises `ConfigError` for one that is not known."""
    if name not in COMPAT:
        raise ConfigError(unknown("benchmark", name, COMPAT))
    return COMPAT[name]


def tables_beside(files: Iterable[str | Path]) -> Path | None:
    """Return the first of Spider's tables files that lies beside one of the data files."""
    places = (Path(file).parent / name for file in files for name in TABLES_FILES)
    return next((place for place in places if place.is_file()), None)
