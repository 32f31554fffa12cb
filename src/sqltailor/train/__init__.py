"""Training on this machine: one recipe → one run folder."""

from __future__ import annotations

from sqltailor.train.local_training import Plans, TrainResult, plan, train
from sqltailor.train.sweep import Variant, sweep

__all__ = ["Plans", "TrainResult", "Variant", "plan", "sweep", "train"]
