"""What a review holds: the answers of one evaluation, what is said of them, and what runs their statements."""

from __future__ import annotations

from typing import Any

from sqltailor.answer_verdict import run_judged
from sqltailor.errors import SQLError, SQLTailorError
from sqltailor.evaluate.review.both_results import BothResults
from sqltailor.evaluate.review.reviews import Answered, Reviews
from sqltailor.reply import Ran
from sqltailor.serve.api_keys import LOCAL, ApiKey
from sqltailor.serve.counters import Counters
from sqltailor.serve.http_faults import fault_of
from sqltailor.serve.options import ServeOptions
from sqltailor.serve.rates import Rates
from sqltailor.serve.worker import Worker
from sqltailor.sql.dialect import parse
from sqltailor.sql.guard import check
from sqltailor.types import Grant, Verdict


class ReviewService:
    """Answers for the routes of a review. It listens on this machine only, so that nobody needs a key."""

    def __init__(self, reviews: Reviews, results: BothResults, grant: Grant, options: ServeOptions) -> None:
        self.reviews, self.options = reviews, options
        self.rates = Rates(options.rate_per_minute, options.at_once)
        self._results, self._grant = results, grant
        self._worker = Worker("database", queue=options.queue, timeout_s=options.timeout_s)
        self.counters = Counters((self._worker,))

    def caller(self, token: str | None) -> ApiKey:
        """Return whoever sits at this machine."""
        return LOCAL

    async def results(self, answered: Answered) -> dict[str, Any]:
        """Return the results of both statements. Raises `HttpFault`."""
        try:
            return await self._worker.do(lambda: self._results.of(answered))
        except SQLTailorError as e:
            raise fault_of(e) from e

    async def run(self, answered: Answered, sql: str) -> Ran:
        """Return what becomes of SQL that a reviewer wrote for a question. Raises `HttpFault`."""
        try:
            return await self._worker.do(lambda: self._ran(answered, sql))
        except SQLTailorError as e:
            raise fault_of(e) from e

    def _ran(self, answered: Answered, sql: str) -> Ran:
        """Run a statement that the guard allows; without a database it is judged alone, without a schema, parsed."""
        dialect, schema = answered.example.dialect, self._results.schema(answered)
        if not schema.tables:
            try:
                parse(sql, dialect)
            except SQLError as e:
                return Ran(Verdict(False, "parse", str(e)), None)
            return Ran(Verdict(True), None)
        verdict = check(sql, dialect=dialect, schema=schema, grant=self._grant)
        database = self._results.golds.database(answered.example)
        return run_judged(database, sql, verdict) if verdict.allowed and database is not None else Ran(verdict, None)

    def close(self) -> None:
        """End what is under way."""
        self._worker.close()
        self._results.golds.close()
