"""Run folders, and files written whole or not at all."""

from sqltailor.runs.environment import cores, environment, package_version
from sqltailor.runs.files import (
    append_jsonl,
    data_hash,
    faults_name,
    file_name,
    hash_data,
    read_json,
    read_jsonl,
    write_json_atomic,
    write_text_atomic,
)
from sqltailor.runs.folder import (
    Run,
    all_runs,
    create_run,
    evaluation_folder,
    find_run,
    log_to,
    move_aside,
    newest_training,
    newest_with_predictions,
    unfinished_run,
)
from sqltailor.runs.lock import lock

__all__ = [
    "Run",
    "all_runs",
    "append_jsonl",
    "cores",
    "create_run",
    "data_hash",
    "environment",
    "evaluation_folder",
    "faults_name",
    "file_name",
    "find_run",
    "hash_data",
    "lock",
    "log_to",
    "move_aside",
    "newest_training",
    "newest_with_predictions",
    "package_version",
    "read_json",
    "read_jsonl",
    "unfinished_run",
    "write_json_atomic",
    "write_text_atomic",
]
