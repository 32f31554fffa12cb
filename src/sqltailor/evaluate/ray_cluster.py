"""Work on the machines of a Ray cluster: the one that runs here or at RAY_ADDRESS, else one made of this machine.

Every machine needs the same sqltailor, and the same files in the same places. What opens databases is sent to the
workers, with the password where a URL has one: use a cluster whose network you trust.
"""

from __future__ import annotations

import functools
import itertools
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from sqltailor.data.dataset.pool import Work
from sqltailor.errors import BackendError, require
from sqltailor.version import __version__

BATCH = 16
"""Items that a worker does at a time: fewer, and the messages cost more than the work."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Worker:
    """Does batches of items in a process of the cluster, in the folder that the command was started in."""

    def __init__(self, make: Callable[[], Work[Any, Any]], folder: str, version: str) -> None:
        if version != __version__:
            raise BackendError(f"A machine of the cluster has sqltailor {__version__}, this one has {version}.")
        os.chdir(folder)
        self._work = make()

    def do(self, items: list[Any]) -> list[Any]:
        return [self._work(item) for item in items]

    def close(self) -> None:
        self._work.close()


def map_on_ray(
    make: Callable[[], Work[Item, Result]], items: Iterable[Item], *, workers: int | None = None
) -> Iterator[Result]:
    """Yield `make()(item)` for each item, in order, done by so many workers, None for one a core of the cluster.

    Raises what a worker raised, `BackendError` when one is lost or cannot start, and `MissingExtra`.
    """
    ray = require("ray", extra="ray", feature="--engine ray")
    was_connected = ray.is_initialized()
    if not was_connected:
        ray.init(logging_level=logging.ERROR, log_to_driver=False)
    try:
        yield from _done(ray, make, iter(items), workers)
    except ray.exceptions.RayTaskError as e:
        raise e.cause from None
    except ray.exceptions.RayActorError as e:
        raise BackendError(f"A worker of the Ray cluster is lost: {_last_line(e)} The same command goes on.") from e
    finally:
        if not was_connected:
            ray.shutdown()


def _done(
    ray: Any, make: Callable[[], Work[Item, Result]], items: Iterator[Item], workers: int | None
) -> Iterator[Result]:
    from ray.util import ActorPool

    remote = ray.remote(num_cpus=1, max_restarts=3, max_task_retries=3)(_Worker)
    cores = int(ray.cluster_resources().get("CPU", 1))
    shared = ray.put(make)
    found = [remote.remote(shared, os.getcwd(), __version__) for _ in range(min(workers or cores, cores))]
    try:
        batches = iter(functools.partial(_next, items), [])
        done = ActorPool(found).map(lambda worker, batch: worker.do.remote(batch), batches)
        yield from itertools.chain.from_iterable(done)
        ray.get([worker.close.remote() for worker in found])
    finally:
        for worker in found:
            ray.kill(worker)


def _next(items: Iterator[Item]) -> list[Item]:
    return list(itertools.islice(items, BATCH))


def _last_line(e: Exception) -> str:
    return str(e).strip().rpartition("\n")[2]
