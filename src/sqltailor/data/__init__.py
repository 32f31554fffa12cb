"""Examples: read from any known format, checked, deduplicated, split, written for any trainer."""

from sqltailor.data.examples import load_examples, write_examples
from sqltailor.data.import_ import ImportSummary, check_data, import_data
from sqltailor.data.readers import READERS, read_examples
from sqltailor.data.rows import Reject

__all__ = [
    "READERS",
    "ImportSummary",
    "Reject",
    "check_data",
    "import_data",
    "load_examples",
    "read_examples",
    "write_examples",
]
