"""A throw-away PostgreSQL server for tests: started once, reached through a socket, removed at the end."""

from __future__ import annotations

import atexit
import functools
import glob
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.support.missing import missing

PORT = 54329
OWNER = "owner"


def programs() -> Path | None:
    """Return the folder of initdb and pg_ctl: the system's, or the one that the package pgserver brings."""
    found = [Path(folder) for folder in sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).parent)
    if package := importlib.util.find_spec("pgserver"):
        found.append(Path(str(package.origin)).parent / "pginstall" / "bin")
    return next((folder for folder in found if (folder / "initdb").exists()), None)


@functools.cache
def start() -> Path | None:
    """Return the folder of the server's socket, or None where PostgreSQL is not installed."""
    found = programs()
    user = _unprivileged_user()
    if found is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="sqltailor-pg-"))
    os.chown(folder, user.pw_uid, user.pw_gid)

    def run(program: str, *arguments: str) -> None:
        as_user: dict[str, Any] = {} if os.getuid() else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}
        output = subprocess.run(
            [str(found / program), "-D", f"{folder}/data", *arguments],
            check=False, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder, **as_user,
        )  # fmt: skip
        assert output.returncode == 0, output.stderr

    run("initdb", "-A", "trust", "-U", OWNER, "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
    settings = f"-k {folder} -p {PORT} -c listen_addresses= -c fsync=off -c max_connections=30"
    run("pg_ctl", "-w", "-l", f"{folder}/log", "-o", settings, "start")

    def stop() -> None:
        run("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(folder)

    atexit.register(stop)
    return folder


def _unprivileged_user() -> pwd.struct_passwd:
    # the server refuses to run as root
    if os.getuid():
        return pwd.getpwuid(os.getuid())
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def url(user: str, database: str = "postgres", password: str = "") -> str:
    """Return the URL of the server, or skip the test without one; under CI that is a failure."""
    folder = start()
    if folder is None:
        missing("PostgreSQL server", "apt-get install postgresql, or pip install pgserver")
    secret = f":{password}" if password else ""
    return f"postgresql://{user}{secret}@/{database}?host={folder}&port={PORT}"


def execute(database: str, *statements: str) -> None:
    """Run statements as the owner of everything."""
    import psycopg

    with psycopg.connect(url(OWNER, database), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
