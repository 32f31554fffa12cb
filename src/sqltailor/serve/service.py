"""What a server holds: the model, a project for each grant, the workers, the counts and the audit."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sqltailor.asker import Asker
from sqltailor.errors import ConfigError, SQLTailorError
from sqltailor.project import Project
from sqltailor.recipe import Recipe
from sqltailor.reply import Ran, Reply
from sqltailor.serve.api_keys import LOCAL, ApiKey, KeyFile
from sqltailor.serve.audit import Audit
from sqltailor.serve.counters import Counters
from sqltailor.serve.evaluation_job import EvaluationJob
from sqltailor.serve.evaluations import Evaluations
from sqltailor.serve.http_faults import fault_of
from sqltailor.serve.options import LOOPBACK, ServeOptions
from sqltailor.serve.rates import Rates
from sqltailor.serve.worker import Worker
from sqltailor.types import Generate, Grant, Message, Schema

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    """A project under one grant, and what asks about it."""

    project: Project
    asker: Asker


class Service:
    """Answers for all routes. Raises `ConfigError` as `keys_for`, and for keys that may more than the recipe."""

    def __init__(self, recipe: Recipe, model: str, generate: Generate, options: ServeOptions) -> None:
        self.recipe, self.model, self.options = recipe, model, options
        self.keys = keys_for(options)
        self._has_keys = bool(self.keys.keys())
        self.started = int(time.time())
        self.rates = Rates(options.rate_per_minute, options.at_once)
        at_once = getattr(generate, "at_once", 1)
        self.model_worker = Worker("model", queue=options.queue, timeout_s=options.timeout_s, at_once=at_once)
        # what was written side by side is run in its turn, and not refused
        self.database_worker = Worker("database", queue=options.queue + at_once - 1, timeout_s=options.timeout_s)
        self.file_worker = Worker("files", queue=options.queue, timeout_s=options.timeout_s)
        self.counters = Counters((self.model_worker, self.database_worker, self.file_worker))
        self.evaluations = Evaluations(Path(recipe.train.out))
        self.job = EvaluationJob(recipe, model)
        self.audit = Audit(options.audit)
        self._generate = generate
        self._opened: dict[Grant, Opened] = {}
        self._lock = threading.Lock()
        try:
            for key in self.keys.keys() or [LOCAL]:  # so that a wrong grant is reported before anyone asks
                self.opened(key)
        except SQLTailorError:
            self.close()
            raise

    def caller(self, token: str | None) -> ApiKey | None:
        """Return whose key a request brings, or None. Where there never were keys, whoever can connect may ask."""
        if not self._has_keys and not self.keys.keys():
            return LOCAL
        self._has_keys = True  # a server that had keys stays closed when the last one is removed
        return None if token is None else self.keys.find(token)

    @property
    def names(self) -> list[str]:
        """What clients may call the model."""
        return [self.model, *self.options.names]

    def opened(self, key: ApiKey) -> Opened:
        """Return the project as a key may see it. Raises `ConfigError` for a grant that is wider than the recipe's.

        A grant of what is not in the schema raises it, too; both name the key.
        """
        with self._lock:
            if key.grant not in self._opened:
                project = Project(_narrowed(self.recipe, key))
                try:
                    _check_narrower(project, key, self.recipe)
                    asker = Asker(project, self.model, self._generate, votes=self.options.votes)
                except SQLTailorError as e:
                    project.close()
                    if isinstance(e, ConfigError) and key is not LOCAL:
                        raise ConfigError(f"The key '{key.name}' of {self.options.keys}: {e}") from e
                    raise
                self._opened[key.grant] = Opened(project, asker)
            return self._opened[key.grant]

    async def open(self, key: ApiKey) -> Opened:
        """Return `opened` without keeping others waiting: a key that was just made opens its project now."""
        known = self._opened.get(key.grant)
        return known if known is not None else await self.with_database(lambda: self.opened(key))

    async def with_database(self, call: Callable[[], T]) -> T:
        """Do something with the database, when its turn comes. Raises `HttpFault`."""
        return await _expected(self.database_worker, call)

    async def with_files(self, call: Callable[[], T]) -> T:
        """Read and compare evaluations, when their turn comes. Raises `HttpFault`."""
        return await _expected(self.file_worker, call)

    @property
    def is_ready(self) -> bool:
        """Whether another question would be taken."""
        return self.model_worker.has_room and self.database_worker.has_room

    def may_run(self, key: ApiKey) -> bool:
        """Whether answers run by themselves for a key."""
        return self.recipe.database.url is not None and "rows" in key.rights and not self.options.approve

    async def replies(
        self,
        key: ApiKey,
        question: str | Mapping[str, Any],
        history: Sequence[Message] = (),
        *,
        request: str,
        action: str,
        run: bool,
        values: Sequence[str] | None = None,
    ) -> AsyncIterator[Reply]:
        """Yield the answer when it is written, and again when it has run; the model is free while it runs."""
        run = run and self.may_run(key)

        def write() -> tuple[Iterator[Reply], Reply]:
            growing = self.opened(key).asker.stream(question, history, run=run, values=values)
            return growing, next(growing)

        growing, reply = await _expected(self.model_worker, write)
        self.counters.answered(reply)
        try:
            if run and reply.allowed:
                yield reply
                reply = await self.with_database(lambda: next(growing))
        finally:  # also when the client has left
            self._note(key, request, action, question, reply.sql, reply.to_json())
        yield reply

    async def run(self, key: ApiKey, sql: str, question: str | None, *, request: str, action: str) -> Ran:
        """Return what became of a statement that a person wrote."""
        ran = await self.with_database(lambda: self.opened(key).asker.run(sql))
        self._note(key, request, action, question, sql, ran.to_json())
        return ran

    def _note(
        self,
        key: ApiKey,
        request: str,
        action: str,
        question: str | Mapping[str, Any] | None,
        sql: str | None,
        result: dict[str, Any],
    ) -> None:
        words = str(question) if question is not None else None
        self.audit.note(request=request, key=key.name, action=action, question=words, sql=sql, result=result)

    def close(self) -> None:
        """End what is under way, and close every database."""
        self.model_worker.close()
        self.database_worker.close()
        self.file_worker.close()
        self.job.close()
        for opened in self._opened.values():
            opened.project.close()


def keys_for(options: ServeOptions) -> KeyFile:
    """Return the key file. Raises `ConfigError` where there are no keys and others than this machine can connect."""
    keys = KeyFile(options.keys)
    if options.host not in LOOPBACK and not keys.keys():
        raise ConfigError(
            f"--host {options.host} can be reached by others, and there are no keys in {options.keys}. Make one: "
            "sqltailor keys add NAME"
        )
    return keys


async def _expected(worker: Worker, call: Callable[[], T]) -> T:
    """Do a call; an error that users can cause becomes what the client is told."""
    try:
        return await worker.do(call)
    except SQLTailorError as e:
        raise fault_of(e) from e


def _narrowed(recipe: Recipe, key: ApiKey) -> Recipe:
    """Return the recipe with what a key allows instead of the recipe's own, and denies besides."""
    database = recipe.database
    allow, deny = key.allow or database.allow, (*database.deny, *key.deny)
    return recipe.model_copy(update={"database": database.model_copy(update={"allow": allow, "deny": deny})})


def _check_narrower(project: Project, key: ApiKey, recipe: Recipe) -> None:
    granted = project.granted
    if not key.allow or not (recipe.database.allow or recipe.database.deny):
        return
    with Project(recipe) as whole:
        more = _columns(granted) - _columns(whole.granted)
    if more:
        named = ", ".join(sorted(".".join(filter(None, place)) for place in more)[:3])
        raise ConfigError(f"It allows {named}, which the recipe does not grant (database.allow).")


def _columns(schema: Schema) -> set[tuple[str | None, str, str]]:
    return {(t.namespace, t.name, c.name) for t in schema.tables for c in t.columns}
