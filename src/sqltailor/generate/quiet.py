"""Silence the progress bars and warnings of libraries; we print our own."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep transformers and datasets from drawing bars and repeating deprecations of their own on standard error."""
    import warnings

    from transformers.utils import logging as transformers_logging

    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it misses a download that CPUs do not need
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    datasets = sys.modules.get("datasets")
    if datasets is not None:
        datasets.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            for module in ("transformers", "trl", "peft", "bitsandbytes", "torch"):
                warnings.filterwarnings("ignore", module=module)
            warnings.filterwarnings("ignore", message=".*'rollout_func'")  # TRL blames the caller
            yield
    finally:
        if bars:
            transformers_logging.enable_progress_bar()
