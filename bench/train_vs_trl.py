"""Training speed of SQLTailor against a plain TRL script: same model, rows, batch, LoRA, seed and machine.

    python bench/train_vs_trl.py [--base small] [--steps 5] [--rounds 1] [--batch 8] [--rows 256]

Two kinds of data are measured: one database (every prompt begins with the same schema) and many (a schema a row, of
different lengths). Each side runs in a process of its own, in turn, without its first two steps; the best round counts.
Tokens are those of the examples: padding is not counted, a shared schema is counted for every example.

"plain" is TRL as its documentation shows it, on a CPU: gradient checkpointing and bf16 are its defaults. "tuned" is
the same script with what a careful user would set: no checkpointing, rows grouped by length.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from sqltailor.generate.bases import BASES, folder_of

TRL = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import torch
from datasets import load_dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer
work, base, steps, batch, tuned = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "tuned"
rows = load_dataset("json", data_files=work + "/chat.jsonl", split="train")
more = dict(gradient_checkpointing=False, train_sampling_strategy="group_by_length") if tuned else {}
args = SFTConfig(output_dir=work + "/trl", max_steps=steps, per_device_train_batch_size=batch, learning_rate=2e-4,
                 lr_scheduler_type="constant", bf16=True, use_cpu=True, logging_steps=1, report_to="none", seed=0,
                 save_strategy="no", max_length=1024, disable_tqdm=True, completion_only_loss=True, **more)
trainer = SFTTrainer(model=AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), args=args,
                     train_dataset=rows, processing_class=AutoTokenizer.from_pretrained(base),
                     peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"))
class Clock(TrainerCallback):
    times, tokens, losses = [], [], []
    def on_step_begin(self, *a, **k): self.began = time.perf_counter()
    def on_step_end(self, *a, **k): self.times.append(time.perf_counter() - self.began)
    def on_log(self, args, state, control, logs=None, **k):
        if "loss" in logs: self.tokens.append(logs["num_tokens"]); self.losses.append(logs["loss"])
clock = Clock()
trainer.add_callback(clock)
trainer.train()
tokens = [b - a for a, b in zip([0] + clock.tokens, clock.tokens)]
print(json.dumps({"tokens_per_s": sum(tokens[2:]) / sum(clock.times[2:]), "losses": clock.losses}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="small", help="a named base or a folder")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rows", type=int, default=256)
    arguments = parser.parse_args()
    base = str(folder_of(BASES[arguments.base]) if arguments.base in BASES else Path(arguments.base).resolve())
    print(f"{'data':<16} {'trainer':<12} {'tokens/s':>9} {'ratio':>6} {'mean loss':>10}")
    for kind in ("one database", "many databases"):
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            write_rows(work, arguments.rows, one=kind == "one database")
            best: dict[str, dict[str, Any]] = {}
            for _ in range(arguments.rounds):
                for name in ("plain", "tuned", "sqltailor"):
                    found = measure(name, work, base, arguments.steps, arguments.batch)
                    if name not in best or found["tokens_per_s"] > best[name]["tokens_per_s"]:
                        best[name] = found
            for name, found in best.items():
                ratio = found["tokens_per_s"] / best["plain"]["tokens_per_s"]
                loss = sum(found["losses"]) / len(found["losses"])
                print(f"{kind:<16} {name:<12} {found['tokens_per_s']:>9,.0f} {ratio:>6.2f} {loss:>10.4f}", flush=True)


def measure(name: str, work: Path, base: str, steps: int, batch: int) -> dict[str, Any]:
    environment = os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"), "HF_HUB_OFFLINE": "1"}
    if name != "sqltailor":
        command = [sys.executable, "-c", TRL, str(work), base, str(steps), str(batch), name]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found
    words = [f"data.train={work}/examples.jsonl", f"base={base}", "prompt.name=compact", f"train.max_steps={steps}"]
    words += [
        f"train.batch={batch}",
        f"train.out={work}/runs",
        "train.resume=never",
        "train.epochs=1000",
        "train.local.save_steps=1000",
    ]
    command = [sys.executable, "-m", "sqltailor", "train", "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    lines = (Path(json.loads(done.stdout)["run"]) / "metrics.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if "loss" in row]
    seconds = [b["elapsed_s"] - a["elapsed_s"] for a, b in itertools.pairwise(rows[1:])]
    tokens = [row["tokens_per_s"] for row in rows[2:]]
    total = sum(rate * second for rate, second in zip(tokens, seconds, strict=True))
    return {"tokens_per_s": total / sum(seconds), "losses": [row["loss"] for row in rows]}


def write_rows(work: Path, count: int, *, one: bool) -> None:
    """Write the same examples for both: ours as examples, TRL's as prompts and completions of the same messages."""
    from sqltailor.prompt.text import build_prompt
    from sqltailor.sql.schema import from_ddl
    from sqltailor.types import Example

    draw = random.Random(0)
    words = (
        "city",
        "name",
        "country",
        "amount",
        "price",
        "status",
        "date",
        "title",
        "region",
        "owner",
        "count",
        "phone",
    )
    ours, theirs = [], []
    for i in range(count):
        tables = 12 if one else draw.choice((1, 2, 3, 4, 6, 9, 14))
        spread = random.Random(1 if one else i)
        ddl = ";\n".join(
            f"CREATE TABLE {spread.choice(words)}_{t} (id INTEGER PRIMARY KEY, "
            + ", ".join(f"{spread.choice(words)}_{c} TEXT" for c in range(spread.randint(4, 9)))
            + ")"
            for t in range(tables)
        )
        schema = from_ddl(ddl)
        table = draw.choice(schema.tables)
        column = draw.choice(table.columns[1:]).name
        value = draw.choice(words)
        example = Example(
            str(i),
            (f"SELECT COUNT(*) FROM {table.name} WHERE {column} = '{value}'",),
            question=f"How many rows of {table.name.replace('_', ' ')} have {value} as {column.replace('_', ' ')}?",
            schema=ddl,
        )
        ours.append({"id": example.id, "question": example.question, "sql": list(example.sql), "schema": ddl})
        messages = build_prompt(example, schema, name="compact").messages
        prompt = [{"role": m.role, "content": m.content} for m in messages]
        theirs.append({"prompt": prompt, "completion": [{"role": "assistant", "content": example.sql[0]}]})
    (work / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ours))
    (work / "chat.jsonl").write_text("".join(json.dumps(row) + "\n" for row in theirs))


if __name__ == "__main__":
    main()
