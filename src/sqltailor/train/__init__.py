"""Training: one recipe → one run folder, on this machine or, by its backend, elsewhere."""

from __future__ import annotations

from sqltailor.train.local import Plans, TrainResult, plan, train

__all__ = ["Plans", "TrainResult", "plan", "train"]
