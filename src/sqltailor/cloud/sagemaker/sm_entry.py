"""The program that a training job of SageMaker runs: SQLTailor's own training, on what the job's channels hold.

Standard library only: it starts before anything is known to be installed. Its folder is /opt/ml/input/data/code, so
what SageMaker calls /opt/ml is four folders up from this file. Checkpoints go to /opt/ml/checkpoints, which SageMaker
keeps in S3: after an interruption, the same job goes on with the last one.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
LOOK_EVERY_S = 1.0
PORT = 29_500
SAID = 1_000
"""Characters of the last words of a training that failed which SageMaker repeats."""


def main() -> int:
    """Train, show the metrics as they come, and leave run and merged model where SageMaker takes them from."""
    settings = _read("hyperparameters.json")
    hosts = _read("resourceconfig.json")
    run = ROOT / "checkpoints" / "runs" / settings["run"]
    if hosts["current_host"] != hosts["hosts"][0]:
        run.mkdir(parents=True, exist_ok=True)  # only the first machine writes a run, but all log into its folder
    words = ["train", settings["recipe"], f"train.out={run.parent}", f"train.name={run.name}"]
    last: list[str] = []
    child = subprocess.Popen(
        [*launcher(hosts, gpus()), "-m", "sqltailor", *words], stderr=subprocess.PIPE, text=True, errors="replace"
    )
    signal.signal(signal.SIGTERM, lambda *_: child.send_signal(signal.SIGINT))  # it saves a checkpoint, and ends
    reading = threading.Thread(target=_repeat, args=(child.stderr, last), daemon=True)
    reading.start()
    shown = 0
    while child.poll() is None:
        time.sleep(LOOK_EVERY_S)
        shown = show_metrics(run / "metrics.jsonl", shown)
    show_metrics(run / "metrics.jsonl", shown)
    reading.join()
    if child.returncode:
        (ROOT / "output").mkdir(exist_ok=True)
        (ROOT / "output" / "failure").write_text(" ".join(last)[-SAID:])
        return child.returncode
    if hosts["current_host"] == hosts["hosts"][0]:
        leave(run, ROOT / "model")
    return 0


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "input" / "config" / name).read_text())
    return found


def gpus() -> int:
    """Return how many GPUs this machine has."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    return sum(line.startswith("GPU ") for line in listed.splitlines())


def launcher(hosts: dict[str, Any], gpus: int) -> list[str]:
    """Return what starts a module: Python, or one process a GPU on every machine.

    >>> launcher({"current_host": "b", "hosts": ["a", "b"]}, 4)[3:]
    ['--nnodes=2', '--node_rank=1', '--nproc_per_node=4', '--master_addr=a', '--master_port=29500']
    """
    names = hosts["hosts"]
    if len(names) * max(gpus, 1) == 1:
        return [sys.executable]
    return [
        *(sys.executable, "-m", "torch.distributed.run"),
        f"--nnodes={len(names)}",
        f"--node_rank={names.index(hosts['current_host'])}",
        f"--nproc_per_node={max(gpus, 1)}",
        f"--master_addr={names[0]}",
        f"--master_port={PORT}",
    ]


def _repeat(lines: Any, last: list[str]) -> None:
    for line in lines:
        print(line, end="", file=sys.stderr, flush=True)
        last.append(line.strip())
        del last[:-20]


def show_metrics(file: Path, shown: int) -> int:
    """Print the whole lines of a file of metrics from a number on, and return how many there are now."""
    if not file.is_file():
        return shown
    whole = file.read_text().split("\n")[:-1]
    for words in (words for line in whole[shown:] for words in metric_words(json.loads(line))):
        print(words, flush=True)
    return max(shown, len(whole))


def metric_words(row: dict[str, Any]) -> Iterator[str]:
    """Yield what SageMaker finds the metrics of one step in.

    >>> list(metric_words({"step": 3, "loss": 1.5, "lr": 1e-4}))
    ['sqltailor: step=3 train_loss=1.5']
    """
    for name, key in (("train_loss", "loss"), ("eval_loss", "eval_loss")):
        if row.get(key) is not None:
            yield f"sqltailor: step={row['step']} {name}={row[key]}"


def leave(run: Path, out: Path) -> None:
    """Copy a run without its checkpoints to where SageMaker takes the model from, and merge its model there."""
    shutil.copytree(
        run, out / "run", ignore=shutil.ignore_patterns("checkpoints", "stages", ".lock", "merged", "model")
    )
    merged = [sys.executable, "-m", "sqltailor", "export", str(run), "--to", "merged", "--no-parity"]
    subprocess.run([*merged, "--out", str(out / "merged")], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
