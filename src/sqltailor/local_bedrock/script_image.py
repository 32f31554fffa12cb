"""What AWS's PyTorch image does with a job of ours: really runs its entry script, in a folder for /opt/ml.

Not done is `pip install`: the wheel of the code channel is unpacked onto the path, and this installation has the rest.
A base of the Hub, which is large, is replaced by the server's own base, as Nova is.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path
from typing import Any

from sqltailor.aws.s3 import Place, place
from sqltailor.errors import BackendError, DataError
from sqltailor.generate.bases import BASES
from sqltailor.local_bedrock.resources import TrainingJob
from sqltailor.local_bedrock.sagemaker_jobs import fetch_channel, output_of
from sqltailor.local_bedrock.state import State
from sqltailor.local_bedrock.tuning import Stopped

SCRIPT_IMAGE = "huggingface-pytorch-training"
OPT_ML = "/opt/ml"
LOOK_EVERY_S, ENDS_S = 0.2, 60.0
"""How often a program is looked at, and how long it may take to end when it is told to."""
INTERRUPTION = "SpotInterruption"
"""In place of an operation: the next spot job is interrupted, once it has saved a checkpoint."""


class ScriptImage:
    """Runs a job. `base` is trained in place of one of the Hub."""

    def __init__(self, s3: Any, base: str) -> None:
        self.s3, self.base = s3, base

    def __call__(self, state: State, job: TrainingJob) -> None:
        root = state.home / job.name / "opt-ml"
        while True:
            shutil.rmtree(root, ignore_errors=True)
            self._fill(root, job)
            interrupted = bool(job.request.get("EnableManagedSpotTraining") and state.faults.take(INTERRUPTION))
            code = self._run(root, job, interrupted)
            self._keep_checkpoints(root, job)
            if job.stop.is_set():
                raise Stopped
            if not interrupted:
                break
            job.enter("Interrupted")
            job.enter("Restarting")
            job.enter("Training")
        if code:
            failure = root / "output" / "failure"
            said = failure.read_text() if failure.is_file() else ""
            raise BackendError(f"AlgorithmError: {said}, exit code: {code}")
        job.enter("Uploading")
        self._upload(root / "model", job)

    def _fill(self, root: Path, job: TrainingJob) -> None:
        request = job.request
        for channel in request["InputDataConfig"]:
            folder = root / "input" / "data" / channel["ChannelName"]
            for name, content in fetch_channel(self.s3, channel).items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(_relocated(content, root) if name.endswith((".yaml", ".txt")) else content)
        recipe = root / "input" / "data" / "config" / "recipe.yaml"
        if recipe.is_file():
            recipe.write_text(with_base(recipe.read_text(encoding="utf-8"), self.base), encoding="utf-8")
        hosts = [f"algo-{i + 1}" for i in range(request["ResourceConfig"]["InstanceCount"])]
        config = {
            "hyperparameters": request.get("HyperParameters", {}),
            "resourceconfig": {"current_host": hosts[0], "hosts": hosts[:1]},
            "inputdataconfig": {c["ChannelName"]: {"TrainingInputMode": "File"} for c in request["InputDataConfig"]},
        }
        for name, value in config.items():
            file = root / "input" / "config" / f"{name}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(_relocated(json.dumps(value).encode(), root))
        at = self._checkpoints(job)
        if at is not None:
            for name, content in _objects(self.s3, at).items():
                file = root / "checkpoints" / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        (root / "model").mkdir()

    def _run(self, root: Path, job: TrainingJob, interrupted: bool) -> int:
        arguments = " ".join(job.request["AlgorithmSpecification"].get("ContainerArguments", ()))
        entry = re.search(rf"python {OPT_ML}/(\S+\.py)", arguments)
        if entry is None:
            raise DataError(f"The local SageMaker runs `python {OPT_ML}/….py` only, not: {arguments}")
        requirements = root / "input" / "data" / "code" / "requirements.txt"
        if requirements.is_file() and re.search(r"(?m)^torch\b", requirements.read_text()):
            raise DataError("requirements.txt names torch, in place of the image's own")
        environment = os.environ | dict(job.request.get("Environment", {})) | _site(root)
        environment |= {"TRAINING_JOB_NAME": job.name, "TRAINING_JOB_ARN": job.arn}
        with (root / "stderr.txt").open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, str(root / entry[1])],
                cwd=root,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                start_new_session=True,
            )
        reading = threading.Thread(target=_scrape, args=(process.stdout, job), daemon=True)
        reading.start()
        while process.poll() is None:
            saved = interrupted and any(
                (root / "checkpoints").glob("runs/*/checkpoints/checkpoint-*/trainer_state.json")
            )
            if job.stop.wait(LOOK_EVERY_S) or saved:
                _end(process)
        reading.join()
        assert process.stdout is not None
        process.stdout.close()
        return process.returncode

    def _checkpoints(self, job: TrainingJob) -> Place | None:
        config = job.request.get("CheckpointConfig")
        return place(config["S3Uri"]) if config else None

    def _keep_checkpoints(self, root: Path, job: TrainingJob) -> None:
        at = self._checkpoints(job)
        if at is not None:
            self._put(root / "checkpoints", at)

    def _upload(self, model: Path, job: TrainingJob) -> None:
        if job.request["OutputDataConfig"].get("CompressionType") == "NONE":
            self._put(model, output_of(job) / "model")
            return
        archive = model.with_suffix(".tar.gz")
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(model, ".")
        at = output_of(job) / "model.tar.gz"
        self.s3.put_object(Bucket=at.bucket, Key=at.key, Body=archive.read_bytes())

    def _put(self, folder: Path, at: Place) -> None:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not file.name.startswith("."):
                key = (at / file.relative_to(folder).as_posix()).key
                self.s3.put_object(Bucket=at.bucket, Key=key, Body=file.read_bytes())


def _relocated(content: bytes, root: Path) -> bytes:
    return content.replace(OPT_ML.encode(), str(root).encode())


def with_base(recipe: str, base: str) -> str:
    """Return the YAML of a recipe with another base, where its own is not one of the named ones."""
    import yaml

    values = yaml.safe_load(recipe)
    if values["base"] in BASES:
        return recipe
    return str(yaml.safe_dump(values | {"base": base}, sort_keys=False, allow_unicode=True))


def _objects(s3: Any, at: Place) -> dict[str, bytes]:
    source = {"S3DataSource": {"S3Uri": str(at)}}
    return fetch_channel(s3, {"DataSource": source})


def _site(root: Path) -> dict[str, str]:
    """Return the path on which the wheels of the code channel are found, unpacked."""
    site = root / "site"
    for wheel in (root / "input" / "data" / "code").glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    return {"PYTHONPATH": str(site)}


def _scrape(lines: Any, job: TrainingJob) -> None:
    """Read what a job prints for its metrics, as SageMaker does."""
    wanted = job.request["AlgorithmSpecification"].get("MetricDefinitions", ())
    for line in lines:
        for metric in wanted:
            found = re.search(metric["Regex"], line)
            if found:
                job.metrics[metric["Name"]] = float(found[1])


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(ENDS_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
