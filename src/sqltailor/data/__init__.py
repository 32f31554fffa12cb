"""Examples: read from any known format, checked, deduplicated, split, written for any trainer."""

from sqltailor.data.examples import load_examples, write_examples
from sqltailor.data.readers import READERS, read_examples
from sqltailor.data.rows import Reject

__all__ = ["READERS", "Reject", "load_examples", "read_examples", "write_examples"]
