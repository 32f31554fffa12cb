"""Check whether the Hugging Face Hub can be reached from here."""

from __future__ import annotations

import functools
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit


def hub_arguments(base: str) -> dict[str, bool]:
    """Return the arguments that keep transformers from retrying for minutes when a Hub id cannot be reached."""
    return {"local_files_only": not Path(base).is_dir() and not hub_is_there()}


def is_offline() -> bool:
    """Say whether the user keeps the Hub's client from the network."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")


@functools.cache
def hub_is_there() -> bool:
    """Say whether the Hub answers, or a proxy stands before it."""
    if is_offline():
        return False
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True  # the proxy resolves names
    hub = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    try:
        with socket.create_connection((hub.hostname or "", hub.port or 443), timeout=5):
            return True
    except OSError:
        return False
