"""Examples: read from any known format, checked, deduplicated, split, written for any trainer."""

from sqltailor.data.examples import load_examples, write_examples
from sqltailor.data.rows import Reject

__all__ = ["Reject", "load_examples", "write_examples"]
