"""Two processes train as one: the losses of a single process with the same batch; launches that lie are told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sqltailor.errors import BackendError, ConfigError
from sqltailor.recipe import load_recipe
from sqltailor.train.running.processes import check_launch, check_world, check_wrapper
from sqltailor.train.running.settings import accumulation

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from tests.support.tiny_model import make_tiny_model  # noqa: E402
from tests.test_train import BASIC, losses, metrics, run, write_examples  # noqa: E402

SHIM = '''
import os, sys
from accelerate import state
init = state.AcceleratorState.__init__
def as_fsdp(self, *args, **kwargs):
    """accelerate shards on GPUs only; on gloo and a CPU the same code runs when it is told so."""
    init(self, *args, **kwargs)
    plugin = kwargs.get("fsdp_plugin") or self.__dict__.get("fsdp_plugin")
    if plugin is not None and self.distributed_type == state.DistributedType.MULTI_CPU:
        self.distributed_type, self.fsdp_plugin = state.DistributedType.FSDP, plugin
if "shim" in os.environ.get("TEST_FSDP", ""):
    state.AcceleratorState.__init__ = as_fsdp
from sqltailor.recipe import load_recipe
from sqltailor.train import train
train(load_recipe(None, sys.argv[1:], env={}))
'''
FSDP = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_TRANSFORMER_CLS_TO_WRAP": "LlamaDecoderLayer",
    "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT",
    "FSDP_RESHARD_AFTER_FORWARD": "true",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_tiny_model(tmp_path / "tiny")
    write_examples(tmp_path / "train.jsonl", 20)
    (tmp_path / "launched.py").write_text(SHIM)
    return tmp_path


def two(*words: str, name: str = "two", **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "launched.py"]
    source = str(Path(__file__).parent.parent / "src")
    return subprocess.run(
        [*command, *BASIC, "train.epochs=2", "train.local.dtype=fp32", f"train.name={name}", *words],
        capture_output=True,
        text=True,
        timeout=280,
        env=os.environ | {"PYTHONPATH": source, "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"} | environment,
    )


@pytest.mark.slow  # three processes that load everything; what a launch must be is checked below
def test_two_processes_give_the_losses_of_one(folder: Path) -> None:
    one = run("train.local.dtype=fp32", "train.name=one")
    done = two()
    assert done.returncode == 0, done.stderr
    assert losses("runs/two") == pytest.approx(losses(one), rel=2e-4)
    assert [row["step"] for row in metrics("runs/two")] == [row["step"] for row in metrics(one)]
    assert (folder / "runs" / "two" / "DONE").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("lora", [True, False])
def test_sharded_weights_give_the_losses_of_one(folder: Path, lora: bool) -> None:
    words = (f"train.lora.enabled={str(lora).lower()}", "train.learning_rate=0.005")
    one = run("train.local.dtype=fp32", "train.name=one", *words)
    done = two(*words, TEST_FSDP="shim", **FSDP)
    assert done.returncode == 0, done.stderr
    assert losses("runs/two") == pytest.approx(losses(one), rel=2e-3)
    saved = folder / "runs" / "two" / ("adapter" if lora else "model")
    assert list(saved.glob("*.safetensors"))


@pytest.mark.slow
def test_sharding_that_would_silently_be_replication_is_refused(folder: Path) -> None:
    done = two(**FSDP)
    assert done.returncode != 0
    assert "FSDP was asked for, but accelerate trains as MULTI_CPU" in done.stderr


def test_launches_that_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    section = load_recipe(None, ["train.batch=8"], env={}).recipe.train
    with pytest.raises(ConfigError, match="torchrun --nproc-per-node"):
        check_launch(section)
    with pytest.raises(BackendError, match="2 processes were launched, but 1 train together"):
        check_world(SimpleNamespace(num_processes=1, distributed_type="DistributedType.NO"))
    with pytest.raises(BackendError, match="not shared among the 2 processes"):
        check_wrapper(torch.nn.Linear(1, 1), 2)
    check_wrapper(torch.nn.Linear(1, 1), 1)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(BackendError, match="not sharded"):
        check_wrapper(torch.nn.Linear(1, 1), 1)
    assert accumulation(section, 2) == 2
    with pytest.raises(ConfigError, match="multiple of 6"):
        accumulation(section, 3)
