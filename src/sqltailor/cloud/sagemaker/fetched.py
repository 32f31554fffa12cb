"""What a job left in S3, brought into its run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sqltailor.aws.s3 import Place, download, keys_below
from sqltailor.aws.session import client
from sqltailor.errors import BackendError
from sqltailor.runs import Run


def fetch(run: Run, below: Place, known: dict[str, Any]) -> Path:
    """Download what lies below a place into a folder of the run, and return that. Raises `BackendError` for nothing."""
    fetched = run.path / ".fetched"
    shutil.rmtree(fetched, ignore_errors=True)
    s3 = client("s3", known["region"])
    keys = keys_below(s3, below, account=known["account"])
    if not keys:
        raise BackendError(f"The job left nothing at {below}. See what it says: sqltailor jobs show {run.path}")
    for key in keys:
        download(s3, Place(below.bucket, key), fetched / key.removeprefix(below.key), account=known["account"])
    return fetched


def adopt(fetched: Path, target: Path) -> None:
    """Move a file or a folder to its place, over what an earlier try left there."""
    if target.is_dir():
        shutil.rmtree(target)
    fetched.replace(target)
