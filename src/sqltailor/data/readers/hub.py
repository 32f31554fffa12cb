"""Rows of a Hugging Face data set: a name on the Hub or a local copy."""

from __future__ import annotations

from collections.abc import Iterator

from sqltailor.data.rows import Reject, Row
from sqltailor.errors import BackendError, DataError, require


def hub_rows(name: str) -> Iterator[Row | Reject]:
    """Yield the rows of `NAME[:SPLIT]` (split `train` when not named), streamed, `line` counted from 1.

    Raises `DataError` for an unknown data set or split, `BackendError` when the Hub does not answer.
    """
    datasets = require("datasets", extra="train", feature="Reading a Hugging Face data set")
    path, _, split = name.partition(":")
    try:
        rows = datasets.load_dataset(path, split=split or "train", streaming=True)
        yield from (Row(line, value) for line, value in enumerate(rows, 1))
    except (ConnectionError, TimeoutError) as e:
        raise BackendError(f"The Hugging Face Hub did not answer for '{path}': {e}") from e
    except (ValueError, FileNotFoundError, datasets.exceptions.DatasetsError) as e:
        raise DataError(f"The Hugging Face data set '{name}' cannot be read: {e}") from e
