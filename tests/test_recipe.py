"""Recipes: where values come from, what is refused, and that no secret is shown."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import sqltailor
from sqltailor.errors import ConfigError
from sqltailor.recipe import (
    Recipe,
    Resolved,
    dump,
    export_env_file,
    load_recipe,
    recipe_hash,
    reference_page,
    rows,
    shipped_recipes,
    stages,
    variants,
)
from sqltailor.recipe.fields import Section
from sqltailor.recipe.keys import OF_OTHER_TRAINERS, leaves, meaning, nearest
from sqltailor.recipe.source import dotted, parse_value, scalar
from sqltailor.recipe.variables import LEGACY, read_env_file

BOMB = "a: &a [1, 2]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in pairwise("abcdefghi")
)
SECRET = "s3cret-Pa55"
URL = f"postgresql://reader:{SECRET}@db.example/shop"


def load(folder: Path, text: str | None, *overrides: str, env: dict[str, str] | None = None) -> Resolved:
    """Load a recipe of this text in a folder, with no environment but `env`."""
    if text is not None:
        (folder / "recipe.yaml").write_text(text, encoding="utf-8")
    return load_recipe(None, overrides, env=env or {}, cwd=folder)


def faults(folder: Path, text: str | None, *overrides: str, env: dict[str, str] | None = None) -> list[str]:
    """Return the lines of the message that a recipe is refused with, the first one left out."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text, *overrides, env=env)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def test_defaults_without_a_recipe(tmp_path: Path) -> None:
    resolved = load(tmp_path, None)
    assert resolved.recipe == Recipe()
    assert resolved.path is None
    assert set(resolved.origins.values()) == {"default"}
    assert resolved.recipe.base == "small"


def test_precedence_and_origin_of_every_value(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("NUM_TRAIN_EPOCHS=4\nLEARNING_RATE=3e-4\nMAX_SEQ_LENGTH=256\n")
    text = "base: runs/x\ntrain:\n  epochs: 2\n  learning_rate: 2e-4\n  max_length: 512\n  seed: 7\n"
    resolved = load(tmp_path, text, "train.epochs=6", env={"SQLTAILOR_LEARNING_RATE": "4e-4"})
    train = resolved.recipe.train
    assert (train.epochs, train.learning_rate, train.max_length, train.seed, train.batch) == (6, 4e-4, 256, 7, 8)
    wanted = {
        "train.epochs": "command line",
        "train.learning_rate": "environment SQLTAILOR_LEARNING_RATE",
        "train.max_length": ".env MAX_SEQ_LENGTH",
        "train.seed": "recipe.yaml:6",
        "base": "recipe.yaml:1",
        "train.batch": "default",
    }
    assert {name: resolved.origins[name] for name in wanted} == wanted
    assert set(resolved.origins) == {name for name, _, _ in rows(resolved)}


def test_five_faults_are_told_at_once_with_line_and_remedy(tmp_path: Path) -> None:
    text = """\
base: nano
train:
  epohcs: 3
  batch: -1
  lora:
    r: sixteen
  local:
    attention: flash
data:
  train: [a.jsonl, 3]
"""
    assert faults(tmp_path, text) == [
        "recipe.yaml:3: train.epohcs is not a key. Did you mean 'train.epochs'?",
        "recipe.yaml:4: train.batch is -1; allowed: a whole number from 1 (examples).",
        "recipe.yaml:6: train.lora.r is sixteen; allowed: a whole number from 1, at most 1024.",
        "recipe.yaml:8: train.local.attention is flash; allowed: one of auto, flash_attention_2, sdpa, eager.",
        "recipe.yaml:10: data.train[1] is 3; allowed: a string.",
    ]


def test_faults_of_command_line_and_environment_are_told_with_the_others(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TRAIN_SAMPLES=many\n")
    words = ["train.epochs=0", "generate.temprature=1", "train.local.epochs=3", "nonsense"]
    found = faults(tmp_path, "train:\n  seed: -1\n", *words)
    assert len(found) == 6
    assert "command line: train.local.epochs is not a key. Did you mean 'train.epochs'?" in found

    assert "command line: 'nonsense' is not of the form key=value, such as train.epochs=2." in found
    assert "command line: train.epochs is 0; allowed: a number above 0, at most 1000 (epochs)." in found
    assert "command line: generate.temprature is not a key. Did you mean 'generate.temperature'?" in found
    assert ".env TRAIN_SAMPLES: data.train_samples is many; allowed: a whole number from 1 (examples)." in found


def test_the_names_of_other_trainers_are_understood() -> None:
    known = {dotted(leaf) for leaf in leaves(Recipe)}
    assert set(OF_OTHER_TRAINERS.values()) <= known
    assert nearest(("train", "lr")) == " Did you mean 'train.learning_rate'?"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "recipe.yaml is empty"),
        ("# only a comment\n", "recipe.yaml is empty"),
        ("- a\n- b\n", "recipe.yaml:1: a recipe is a mapping"),
        ("just text\n", "recipe.yaml:1: a recipe is a mapping"),
        ("train:\n\tepochs: 3\n", "recipe.yaml:2: a tab"),
        ("train: {epochs: 3\nbase: nano\n", "recipe.yaml:2: not valid YAML"),
        ("base: nano\n---\nbase: nano\n", "recipe.yaml:2: a second document"),
        ("a: &x [*x]\n", "an anchor that contains itself"),
        ("base: " + "[" * 5000, "recipe.yaml is nested too deep"),
        (BOMB, "recipe.yaml has more than 100,000 values"),
        ("base: *nowhere\n", "recipe.yaml:1: not valid YAML"),
        ("base: \x07\n", "is not text that YAML can read"),
    ],
)
def test_unreadable_yaml(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=r"^[^\n]*$") as caught:
        load(tmp_path, text)
    assert words in str(caught.value)


def test_duplicate_keys_are_faults(tmp_path: Path) -> None:
    found = faults(tmp_path, "train:\n  epochs: 3\n  seed: 1\n  epochs: 4\nbase: nano\nbase: other\n")
    assert found == [
        "recipe.yaml:4: train.epochs is set twice; first at recipe.yaml:2.",
        "recipe.yaml:6: base is set twice; first at recipe.yaml:5.",
    ]


def test_byte_order_mark_and_windows_lines_are_read(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_bytes(b"\xef\xbb\xbftrain:\r\n  epochs: 5\r\n")
    assert load_recipe(env={}, cwd=tmp_path).recipe.train.epochs == 5


def test_missing_file_unknown_name_and_wrong_encoding(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no recipe .*other\.yaml"):
        load_recipe("other.yaml", env={}, cwd=tmp_path)
    with pytest.raises(ConfigError, match=r"Unknown recipe 'demmo'\. Did you mean 'demo'"):
        load_recipe("demmo", env={}, cwd=tmp_path)
    (tmp_path / "recipe.yaml").write_bytes("base: Müller".encode("utf-16"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_recipe(env={}, cwd=tmp_path)


def test_a_folder_means_its_recipe(tmp_path: Path) -> None:
    (tmp_path / "runs" / "x").mkdir(parents=True)
    (tmp_path / "runs" / "x" / "recipe.yaml").write_text("base: runs/y\n")
    resolved = load_recipe("runs/x", env={}, cwd=tmp_path)
    assert resolved.recipe.base == "runs/y"
    assert resolved.origins["base"] == "runs/x/recipe.yaml:1"


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_are_valid_and_reload_equal(name: str, tmp_path: Path) -> None:
    resolved = load_recipe(name, env={}, cwd=tmp_path)
    assert resolved.name == name
    assert f"sqltailor train {name}" in resolved.path.read_text() if resolved.path else False
    (tmp_path / "again.yaml").write_text(dump(resolved.recipe))
    assert load_recipe("again.yaml", env={}, cwd=tmp_path).recipe == resolved.recipe
    assert all(stage.train.stages == () for stage in stages(resolved.recipe))


def test_shipped_recipes_hold_the_published_values(tmp_path: Path) -> None:
    assert {"demo", "qlora-8b-24gb", "lora-colab", "continued-pretraining", "grpo-execution"} <= set(shipped_recipes())
    recipe = load_recipe("qlora-8b-24gb", env={}, cwd=tmp_path).recipe
    train, local = recipe.train, recipe.train.local
    assert (train.lora.r, train.lora.alpha, train.lora.dropout, train.lora.target_modules) == (
        256,
        128,
        0.05,
        "all-linear",
    )
    assert (train.epochs, train.batch, local.micro_batch, train.learning_rate, train.schedule) == (
        3,
        8,
        1,
        2e-4,
        "constant",
    )
    assert (local.dtype, local.quantization, local.gradient_checkpointing, train.max_length) == (
        "bf16",
        "nf4",
        True,
        2048,
    )
    assert (recipe.data.train_samples, recipe.data.test_samples) == (10_000, 2_500)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2e-4", 2e-4),
        ("1e5", 1e5),
        (".5", 0.5),
        ("-3", -3),
        ("10_000", 10_000),
        ("true", True),
        ("False", False),
        ("null", None),
        ("", None),
        ("no", "no"),
        ("on", "on"),
        ("012", "012"),
        ("0x10", "0x10"),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("nan", "nan"),
        ("[a, 2e-4, null]", ["a", 2e-4, None]),
        ("{r: 8}", {"r": 8}),
        ("'007'", "007"),
        ('"null"', "null"),
        ("sqlite:///a b#c.db", "sqlite:///a b#c.db"),
        ("hf:org/model", "hf:org/model"),
        ("a: b", "a: b"),
    ],
)
def test_values_on_the_command_line(text: str, value: object) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


def test_command_line_lists_nulls_and_broken_values(tmp_path: Path) -> None:
    text = "data: {train: old.jsonl}\ntrain: {max_steps: 5, epochs: 9}\n"
    resolved = load(tmp_path, text, "data.train=[a, b]", "train.max_steps=null", "train.epochs=null")
    assert resolved.recipe.data.train == ("a", "b")
    assert (resolved.recipe.train.max_steps, resolved.recipe.train.epochs) == (None, 3)
    assert resolved.origins["train.epochs"] == "default"
    assert "data.train the value:1: not valid YAML" in faults(tmp_path, text, "data.train=[a")[0]


def test_numbers_and_truth_values_are_not_mixed_up(tmp_path: Path) -> None:
    found = faults(tmp_path, "train: {epochs: true, batch: 2.5, seed: 'x'}\ngenerate: {temperature: .inf}\nbase: 3\n")
    assert len(found) == 5
    assert load(tmp_path, "train: {batch: 4.0, local: {micro_batch: 2}}\n").recipe.train.local.micro_batch == 2


def test_names_of_other_projects_count_only_in_env_file_or_with_prefix(tmp_path: Path) -> None:
    legacy = {
        "HF_MODEL_ID": "org/model",
        "OUTPUT_DIR": "results",
        "NUM_TRAIN_EPOCHS": "2",
        "PER_DEVICE_TRAIN_BATCH_SIZE": "2",
        "GRADIENT_ACCUMULATION_STEPS": "4",
        "LEARNING_RATE": "1e-4",
        "MAX_SEQ_LENGTH": "512",
        "DATASET_NAME": "hf:org/data",
        "TRAIN_SAMPLES": "10",
        "TEST_SAMPLES": "5",
    }
    assert load(tmp_path, None, env=legacy).recipe == Recipe()
    prefixed = load(tmp_path, None, env={f"SQLTAILOR_{name}": value for name, value in legacy.items()}).recipe
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in legacy.items()))
    in_file = load(tmp_path, None)
    assert in_file.recipe == prefixed
    train, data = prefixed.train, prefixed.data
    assert (prefixed.base, train.out, train.epochs, train.learning_rate) == ("org/model", "results", 2, 1e-4)
    assert (train.batch, train.local.micro_batch, train.max_length) == (8, 2, 512)
    assert (data.train, data.train_samples, data.test_samples) == (("hf:org/data",), 10, 5)
    both = ".env PER_DEVICE_TRAIN_BATCH_SIZE × .env GRADIENT_ACCUMULATION_STEPS"
    assert in_file.origins["train.batch"] == both


@pytest.mark.parametrize(
    ("alias", "key", "value"),
    [
        ("resume_from_checkpoint: true", "resume", "auto"),
        ("resume_from_checkpoint: false", "resume", "never"),
        ("resume_from_checkpoint: runs/x", "resume", "runs/x"),
        ("flash_attention: true", "attention", "flash_attention_2"),
        ("flash_attention: false", "attention", "sdpa"),
    ],
)
def test_aliases(tmp_path: Path, alias: str, key: str, value: str) -> None:
    resolved = load(tmp_path, f"training:\n  {alias}\n")
    train = resolved.recipe.train
    assert {"resume": train.resume, "attention": train.local.attention}[key] == value
    assert "recipe.yaml:2" in resolved.origins.values()
    name, _, given_value = alias.partition(": ")
    assert load(tmp_path, None, f"training.{name}={given_value}").recipe == resolved.recipe


def test_steps_may_be_limited_beside_the_other_local_settings(tmp_path: Path) -> None:
    for resolved in (
        load(tmp_path, "train:\n  local: {max_steps: 3, save_steps: 9}\n"),
        load(tmp_path, None, "train.local.max_steps=3"),
    ):
        assert resolved.recipe.train.max_steps == 3
    assert (
        "train.max_steps is set by train.local.max_steps too"
        in faults(tmp_path, "train:\n  max_steps: 2\n  local: {max_steps: 3}\n")[0]
    )


def test_every_key_is_read_somewhere() -> None:
    package = Path(sqltailor.__file__).parent
    files = [file for file in package.rglob("*.py") if file.parent != package / "recipe"]
    read = set(re.findall(r"\.(\w+)", "\n".join(file.read_text(encoding="utf-8") for file in files)))
    sections, fields = [Recipe], set()
    for section in sections:
        for name, field in section.model_fields.items():
            fields.add(name)
            kinds = (field.annotation, *get_args(field.annotation))
            sections += [k for k in kinds if isinstance(k, type) and issubclass(k, Section) and k not in sections]
    assert not fields - read


def test_keys_of_earlier_versions_do_not_hinder_a_run_from_being_read(tmp_path: Path) -> None:
    text = "generate:\n  n: 1\ndeploy:\n  target: null\n  name: null\n"
    assert load(tmp_path, text).recipe == load(tmp_path, "dialect: sqlite\n").recipe


def test_aliases_do_not_hide_other_faults(tmp_path: Path) -> None:
    found = faults(tmp_path, "training:\n  flash_attention: true\n  epochs: 3\ntrain:\n  local: {attention: sdpa}\n")
    assert len(found) == 2
    assert "training is not a key. Did you mean 'train'?" in found[0]
    assert (
        "train.local.attention is set by training.flash_attention too: keep one. The other is at recipe.yaml:5."
        in found[1]
    )


def test_variables_are_filled_in_from_environment_then_env_file(tmp_path: Path) -> None:
    text = "data:\n  train: ['${FOLDER}/train.jsonl']\ndatabase: {url: 'postgresql://reader:${PW}@host/shop'}\n"
    (tmp_path / ".env").write_text(f"export FOLDER=from_file\nPW='{SECRET}'\n")
    assert load(tmp_path, text).recipe.data.train == ("from_file/train.jsonl",)
    resolved = load(tmp_path, text, env={"FOLDER": "here"})
    assert resolved.recipe.data.train == ("here/train.jsonl",)
    assert resolved.recipe.database.url == f"postgresql://reader:{SECRET}@host/shop"
    assert "${PW}" in dump(resolved.recipe)
    assert "${FOLDER}/train.jsonl" in dump(resolved.recipe)


def test_a_missing_variable_says_where_to_put_it(tmp_path: Path) -> None:
    found = faults(tmp_path, "database:\n  url: ${DATABASE_URL}\nbase: ${MODEL}\n")
    where = f"=… into {tmp_path / '.env'} or into the environment."
    assert found == [
        f"recipe.yaml:2: database.url needs DATABASE_URL, which is not set: put DATABASE_URL{where}",
        f"recipe.yaml:3: base needs MODEL, which is not set: put MODEL{where}",
    ]


def test_database_url_of_the_environment_wins_over_the_recipe(tmp_path: Path) -> None:
    resolved = load(tmp_path, "database: {url: 'sqlite:///old.db'}\n", env={"DATABASE_URL": "sqlite:///new.db"})
    assert resolved.recipe.database.url == "sqlite:///new.db"
    assert resolved.origins["database.url"] == "environment DATABASE_URL"
    (tmp_path / ".env").write_text("DATABASE_URL=sqlite:///file.db\n")
    resolved = load(tmp_path, None, "database.url=sqlite:///cli.db")
    assert resolved.recipe.database.url == "sqlite:///cli.db"


@pytest.mark.parametrize("how", ["environment", "env file", "reference", "command line"])
def test_secrets_are_never_shown(tmp_path: Path, how: str) -> None:
    text = "database: {url: '${SHOP}'}\n" if how == "reference" else "base: nano\n"
    env = {"environment": {"DATABASE_URL": URL}, "reference": {"SHOP": URL}}.get(how, {})
    if how == "env file":
        (tmp_path / ".env").write_text(f"DATABASE_URL={URL}\n")
    overrides = [f"database.url={URL}"] if how == "command line" else []
    resolved = load(tmp_path, text, *overrides, env=env)
    assert resolved.recipe.database.url == URL
    shown = [
        dump(resolved.recipe),
        str(rows(resolved)),
        repr(resolved),
        repr(resolved.recipe),
        str(resolved.recipe.database),
    ]
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text + "train: {epochs: -1}\n", *overrides, "database.timeout_s=x", env=env)
    assert SECRET not in "".join([*shown, str(caught.value)])
    assert "${" in dump(resolved.recipe)


def test_a_password_in_the_recipe_is_refused_and_not_shown(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, f"database:\n  url: {URL}\n")
    assert "recipe.yaml:2: database.url holds a password. Put DATABASE_URL=… into" in found
    assert SECRET not in found
    assert load(tmp_path, "database:\n  url: postgresql://reader@host/shop\n").recipe.database.url


def test_a_wrong_value_from_a_variable_is_shown_as_written(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, "train: {epochs: '${TOKEN}'}\n", env={"TOKEN": SECRET})
    assert "train.epochs is ${TOKEN}; allowed" in found


def test_env_file(tmp_path: Path) -> None:
    text = '\ufeff# comment\nA=1 # one\nexport B = \'x # y\'\nC="a\\"b"\nD=p#q\nE=\n\nF=a=b\n'
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    wanted = {"A": "1", "B": "x # y", "C": 'a"b', "D": "p#q", "E": "", "F": "a=b"}
    assert read_env_file(tmp_path / ".env") == wanted
    (tmp_path / ".env").write_text(f"A=1\n{SECRET}\n")
    with pytest.raises(ConfigError, match=r"\.env:2: not of the form NAME=value") as caught:
        read_env_file(tmp_path / ".env")
    assert SECRET not in str(caught.value)


def test_secrets_for_libraries_go_from_env_file_to_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HF_TOKEN=a\nHF_MODEL_ID=m\nDATABASE_URL=u\nAWS_REGION=b\nWANDB_API_KEY=c\n")
    env = {"AWS_REGION": "kept"}
    assert export_env_file(tmp_path, env) == ["HF_TOKEN", "WANDB_API_KEY"]
    assert env == {"AWS_REGION": "kept", "HF_TOKEN": "a", "WANDB_API_KEY": "c"}


def test_values_that_do_not_go_together(tmp_path: Path) -> None:
    text = """\
train:
  method: grpo
  batch: 6
  lora: {enabled: false}
  local: {micro_batch: 4, quantization: nf4, early_stop_patience: 2}
"""
    found = faults(tmp_path, text)
    assert len(found) == 4
    assert "recipe.yaml:5: train.local.micro_batch is 4, which does not divide train.batch 6." in found
    assert faults(tmp_path, "train: {method: pretrain}\n") == [
        "recipe.yaml:1: train.method is pretrain, which needs data.documents."
    ]
    assert "leave nothing to train on" in faults(tmp_path, "data: {split: {test_share: .5, validation_share: .5}}\n")[0]


def test_stages_lay_over_train(tmp_path: Path) -> None:
    text = """\
data: {documents: a.txt}
train:
  batch: 32
  lora: {r: 8, alpha: 8}
  stages:
    - {method: pretrain, lora: {alpha: 64}, local: {micro_batch: 16}}
    - {epochs: 1}
"""
    resolved = load(tmp_path, text)
    first, second = [stage.train for stage in stages(resolved.recipe)]
    assert (first.method, first.batch, first.lora.r, first.lora.alpha) == ("pretrain", 32, 8, 64)
    assert (second.method, second.epochs, second.lora.alpha, second.stages) == ("sft", 1, 8, ())
    (tmp_path / "b.yaml").write_text(dump(resolved.recipe))
    assert load_recipe("b.yaml", env={}, cwd=tmp_path).recipe == resolved.recipe
    found = faults(tmp_path, text.replace("{epochs: 1}", "{epocs: 1, lora: {r: 0}, local: {micro_batch: 5}}"))
    assert "recipe.yaml:7: train.stages[1].epocs is not a key. Did you mean 'train.stages[1].epochs'?" in found
    assert "recipe.yaml:7: train.stages[1].lora.r is 0; allowed: a whole number from 1, at most 1024." in found
    (found_one,) = faults(tmp_path, text.replace("{epochs: 1}", "{local: {micro_batch: 5}}"))
    assert found_one == "recipe.yaml:7: train.stages[1].local.micro_batch is 5, which does not divide train.batch 32."
    assert "a stage cannot set backend" in faults(tmp_path, text.replace("{epochs: 1}", "{backend: bedrock}"))[0]


def test_sweep_makes_every_combination(tmp_path: Path) -> None:
    text = "train:\n  sweep:\n    learning_rate: [1e-4, 2e-4]\n    lora.r: [8, 16]\n"
    found = variants(load(tmp_path, text).recipe)
    assert [label for label, _ in found][:2] == ["learning_rate=0.0001 lora.r=8", "learning_rate=0.0001 lora.r=16"]
    assert [(r.train.learning_rate, r.train.lora.r) for _, r in found] == [(1e-4, 8), (1e-4, 16), (2e-4, 8), (2e-4, 16)]
    assert len({recipe_hash(recipe) for _, recipe in found}) == 4
    assert variants(Recipe()) == [("", Recipe())]
    wrong = faults(tmp_path, "train:\n  sweep:\n    lora.r: [8, many]\n    epocs: [1]\n    seed: []\n")
    assert wrong == [
        "recipe.yaml:3: train.sweep.lora.r has 'many'; train.lora.r takes a whole number from 1, at most 1024.",
        "recipe.yaml:4: train.sweep.epocs is not a key that can be swept. Did you mean 'epochs'?",
        "recipe.yaml:5: train.sweep.seed has no values.",
    ]


NOVA = "base: amazon.nova-micro-v1:0:128k\ntrain:\n  backend: bedrock\n"


def test_bedrock_defaults_and_limits(tmp_path: Path) -> None:
    resolved = load(tmp_path, NOVA)
    train = resolved.recipe.train
    assert (train.epochs, train.learning_rate, train.warmup_steps, train.batch) == (2, 1e-5, 10, 1)
    assert resolved.origins["train.epochs"] == "default of bedrock"
    (tmp_path / "b.yaml").write_text(dump(resolved.recipe))
    assert load_recipe("b.yaml", env={}, cwd=tmp_path).recipe == resolved.recipe
    found = faults(tmp_path, NOVA + "  epochs: 6\n  learning_rate: 2e-4\n  lora:\n    r: 8\n  max_length: 512\n")
    assert found == [
        "recipe.yaml:4: train.epochs is 6; bedrock takes a whole number from 1 to 5 for Amazon Nova.",
        "recipe.yaml:5: train.learning_rate is 0.0002; bedrock takes a number from 1e-06 to 0.0001 for Amazon Nova.",
        "recipe.yaml:7: train.lora.r is not a setting of bedrock for Amazon Nova: remove it.",
        "recipe.yaml:8: train.max_length is not a setting of bedrock for Amazon Nova: remove it.",
    ]
    assert "whole number" in faults(tmp_path, NOVA + "  epochs: 1.5\n")[0]
    assert "by sft only" in faults(tmp_path, NOVA + "  method: dpo\n")[0]
    assert (
        "train.backend is bedrock, which cannot tune base 'small'" in faults(tmp_path, "train: {backend: bedrock}\n")[0]
    )


def test_sections_of_other_backends_are_checked_then_ignored(tmp_path: Path) -> None:
    text = "train:\n  bedrock: {s3: 's3://bucket/dt=1/x'}\n  sagemaker: {role: me}\n"
    assert len(faults(tmp_path, text)) == 2
    ok = "train:\n  epochs: 50\n  bedrock: {s3: 's3://bucket/data', role: 'arn:aws:iam::111122223333:role/tune'}\n"
    assert load(tmp_path, ok).recipe.train.backend == "local"


def test_sagemaker_nova_limits_but_own_script_takes_everything(tmp_path: Path) -> None:
    nova = "base: amazon.nova-micro-v1:0:128k\ntrain:\n  backend: sagemaker\n"
    assert load(tmp_path, nova).recipe.train.batch == 64
    assert "one of 16, 32, 64" in faults(tmp_path, nova + "  batch: 8\n")[0]
    assert "a multiple of 1024" in faults(tmp_path, nova + "  max_length: 1500\n")[0]
    text = "base: mistralai/Mistral-7B-Instruct-v0.3\ntrain: {backend: sagemaker, lora: {r: 8}, epochs: 1.5}\n"
    assert load(tmp_path, text).recipe.train.lora.r == 8


def test_hash_follows_what_training_sees(tmp_path: Path) -> None:
    base = load(tmp_path, "train: {epochs: 3}\n").recipe
    same = load(
        tmp_path, "train: {epochs: 3.0, resume: never, name: x, local: {threads: 1}}\nevaluate: {limit: 5}\n"
    ).recipe
    other = load(tmp_path, "train: {epochs: 4}\n").recipe
    assert recipe_hash(base) == recipe_hash(same) != recipe_hash(other)
    env_a, env_b = {"DATABASE_URL": URL}, {"DATABASE_URL": URL.replace(SECRET, "rotated")}
    hashes = {recipe_hash(load(tmp_path, "database: {url: '${DATABASE_URL}'}\n", env=e).recipe) for e in (env_a, env_b)}
    assert len(hashes) == 1


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1), st.text()), st.floats(min_value=1e-300, max_value=1), st.text())
def test_dump_reloads_equal(tmp_path_factory: Any, glossary: dict[str, str], rate: float, folder: str) -> None:
    values = {"glossary": glossary, "train": {"learning_rate": rate}, "data": {"train": [folder]}}
    recipe = Recipe.model_validate(values)
    path = tmp_path_factory.mktemp("dump") / "recipe.yaml"
    path.write_text(dump(recipe), encoding="utf-8", newline="")
    if "${" not in dump(recipe):
        assert load_recipe(path, env={}, cwd=path.parent).recipe == recipe


@given(st.text())
def test_scalar_takes_any_text(text: str) -> None:
    assert isinstance(scalar(text), str | int | float | None)


def test_recipe_is_frozen_and_knows_its_keys() -> None:
    with pytest.raises(ValidationError):
        Recipe().train.epochs = 5  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Recipe.model_validate({"trian": {}})


def test_every_key_has_a_meaning_and_null_is_always_the_default() -> None:
    def walk(kind: type[Section]) -> None:
        for name, field in kind.model_fields.items():
            assert field.description, f"{kind.__name__}.{name}"
            annotation: Any = field.annotation
            if isinstance(annotation, type) and issubclass(annotation, Section):
                walk(annotation)
            elif type(None) in get_args(annotation):
                assert field.default is None, f"{kind.__name__}.{name}"

    walk(Recipe)
    assert all(meaning(leaf) for leaf in leaves(Recipe))


def test_reference_page_is_fresh() -> None:
    """docs/recipe.md is what the models say: `python -m sqltailor.recipe` writes it."""
    page = Path(__file__).parent.parent / "docs" / "recipe.md"
    assert page.read_text(encoding="utf-8") == reference_page()


def test_loading_a_recipe_imports_nothing_heavy() -> None:
    code = (
        "import sys; from sqltailor.recipe import load_recipe; load_recipe('demo', env={}); "
        "print([m for m in ('torch', 'transformers', 'sqlglot', 'numpy', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_env_example_is_a_valid_env_file_for_every_name(tmp_path: Path) -> None:
    text = (Path(__file__).parent.parent / ".env.example").read_text(encoding="utf-8")
    (tmp_path / ".env").write_text(re.sub(r"(?m)^# (?=[A-Z_]+=)", "", text), encoding="utf-8")
    assert set(LEGACY) < set(read_env_file(tmp_path / ".env"))
    assert load(tmp_path, None).recipe.train.batch == 8
