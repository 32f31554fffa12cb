"""TRL's SFTTrainer with a repeatable order, logits of learned tokens only, and atomic checkpoints."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trl import SFTTrainer

from sqltailor.generate.llama_forward import FAMILIES
from sqltailor.train.rows.collate import Collator, Order, padded_length
from sqltailor.train.rows.encoding import IGNORE_INDEX, Row
from sqltailor.train.running.checkpoints import finish_checkpoint
from sqltailor.train.running.loss import summed_loss as loss_of
from sqltailor.train.running.processes import check_world, check_wrapper

if TYPE_CHECKING:
    from torch import Tensor


class AtomicCheckpoints:
    """What all our trainers do: whole checkpoints, the launch checked, and no model card of TRL's."""

    def __init__(self, *, keep: int, model: Any, **settings: Any) -> None:
        self.keep, self.tokens_read = keep, 0
        # TRL rounds the adapter of a quantised model to bf16, where small updates are lost: it is kept as it is
        exact = {name: p.data for name, p in model.named_parameters() if p.requires_grad}
        super().__init__(model=model, **settings)  # type: ignore[call-arg]
        check_world(self.accelerator)  # type: ignore[attr-defined]
        for name, parameter in self.model.named_parameters():  # type: ignore[attr-defined]
            if name in exact:
                parameter.data = exact[name]

    def start_epoch(self, epoch: int) -> None:
        """Be told of an epoch before its first row is read."""

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, with the tokens read so far."""
        super().log(logs | {"tokens": self.tokens_read}, start_time)  # type: ignore[misc]

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Write none: the export writes one from the run."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        with finish_checkpoint(self.args.output_dir, self.state, keep=self.keep):  # type: ignore[attr-defined]
            super()._save_checkpoint(model, trial)  # type: ignore[misc]
            self.accelerator.wait_for_everyone()  # type: ignore[attr-defined]


class RowTrainer(AtomicCheckpoints, SFTTrainer):  # type: ignore[misc]
    """Trains on rows. An example's tokens are counted as many times as it is read, shared or not.

    On a CPU, TRL computes the logits of every token; here only those that are learned. When a micro-batch does not
    fit into the GPU's memory it is halved, and so are those that follow; the step stays the same.
    """

    def __init__(
        self,
        *,
        rows: Sequence[Row],
        validation: Sequence[Row],
        collator: Collator,
        prefix_steps: int = 1,
        **settings: Any,
    ) -> None:
        self.rows, self.validation, self.collate = rows, validation, collator
        self.most_rows = len(rows)
        self.prefix_steps = prefix_steps
        self._prefix: tuple[Any, list[tuple[Tensor, Tensor]]] | None = None
        super().__init__(**settings)
        able = counts_learned_only(self.model)
        self.counts_learned_only = able and (self.args.device.type == "cpu" or collator.apart)
        if self.counts_learned_only:
            _add_summed_loss(_base_of(self.model))

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if not self.rows:  # packed by TRL
            return super()._get_train_sampler(train_dataset)
        self.order = Order(self.rows, batch=self._train_batch_size * self._accumulation, seed=self.args.seed)
        return self.order

    def start_epoch(self, epoch: int) -> None:
        """Draw the order of an epoch when its rows are next read."""
        if self.rows:
            self.order.epoch = epoch

    @property
    def _accumulation(self) -> int:
        return int(self.args.gradient_accumulation_steps * self.args.world_size)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        self._prefix = None  # a run that goes on from here has none either

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Any:
        """Return the loss of one micro-batch after its backward pass, in halves where memory is short."""
        import torch

        check_wrapper(model, self.accelerator.num_processes)
        numbers = inputs.pop("numbers", None)
        if numbers is None:
            self.tokens_read += int(inputs["input_ids"].numel())
            return super().training_step(model, inputs, num_items_in_batch)
        chosen: list[int] = numbers.tolist()
        self.tokens_read += sum(len(self.rows[i].input_ids) for i in chosen)
        if len(chosen) <= self.most_rows:
            try:
                return super().training_step(model, inputs, num_items_in_batch)
            except torch.OutOfMemoryError:
                if len(chosen) == 1:
                    raise
                self.most_rows = (len(chosen) + 1) // 2
                torch.cuda.empty_cache()
        total = torch.zeros((), device=self.args.device)
        for start in range(0, len(chosen), self.most_rows):
            part = self.collate([self.rows[i] for i in chosen[start : start + self.most_rows]])
            total += super().training_step(model, part, num_items_in_batch)
        return total

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the mean loss of the learned tokens of the whole step, as far as this micro-batch adds to it."""
        if not self.counts_learned_only:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        learned = (inputs["labels"][:, 1:] != IGNORE_INDEX).sum() if num_items_in_batch is None else num_items_in_batch
        if "prefix_ids" in inputs:
            inputs = dict(inputs)
            inputs["prefix"] = self._read(model, inputs.pop("prefix_ids"))
        loss = model(**inputs, summed_loss=True) / learned
        if num_items_in_batch is not None and self.args.average_tokens_across_devices:
            loss = loss * self.accelerator.num_processes  # DDP divides the gradient by it
        return loss

    def _read(self, model: Any, ids: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return the keys and values (1, G, P, D) of each layer for a beginning, read anew every `prefix_steps`."""
        import torch

        key = (tuple(ids[0].tolist()), self.state.global_step // self.prefix_steps, model.training)
        if self._prefix is None or self._prefix[0] != key:
            with torch.no_grad():
                cache = model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values
            self._prefix = (key, [(layer.keys, layer.values) for layer in cache.layers])
        return self._prefix[1]

    def evaluate(self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval") -> Any:
        """Return the mean loss of the learned tokens of the validation rows, and log it."""
        import torch

        self.model.eval()
        total, learned = 0.0, 0
        size = self.args.per_device_eval_batch_size
        with torch.no_grad(), self.compute_loss_context_manager():
            for start in range(0, len(self.validation), size):
                inputs = self._prepare_inputs(self.collate(self.validation[start : start + size]))
                count = int((inputs["labels"][:, 1:] != IGNORE_INDEX).sum())
                total += float(self.compute_loss(self.model, inputs)) * count
                learned += count
        self.model.train()
        metrics = {f"{metric_key_prefix}_loss": total / max(learned, 1)}
        self.log(dict(metrics))
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def counts_learned_only(model: Any) -> bool:
    """Say whether a model's loss can be had without the logits of tokens that are not learned."""
    return _base_of(model).config.model_type in FAMILIES


def _base_of(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _cache_of(prefix: Sequence[tuple[Tensor, Tensor]]) -> Any:
    """Return a cache of transformers that begins with keys and values; what is added to it is not kept."""
    from transformers import DynamicCache

    return DynamicCache(prefix)


def _add_summed_loss(model: Any) -> None:
    """Let `model(…, labels=…, summed_loss=True)` return the summed loss of the learned tokens, without other logits."""
    forward = model.forward

    @functools.wraps(type(model).forward)
    def patched(*args: Any, summed_loss: bool = False, labels: Tensor | None = None, **kwargs: Any) -> Any:
        if not summed_loss or labels is None:
            return forward(*args, labels=labels, **kwargs)
        import torch

        kwargs["use_cache"] = False
        prefix = kwargs.pop("prefix", None)
        if prefix is not None:
            kwargs |= {"past_key_values": _cache_of(prefix), "use_cache": True}
        hidden = model.base_model(*args, **kwargs).last_hidden_state[:, :-1]  # (B, T-1, hidden)
        wanted = labels[:, 1:]
        learned = (wanted.flatten() != IGNORE_INDEX).nonzero()[:, 0]
        spare = padded_length(len(learned)) - len(learned)
        chosen = hidden.flatten(0, 1)[torch.nn.functional.pad(learned, (0, spare))]  # (N, hidden)
        labels = torch.nn.functional.pad(wanted.flatten()[learned], (0, spare), value=IGNORE_INDEX)
        return loss_of(chosen, model.get_output_embeddings(), labels)

    model.forward = patched
