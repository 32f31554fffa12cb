"""What SageMaker's serverless customization does: checks its hyperparameters, tunes, leaves adapter and merged weights.

The local base is tuned in place of the open model that the job names.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqltailor.cloud.sagemaker.serverless_training import LIMITS
from sqltailor.errors import DataError
from sqltailor.export.artifacts import write_adapter, write_merged
from sqltailor.generate.references import resolve
from sqltailor.local_bedrock.resources import TrainingJob, new_id
from sqltailor.local_bedrock.sagemaker_jobs import fetch_channel, output_of
from sqltailor.local_bedrock.state import State
from sqltailor.local_bedrock.tuning import Order, Tune
from sqltailor.types import Message
from sqltailor.wire.converse import training_record

NAMES = {
    "max_epochs": "epochs",
    "global_batch_size": "batch",
    "learning_rate": "learning_rate",
    "weight_decay": "weight_decay",
    "gradient_clipping_threshold": "max_grad_norm",
    "dataset_max_len": "max_length",
    "seed": "seed",
    "lora_rank": "lora.r",
    "lora_alpha": "lora.alpha",
    "lora_dropout": "lora.dropout",
}
"""Hyperparameter that is required → key of a recipe that has the same range."""


class ServerlessImage:
    """Runs a job. `tune` is what trains."""

    def __init__(self, tune: Tune, s3: Any) -> None:
        self.tune, self.s3 = tune, s3

    def __call__(self, state: State, job: TrainingJob) -> None:
        hyper = job.request.get("HyperParameters", {})
        for name, key in NAMES.items():
            if name not in hyper or not LIMITS[key].allows(float(hyper[name])):
                raise DataError(f"The hyperparameter {name} is {hyper.get(name)}; allowed: {LIMITS[key]}")
        folder = state.home / f"{job.name}-{new_id()}"
        folder.mkdir(parents=True)
        paths = {}
        for channel in job.request["InputDataConfig"]:
            name = channel["ChannelName"]
            paths[name] = folder / f"{name}.jsonl"
            text = b"".join(fetch_channel(self.s3, channel).values()).decode()
            paths[name].write_text("".join(_record(line) for line in text.splitlines()))
        tuned = self.tune(Order(folder, paths["train"], paths.get("validation"), int(hyper["max_epochs"]), 0, job.stop))
        job.enter("Uploading")
        made = folder / "made"
        self._write(Path(tuned.reference), made)
        at = output_of(job) / "model/checkpoints"
        for file in sorted(made.rglob("*")):
            if file.is_file():
                key = (at / file.relative_to(made).as_posix()).key
                self.s3.put_object(Bucket=at.bucket, Key=key, Body=file.read_bytes())

    def _write(self, reference: Path, out: Path) -> None:
        for name in ("hf", "hf_merged"):
            (out / name).mkdir(parents=True)
        if reference.is_file():  # a stand-in that learns by heart
            (out / "hf" / "adapter_config.json").write_text("{}")
            (out / "hf_merged" / reference.name).write_bytes(reference.read_bytes())
            return
        source = resolve(str(reference))
        write_adapter(source, out / "hf")
        write_merged(source, out / "hf_merged")


def _record(line: str) -> str:
    *asked, answer = (Message(m["role"], m["content"]) for m in json.loads(line)["messages"])
    return json.dumps(training_record(asked, answer.content)) + "\n"
