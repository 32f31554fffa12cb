"""A throw-away MariaDB server for tests: started once, reached through a socket, removed at the end."""

from __future__ import annotations

import atexit
import functools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.missing import missing


@functools.cache
def start() -> Path | None:
    """Return the server's socket, or None where MariaDB is not installed."""
    programs = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin"), shutil.which("mariadb-install-db")
    try:
        user = pwd.getpwnam("mysql") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    except KeyError:
        return None
    if None in programs:
        return None
    folder = Path(tempfile.mkdtemp(prefix="sqltailor-maria-"))
    os.chown(folder, user.pw_uid, user.pw_gid)
    as_user: dict[str, Any] = {} if os.getuid() else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    data = ["--no-defaults", f"--datadir={folder}/data"]
    install = [str(programs[1]), *data, "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run(install, check=True, **quiet, **as_user)
    server = subprocess.Popen(
        [str(programs[0]), *data, f"--socket={folder}/socket", "--skip-networking", f"--pid-file={folder}/pid"],
        **quiet, **as_user,
    )  # fmt: skip

    def stop() -> None:
        server.kill()
        server.wait()
        shutil.rmtree(folder)

    atexit.register(stop)
    deadline = time.monotonic() + 30
    while not (folder / "socket").exists():
        assert server.poll() is None, "MariaDB did not start"
        assert time.monotonic() < deadline, "MariaDB did not start in time"
        time.sleep(0.05)
    return folder / "socket"


def url(user: str, database: str, password: str = "") -> str:
    """Return the URL of the server, or skip the test without one; under CI that is a failure."""
    socket = start()
    if socket is None:
        missing("MariaDB server", "apt-get install mariadb-server")
    secret = f":{password}" if password else ""
    return f"mysql://{user}{secret}@/{database}?unix_socket={socket}"


def execute(*statements: str) -> None:
    """Run statements as root."""
    import pymysql

    with (
        pymysql.connect(user="root", unix_socket=str(start()), autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        for statement in statements:
            cursor.execute(statement)
