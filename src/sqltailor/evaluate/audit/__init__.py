"""Ask the database whether gold SQL means what it seems to: each smell fires only when a rerun changes the answer.

    with open_database("sqlite:///shop.db") as database:
        audit(example, database, database.read_schema()).findings

A rerun is the same statement on the same rows with one thing that ought not to matter changed: text sorted as the
numbers that it holds, NULL sorted last, rows read in another order, another day. Nothing is copied or written.
Read: the preferred gold statement. Not known: faults that no rerun shows, such as a wrong column.
"""

from sqltailor.evaluate.audit.probes import SMELLS, Audit, audit
from sqltailor.evaluate.audit.rerun import Finding

__all__ = ["SMELLS", "Audit", "Finding", "audit"]
