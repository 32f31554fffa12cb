"""Memory settings of a training process."""

from __future__ import annotations

import contextlib
import ctypes
import gc


def keep_freed_memory() -> None:
    """Let glibc keep what a step frees, up to buffers of 32 MB: mapping and clearing them anew costs a tenth of a step.

    Settings: mallopt(3). Larger buffers still go back, so that memory does not grow. Without glibc, nothing happens.
    """
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    mallopt(mmap_threshold, 32 << 20)
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(top_pad, 64 << 20)


def give_back_memory() -> None:
    """Return to the system what a training has freed: an evaluation that follows needs room, too."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
