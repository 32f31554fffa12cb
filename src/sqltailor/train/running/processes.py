"""The processes of one training: check the launch, let the first one write, and stop gently on Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

from sqltailor.errors import BackendError, ConfigError

if TYPE_CHECKING:
    from sqltailor.recipe import Train


def is_first_process() -> bool:
    """Say whether this is the process that writes files: the only one, or the first of a launch."""
    return int(os.environ.get("RANK", "0")) == 0


@contextlib.contextmanager
def first_process_first() -> Iterator[None]:
    """Let the first process of a launch go through the block before the others: what it writes, they find."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    from accelerate import PartialState

    with PartialState().main_process_first():
        yield


def wait_for_all() -> None:
    """Wait until all processes of a launch are here."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()


def leave_at_exit() -> None:
    """Let this process leave the launch before the interpreter ends: gloo's threads at times abort one that just goes.

    Source: pytorch/pytorch#179291.
    """
    import atexit

    from accelerate import PartialState

    atexit.register(PartialState().destroy_process_group)


def check_launch(train: Train) -> None:
    """Raise `ConfigError` before the processes meet when the recipe cannot be trained by several."""
    for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        if name not in os.environ:
            raise ConfigError(
                f"WORLD_SIZE is {os.environ.get('WORLD_SIZE')}, but {name} is not set. Launch with: "
                "torchrun --nproc-per-node N -m sqltailor train RECIPE"
            )
    if train.method == "grpo" and train.local.device == "cpu":
        raise ConfigError("Method grpo runs in one process on a CPU. Leave torchrun out.")


def check_world(accelerator: Any) -> None:
    """Raise `BackendError` when fewer processes train together than were launched, or unlike they were asked to.

    `accelerate launch --cpu --num_processes 2` starts one process, and sharding (FSDP) on a CPU becomes replication
    (DDP), both in silence.
    """
    launched = int(os.environ.get("WORLD_SIZE", os.environ.get("ACCELERATE_NUM_PROCESSES", "1")))
    if accelerator.num_processes != launched:
        raise BackendError(
            f"{launched} processes were launched, but {accelerator.num_processes} train together. Launch with: "
            "torchrun --nproc-per-node N -m sqltailor train RECIPE"
        )
    kind = str(accelerator.distributed_type).rpartition(".")[2]
    if _wants_fsdp() and kind != "FSDP":
        raise BackendError(
            f"FSDP was asked for, but accelerate trains as {kind}: it shards on GPUs only. Use plain torchrun here."
        )


def check_wrapper(model: Any, processes: int) -> None:
    """Raise `BackendError` when a model is not wrapped as several processes need it: gradients would not be shared."""
    name = type(model).__name__
    if processes > 1 and name != "DistributedDataParallel" and not name.startswith("FSDP"):
        raise BackendError(f"The model is a {name}: its gradients are not shared among the {processes} processes.")
    if _wants_fsdp() and not name.startswith("FSDP"):
        raise BackendError(f"FSDP was asked for, but the model is a {name}: its weights are not sharded.")


def _wants_fsdp() -> bool:
    return os.environ.get("ACCELERATE_USE_FSDP", "false").lower() in ("1", "true")


@contextlib.contextmanager
def ctrl_c_stops_gently() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether Ctrl-C was pressed; pressed again, it interrupts at once.

    Outside the main thread signals are left alone.
    """
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
