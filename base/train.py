"""Train nano from scratch: `python -m base.train --data DIR --minutes 2`.

Writes `OUT/checkpoint.pt` every `--save-minutes` and continues from it, on another day too; `OUT/metrics.jsonl` a
line every 50 steps; at the end `OUT/nano/`, a folder that `transformers` loads. The learning rate is held, then
decayed over the last 60 % of `--tokens` (or of `--minutes` where tokens are not given). `torchrun --nproc-per-node N
-m base.train` trains on batches of N times `--batch-tokens`, each process on its own data.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from base.batches import END, QUESTION, SQL, Batch, fixed, loader, visible
from base.model import Size, Twin, llama_config, logits, to_llama
from base.pairs import load_pairs
from base.tokenizer import subwords

QUESTION_SHARE, QUESTION_WEIGHT = 0.4, 0.5
"""Share of question tokens that are learned, drawn anew each time, and their weight beside one of SQL: reading
questions is worth learning, writing schemas is not, and each supervised token costs a row of logits."""


def main() -> None:
    """Train, measure and save."""
    args = _arguments()
    rank = _join()
    device = "cuda" if args.device == "auto" and torch.cuda.is_available() else args.device.replace("auto", "cpu")
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads or os.cpu_count() or 1)
    torch.set_float32_matmul_precision("high")
    args.out.mkdir(parents=True, exist_ok=True)
    size = Size(*map(int, args.size.split(","))) if args.size else Size()
    tokenizer_file = args.tokenizer / "tokenizer.json"
    net = Twin(size, args.dropout, subwords(tokenizer_file)).to(device)
    optimizers = _optimizers(net, args.learning_rate)
    state = _resume(args.out / "checkpoint.pt", net, optimizers, device)
    parameters = sum(w.numel() for w in to_llama(net).values())
    print(f"{parameters / 1e6:.2f} M parameters on {device}, from step {state['step']}", flush=True)
    pairs = load_pairs(args.data, "train")
    checks = {
        "wikisql-dev context": fixed(
            load_pairs(args.data, "wikisql-dev")[:: args.check_every], "context", tokenizer_file, 32768
        ),
        "wikisql-dev schema": fixed(
            load_pairs(args.data, "wikisql-dev")[:: args.check_every], "schema", tokenizer_file, 32768
        ),
        "spider-val schema": fixed(load_pairs(args.data, "spider-val"), "schema", tokenizer_file, 32768),
    }
    seed = args.seed + state["step"] + 10**6 * rank
    batches = iter(loader(pairs, tokenizer_file, args.batch_tokens, seed, args.workers))
    _loop(args, net, optimizers, batches, state, checks, device, rank)
    if rank == 0:
        save_nano(net, args.out / "nano", args.tokenizer)
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


def _join() -> int:
    """Return this process's rank among those of torchrun, 0 where it runs alone."""
    if "WORLD_SIZE" not in os.environ:
        return 0
    dist.init_process_group("gloo")
    return dist.get_rank()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the public train splits")
    parser.add_argument("--out", type=Path, default=Path("base/out/run"))
    parser.add_argument("--tokenizer", type=Path, default=Path("src/sqltailor/nano"), help="folder of tokenizer.json")
    parser.add_argument(
        "--minutes", type=float, default=60, help="stop after this much training time, resumes included"
    )
    parser.add_argument(
        "--tokens", type=float, default=0, help="plan the learning rate for this many tokens (0: by minutes)"
    )
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--learning-rate", type=float, default=1.0, help="factor on Muon's 0.02 and AdamW's 0.002")
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--size", default="", help="hidden,layers,heads,feed_forward,vocabulary,max_length")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="compile the model, once for each row length")
    parser.add_argument("--save-minutes", type=float, default=10)
    parser.add_argument("--check-minutes", type=float, default=10)
    parser.add_argument("--check-every", type=int, default=8, help="measure on every n-th dev row")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _optimizers(net: Twin, factor: float) -> list[torch.optim.Optimizer]:
    matrices = [p for n, p in net.named_parameters() if p.ndim == 2 and "embedding" not in n]
    rest = [p for n, p in net.named_parameters() if p.ndim != 2 or "embedding" in n]
    muon = torch.optim.Muon(matrices, lr=0.02 * factor, weight_decay=0.01, momentum=0.95, adjust_lr_fn="original")
    adamw = torch.optim.AdamW(rest, lr=2e-3 * factor, betas=(0.9, 0.98), weight_decay=0.0)
    for optimizer in (muon, adamw):
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return [muon, adamw]


def _resume(path: Path, net: Twin, optimizers: list[torch.optim.Optimizer], device: str) -> dict[str, Any]:
    if not path.exists():
        return {"step": 0, "seen": 0, "elapsed": 0.0}
    saved = torch.load(path, map_location=device, weights_only=False)
    net.load_state_dict(saved["net"])
    for optimizer, state in zip(optimizers, saved["optimizers"], strict=True):
        peaks = [group["peak"] for group in optimizer.param_groups]
        optimizer.load_state_dict(state)
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["peak"] = peak  # a continued training may ask for another rate
    return saved["state"]  # type: ignore[no-any-return]


def _loop(
    args: Any, net: Twin, optimizers: Any, batches: Any, state: dict[str, Any], checks: Any, device: str, rank: int
) -> None:
    fast = torch.compile(net, dynamic=False) if args.compile else net
    before, started = state["elapsed"], time.monotonic()
    saved = checked = time.monotonic()
    smooth: float | None = None
    window_seen, window_start = 0, time.monotonic()
    while state["elapsed"] < args.minutes * 60 and (not args.tokens or state["seen"] < args.tokens):
        batch = Batch(*(t.to(device, non_blocking=True) for t in next(batches)))
        scale = _schedule(
            state["step"], state["seen"] / args.tokens if args.tokens else state["elapsed"] / (args.minutes * 60)
        )
        sql_loss = _backward(net, fast, batch, device)
        elapsed = before + time.monotonic() - started
        # the clock is shared, too: processes that disagree on the time would stop at different steps
        shared = _mean(net, [sql_loss, batch.ids.numel(), (batch.ids == END).sum(), elapsed])
        _update(net, optimizers, scale)
        smooth = shared[0] if smooth is None else 0.98 * smooth + 0.02 * shared[0]
        processes = dist.get_world_size() if dist.is_initialized() else 1
        state["step"] += 1
        state["seen"] += round(shared[1] * processes)
        state["answers"] = state.get("answers", 0) + round(shared[2] * processes)
        state["elapsed"] = shared[3]
        if rank:
            continue
        if state["step"] % 50 == 0:
            now = time.monotonic()
            speed = (state["seen"] - window_seen) / (now - window_start) if window_seen else 0.0
            window_seen, window_start = state["seen"], now
            line = {**state, "sql_loss": round(smooth, 4), "scale": round(scale, 4), "tokens_per_s": round(speed)}
            with (args.out / "metrics.jsonl").open("a") as f:
                f.write(json.dumps(line) + "\n")
            if state["step"] % 500 == 0 or device == "cpu":
                print(json.dumps(line), flush=True)
        if time.monotonic() - saved > args.save_minutes * 60:
            _save(args.out, net, optimizers, state)
            saved = time.monotonic()
        if time.monotonic() - checked > args.check_minutes * 60:
            _check(net, checks, state, args.out, device)
            checked = time.monotonic()
    if rank == 0:
        _save(args.out, net, optimizers, state)
        _check(net, checks, state, args.out, device)


def _schedule(step: int, done: float) -> float:
    """Return the factor on the learning rate: 200 steps of warm-up, held, then a straight line down to 2 %."""
    return min(1.0, (step + 1) / 200) * min(1.0, max(0.02, (1 - done) / 0.6))


def _backward(net: Twin, fast: Any, batch: Batch, device: str) -> Tensor:
    """Add a batch's gradient; return the mean loss of its SQL tokens."""
    table = net.table()
    with torch.autocast(device, torch.bfloat16):
        hidden = fast(batch.ids.long(), table, batch.position.long(), visible(batch))[:, :-1]  # (N, L-1, D)
        target, kind = batch.ids[:, 1:].long(), batch.kind[:, 1:]
        keep = (kind == SQL) | ((kind == QUESTION) & (torch.rand_like(kind, dtype=torch.float) < QUESTION_SHARE))
        scores = logits(hidden[keep], table)  # (supervised, V)
    nll = F.cross_entropy(scores.float(), target[keep], reduction="none")
    is_sql = kind[keep] == SQL
    weight = is_sql + QUESTION_WEIGHT * (kind[keep] == QUESTION)
    ((nll * weight).sum() / weight.sum()).backward()
    return (nll.detach() * is_sql).sum() / is_sql.sum()


def _mean(net: Twin, numbers: list[Any]) -> list[float]:
    """Average the gradient over the processes, in place, and return the averages of `numbers`."""
    if not dist.is_initialized():
        return [float(n) for n in numbers]
    grads = [p.grad for p in net.parameters() if p.grad is not None]
    flat = torch.cat([*(g.flatten() for g in grads), torch.tensor(numbers, device=grads[0].device)])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    *means, last = flat.split([*(g.numel() for g in grads), len(numbers)])
    for grad, mean in zip(grads, means, strict=True):
        grad.copy_(mean.view_as(grad))
    return last.tolist()  # type: ignore[no-any-return]


def _update(net: Twin, optimizers: Any, scale: float) -> None:
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * scale
        optimizer.step()
        optimizer.zero_grad()


@torch.no_grad()
def _check(net: Twin, checks: Any, state: dict[str, Any], out: Path, device: str) -> None:
    """Print the share of rows whose every SQL token is the most likely one: greedy decoding would write exactly it."""
    net.eval()
    result: dict[str, float] = {}
    table = net.table()
    for name, batches in checks.items():
        right = rows = 0
        for one in batches:
            batch = Batch(*(t.to(device) for t in one))
            ids = batch.ids.long()
            with torch.autocast(device, torch.bfloat16):
                best = logits(net(ids, table)[:, :-1], table).argmax(-1)
            wrong = (best != ids[:, 1:]) & (batch.kind[:, 1:] == SQL)
            right += int((~wrong.any(1)).sum())
            rows += len(ids)
        result[name] = round(right / rows, 4)
    net.train()
    print("check", json.dumps({**state, **result}), flush=True)
    with (out / "checks.jsonl").open("a") as f:
        f.write(json.dumps({**state, **result}) + "\n")


def _save(out: Path, net: Twin, optimizers: Any, state: dict[str, Any]) -> None:
    saved = {"net": net.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "state": state}
    torch.save(saved, out / "checkpoint.tmp")
    (out / "checkpoint.tmp").replace(out / "checkpoint.pt")


def save_nano(net: Twin, folder: Path, tokenizer: Path) -> None:
    """Write the model in bf16 in the Llama layout, with its tokenizer."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    state = {k: v.detach().to("cpu", torch.bfloat16) for k, v in to_llama(net).items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(llama_config(net.size), indent=2) + "\n")
    generation = {"eos_token_id": 1, "pad_token_id": 0, "do_sample": False}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if folder.resolve() != tokenizer.resolve():
            (folder / name).write_bytes((tokenizer / name).read_bytes())


if __name__ == "__main__":
    main()
