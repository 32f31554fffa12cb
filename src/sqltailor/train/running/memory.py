"""How a training process asks the system for memory."""

from __future__ import annotations

import ctypes


def keep_freed_memory() -> None:
    """Let glibc keep what a step frees: mapping and clearing its large buffers anew takes a seventh of a step's time.

    Settings: mallopt(3). The process keeps its peak. Without glibc, nothing happens.
    """
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    mallopt(mmap_max, 0)
    mallopt(trim_threshold, -1)
    mallopt(top_pad, 64 << 20)
