"""How to serve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Where to listen, and within which limits. `names` are what clients may call the model, besides its reference.

    `host_names` are what the server may be called in a URL. `rate_per_minute` and `at_once` count for each key, or
    address where there are no keys; 0 is no limit. With `approve` nothing runs before a person has read it.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    host_names: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    keys: Path = Path("keys.json")
    audit: Path = Path("audit.jsonl")
    feedback: Path = Path("feedback.jsonl")
    rate_per_minute: float = 120
    at_once: int = 8
    queue: int = 64
    timeout_s: float = 120
    drain_s: int = 30
    approve: bool = False
    votes: int | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
