"""What Prometheus reads: requests, answers, tokens, times, and what waits."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from sqltailor.reply import Reply
from sqltailor.serve.worker import Worker

__all__ = ["CONTENT_TYPE_LATEST", "Counters"]
BUCKETS_S = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120)


class Counters:
    """The counts of one server. No label holds what was asked, or by whom."""

    def __init__(self, workers: tuple[Worker, ...]) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter("sqltailor_requests", "Requests answered", ("route", "status"), registry=registry)
        self._seconds = Histogram(
            "sqltailor_request_seconds", "Time of a request", ("route",), buckets=BUCKETS_S, registry=registry
        )
        self._in_flight = Gauge("sqltailor_requests_in_flight", "Requests being answered", registry=registry)
        self._gone = Counter("sqltailor_clients_gone", "Clients that left before their answer", registry=registry)
        self._answers = Counter("sqltailor_answers", "Answers to questions", ("outcome",), registry=registry)
        self._tokens = Counter("sqltailor_tokens", "Tokens read and written", ("direction",), registry=registry)
        waiting = Gauge("sqltailor_waiting", "Calls that wait or are under way", ("worker",), registry=registry)
        for worker in workers:
            waiting.labels(worker.name).set_function(lambda worker=worker: worker.waiting)

    def began(self) -> None:
        """Count a request that begins."""
        self._in_flight.inc()

    def ended(self, route: str, status: int | None, seconds: float) -> None:
        """Count a request that ends; without a status its client is gone."""
        self._in_flight.dec()
        if status is None:
            self._gone.inc()
            return
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def answered(self, reply: Reply) -> None:
        """Count an answer by what the guard and the known pairs say of it, and its tokens."""
        without = "no_sql" if reply.declined is None else "declined"
        outcome = without if reply.allowed is None else "allowed" if reply.allowed else "refused"
        self._answers.labels("known" if reply.pair is not None and reply.allowed else outcome).inc()
        self._tokens.labels("in").inc(reply.completion.tokens_in or 0)
        self._tokens.labels("out").inc(reply.completion.tokens_out or 0)

    def text(self) -> bytes:
        """Return all counts in Prometheus' text format."""
        return bytes(generate_latest(self._registry))
