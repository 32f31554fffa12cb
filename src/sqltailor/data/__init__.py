"""Examples: read from any known format, checked, deduplicated, split, written for any trainer."""

from sqltailor.data.checks.rules import Violation, check_files
from sqltailor.data.dataset.exporting import ExportSummary, export
from sqltailor.data.dataset.importing import ImportSummary, check_data, import_data
from sqltailor.data.examples import load_examples, write_examples
from sqltailor.data.readers import READERS, read_examples
from sqltailor.data.rows import Reject
from sqltailor.data.writers import WRITERS

__all__ = [
    "READERS",
    "WRITERS",
    "ExportSummary",
    "ImportSummary",
    "Reject",
    "Violation",
    "check_data",
    "check_files",
    "export",
    "import_data",
    "load_examples",
    "read_examples",
    "write_examples",
]
