"""The audit as the checks of a data set take it."""

from __future__ import annotations

from sqltailor.data.dataset.row_checker import Probed
from sqltailor.database import Database
from sqltailor.evaluate.audit.probes import audit
from sqltailor.types import Example, Schema


def probe(example: Example, database: Database, schema: Schema) -> Probed:
    """Return the smells that reruns of an example's gold show, as `data check` counts and writes them."""
    found = audit(example, database, schema)
    about = {"id": example.id, "question": example.question or "", "sql": example.sql[0]}
    told = tuple({**about, "smell": f.smell, "says": f.says, "rerun": f.rerun} for f in found.findings)
    names = [finding.smell for finding in found.findings] + ["not_probed"] * bool(found.unanswered)
    return Probed(tuple(names), told)
