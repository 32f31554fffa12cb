"""The child process: it stays cheap, comes back after a kill, and never outlives its parent."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sqltailor.database import Database, open_database
from sqltailor.errors import ConfigError, Refused, SQLError, Timeout

ENDLESS = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c"


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = tmp_path / "t.db"
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    connection.close()
    return f"sqlite:///{path}"


def pid(database: Database) -> int:
    process = database._child._process
    assert process is not None
    return process.pid


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(process: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(process) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_running(process)


def test_a_statement_costs_little(url: str) -> None:
    with open_database(url) as database:
        times = []
        for _ in range(300):
            started = time.perf_counter()
            database.run("SELECT a FROM t")
            times.append(time.perf_counter() - started)
    assert sorted(times)[150] < 0.001


def test_where_posix_limits_are_missing_the_way_on_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ConfigError, match="On Windows, use WSL: wsl --install"), open_database(url) as database:
        database.run("SELECT a FROM t")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_comes_back_after_it_died_between_statements(url: str, number: signal.Signals) -> None:
    with open_database(url) as database:
        first = pid(database)
        os.kill(first, number)
        assert wait_until_gone(first, 2)
        assert database.run("SELECT a FROM t").rows == [(1,)]
        assert pid(database) != first


def test_a_death_during_a_statement_is_the_statements_fault(url: str) -> None:
    with open_database(url) as database:
        threading.Timer(0.2, os.kill, (pid(database), signal.SIGKILL)).start()
        with pytest.raises(Refused, match="ended the process") as error:
            database.run(ENDLESS, timeout_s=5)
        assert error.value.layer == "limits"
        assert database.run("SELECT a FROM t").rows == [(1,)]


def test_a_child_that_hangs_is_killed(url: str) -> None:
    with open_database(url) as database:
        first = pid(database)
        os.kill(first, signal.SIGSTOP)
        with pytest.raises(Timeout):
            database.run("SELECT a FROM t", timeout_s=0.1)
        assert not is_running(first)
        assert database.run("SELECT a FROM t").rows == [(1,)]


def test_an_interrupted_parent_reads_no_stale_reply(url: str) -> None:
    with open_database(url) as database:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            database.run(ENDLESS, timeout_s=3)
        assert database.run("SELECT a FROM t").rows == [(1,)]


def many(database: Database, *statements: str, timeout_s: float = 5) -> list[list[tuple[Any, ...]] | None]:
    """Return the rows of each statement, None where it fails."""
    found = database.run_all(statements, timeout_s=timeout_s, max_rows=100_000)
    return [None if isinstance(result, SQLError) else result.rows for result in found]


def test_many_statements_have_the_results_of_each(url: str) -> None:
    wide = f"SELECT '{'é' * 9_000}', a FROM t"
    statements = [f"SELECT a + {n} FROM t" for n in range(300)]
    with open_database(url) as database:
        found = many(
            database, *statements, "SELECT b FROM t", wide, "DELETE FROM t", "SELECT '\0'", "-" * 100_001, wide
        )
        assert found[:300] == [[(n + 1,)] for n in range(300)]
        assert found[300:] == [None, [("é" * 9_000, 1)], None, None, None, [("é" * 9_000, 1)]]
        assert many(database) == []


def test_many_large_results_pass_through_the_pipe(url: str) -> None:
    with open_database(url) as database:
        found = many(database, *[f"SELECT printf('%.*c', 200000, 'x'), {n}" for n in range(40)])
    assert found == [[("x" * 200_000, n)] for n in range(40)]


def test_one_of_many_that_takes_too_long_costs_only_itself(url: str) -> None:
    with open_database(url) as database:
        started = time.monotonic()
        assert many(database, ENDLESS, "SELECT 1", ENDLESS, "SELECT 2", timeout_s=0.2) == [None, [(1,)], None, [(2,)]]
        assert time.monotonic() - started < 2


def test_one_of_many_that_ends_the_process_costs_only_itself(url: str) -> None:
    with open_database(url) as database:
        threading.Timer(0.3, os.kill, (pid(database), signal.SIGKILL)).start()
        assert many(database, "SELECT 1", ENDLESS, "SELECT 2", "SELECT 3") == [[(1,)], None, [(2,)], [(3,)]]


def test_many_that_were_interrupted_leave_no_stale_reply(url: str) -> None:
    with open_database(url) as database:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            many(database, "SELECT 1", ENDLESS, "SELECT 2")
        assert database.run("SELECT 3").rows == [(3,)]


PAIRS = {  # two lists of rows, and whether their length as text shows that they differ
    "other text": ("VALUES ('abc')", "VALUES ('abcd')", True),
    "other order": ("VALUES (1, 'ab'), (22, NULL)", "VALUES (NULL, 22), ('ab', 1)", False),
    "as long": ("VALUES (12)", "VALUES (21)", False),
    "an integer and its fraction": ("VALUES (1)", "VALUES (1.0)", False),
    "a large one": ("VALUES (10000000000000000)", "VALUES (1e16)", False),
    "infinity": ("VALUES (1)", "VALUES (9e999)", False),
    "bytes": ("VALUES (x'00')", "VALUES (x'0000')", True),
}


@pytest.mark.parametrize("case", PAIRS)
def test_rows_may_be_told_apart_without_reading_them(case: str, url: str) -> None:
    one, other, differ = PAIRS[case]
    with open_database(url) as database:
        found = database._child.request_all([(one, 9), (other, 9), (one, 9)], timeout_s=5)
    a, b, again = [came.rows for came in found if not isinstance(came, SQLError)]
    assert (a.must_differ(b), b.must_differ(a), a.must_differ(again)) == (differ, differ, False)
    assert a.text == again.text


@pytest.mark.parametrize(("most", "expected"), [(0, []), (1, []), (2, [(1,), (2,)]), (3, [])])
def test_rows_only_if_there_are_so_many(url: str, most: int, expected: list[tuple[int]]) -> None:
    with open_database(url) as database:
        found = database._child.request("VALUES (1), (2)", timeout_s=5, max_rows=most, only_full=True)
        assert (found.rows, found.truncated) == (expected, not expected)
        empty = database._child.request("SELECT a FROM t WHERE a > 5", timeout_s=5, max_rows=0, only_full=True)
        assert (empty.rows, empty.truncated) == ([], False)


def test_close_ends_the_process(url: str) -> None:
    database = open_database(url)
    process = pid(database)
    database.close()
    database.close()
    assert not is_running(process)


def test_a_forgotten_database_ends_its_process(url: str) -> None:
    database = open_database(url)
    process = pid(database)
    del database
    gc.collect()
    assert not is_running(process)


PARENT = """
import sys, threading
from sqltailor.database import open_database
database = open_database(sys.argv[1])
print(database._child._process.pid, flush=True)
{action}
"""


@pytest.mark.parametrize("action", ["sys.stdin.read()", f"database.run({ENDLESS!r}, timeout_s=60)"])
def test_ends_when_its_parent_is_killed(url: str, action: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT.format(action=action), url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        process = int(parent.stdout.readline())
        time.sleep(0.1)
        assert is_running(process)
        parent.kill()
    assert wait_until_gone(process, 2)


def test_a_forked_copy_starts_its_own_process(url: str) -> None:
    with open_database(url) as database:
        first = pid(database)
        child = os.fork()
        if child == 0:
            same = database.run("SELECT a FROM t").rows == [(1,)] and pid(database) != first
            database.close()
            os._exit(0 if same else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert database.run("SELECT a FROM t").rows == [(1,)]
        assert pid(database) == first


def test_a_pickled_copy_starts_its_own_process(url: str) -> None:
    with open_database(url, timeout_s=3) as database, pickle.loads(pickle.dumps(database)) as copy:
        assert copy.run("SELECT a FROM t").rows == database.run("SELECT a FROM t").rows
        assert pid(copy) != pid(database)


def test_threads_get_their_own_answers(url: str) -> None:
    wrong: list[int] = []

    def work(number: int) -> None:
        for i in range(50):
            value = number * 1000 + i
            try:
                if database.run(f"SELECT {value}").rows != [(value,)]:
                    wrong.append(value)
            except SQLError:
                wrong.append(value)

    with open_database(url) as database:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_sees_no_secret_of_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "geheim")
    with open_database(url) as database:
        assert b"geheim" not in Path(f"/proc/{pid(database)}/environ").read_bytes()


def test_cannot_make_a_file_grow(url: str) -> None:
    with open_database(url) as database:
        limits = Path(f"/proc/{pid(database)}/limits").read_text()
    sizes = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()}
    assert sizes["Max file size"] == "0"
    assert sizes["Max core file size"] == "0"
    assert 512 << 20 < int(sizes["Max address space"]) < 1 << 30
