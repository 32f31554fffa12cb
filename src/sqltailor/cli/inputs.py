"""Input that commands read besides their options: questions, specifications and SQL, from files or standard input."""

from __future__ import annotations

import sys
from pathlib import Path


def read_asked(question: str | None, spec: str | None, follow: str | None) -> str | dict[str, object]:
    """Return the question, or the specification in a file: one of them must be given."""
    from sqltailor.errors import ConfigError

    if follow is not None and spec is not None:
        raise ConfigError("--follow goes on with questions in words: a specification says everything by itself.")
    if (question is None) == (spec is None) or (question is not None and not question.strip()):
        raise ConfigError('Give a question, as in: sqltailor ask "how many customers?" (or --spec FILE).')
    return read_spec(spec) if spec else question or ""


def read_spec(source: str) -> dict[str, object]:
    """Return the JSON object in a file or, for `-`, on standard input."""
    import json

    from sqltailor.errors import DataError

    try:
        value = json.loads(read_stdin() if source == "-" else Path(source).read_text(encoding="utf-8"))
    except OSError as e:
        raise DataError(f"The specification '{source}' cannot be read: {e.strerror}.") from e
    except ValueError as e:
        raise DataError(f"The specification is not JSON: {e}") from e
    if not isinstance(value, dict):
        raise DataError('The specification is not a JSON object, such as {"table": "t", "cols": ["a"]}.')
    return value


def read_stdin() -> str:
    """Return standard input as text. Raises `DataError` where it is not UTF-8."""
    from sqltailor.errors import DataError

    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as e:
        raise DataError(f"Standard input is not UTF-8 text: {e}") from e
