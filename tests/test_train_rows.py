"""What is learned, exactly; what is left out; and that a shared schema changes no loss and no gradient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sqltailor.errors import DataError
from sqltailor.prompt.text import build_prompt
from sqltailor.sql.schema import from_ddl
from sqltailor.train.rows.collate import MULTIPLE, Collator, Order, padded_length
from sqltailor.train.rows.encoding import IGNORE_INDEX, Row, TooLong, encode_documents, encode_examples
from sqltailor.types import Example, Message, Prompt
from tests.support.tiny_model import make_tiny_model, make_tokenizer

torch = pytest.importorskip("torch")

DDL = "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT, country TEXT)"
EXAMPLES = [
    Example("a", ("SELECT COUNT(*) FROM customer;",), question="How many customers?"),
    Example("b", ("SELECT name FROM customer WHERE city = 'Lyon'",), question="Who lives in Lyon, and <|end|> where?"),
    Example("c", ("SELECT city FROM customer ORDER BY city DESC LIMIT 10",), question="Cities?"),
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer()


def prompts_of(examples: list[Example], ddl: str = DDL, name: str = "compact") -> list[Prompt]:
    return [build_prompt(example, from_ddl(ddl), name=name) for example in examples]


def rows_of(tokenizer: Any, examples: list[Example] = EXAMPLES, ddl: str = DDL) -> list[Row]:
    return encode_examples(examples, prompts_of(examples, ddl), tokenizer, max_length=512)[0]


@pytest.mark.parametrize("name", ["compact", "reference"])
def test_only_the_sql_and_its_end_are_learned(tokenizer: Any, name: str) -> None:
    rows, _ = encode_examples(EXAMPLES, prompts_of(EXAMPLES, name=name), tokenizer, max_length=512)
    for row, sql in zip(rows, [e.sql[0].rstrip(";") for e in EXAMPLES], strict=True):
        learned = [label for label in row.labels if label != IGNORE_INDEX]
        assert tokenizer.decode(learned) == sql + "<|end|>"
        assert row.labels == [IGNORE_INDEX] * row.prompt_tokens + row.input_ids[row.prompt_tokens :]
        assert tokenizer.decode(row.input_ids[row.prompt_tokens - 1]) == "<|assistant|>"
        assert row.input_ids.count(tokenizer.eos_token_id) == 1


def test_a_long_example_is_left_out_whole(tokenizer: Any) -> None:
    rows, too_long = encode_examples(EXAMPLES, prompts_of(EXAMPLES), tokenizer, max_length=50)
    lengths = {row.id: len(row.input_ids) for row in rows_of(tokenizer)}
    assert too_long == [TooLong(i, n) for i, n in lengths.items() if n > 50]
    assert {row.id for row in rows} == {i for i, n in lengths.items() if n <= 50}
    assert rows
    assert too_long


def test_every_turn_is_learned_when_asked(tokenizer: Any) -> None:
    history = (Message("user", "How many?"), Message("assistant", "SELECT COUNT(*) FROM customer"))
    example = Example("d", ("SELECT name FROM customer",), question="Their names?", history=history)
    prompts = prompts_of([example])
    (last,), _ = encode_examples([example], prompts, tokenizer, max_length=512, turns="last")
    (every,), _ = encode_examples([example], prompts, tokenizer, max_length=512, turns="all")
    assert tokenizer.decode([i for i in last.labels if i >= 0]) == "SELECT name FROM customer<|end|>"
    learned = tokenizer.decode([i for i in every.labels if i >= 0])
    assert learned == "SELECT COUNT(*) FROM customer<|end|>SELECT name FROM customer<|end|>"
    assert last.input_ids == every.input_ids


def test_a_template_that_rewrites_earlier_answers_cannot_learn_them(tokenizer: Any) -> None:
    import copy

    other = copy.deepcopy(tokenizer)
    other.chat_template = tokenizer.chat_template.replace(
        "<|assistant|>{% generation %}", "<|assistant|>{% generation %}{% if not loop.last %}was: {% endif %}"
    )
    history = (Message("user", "How many?"), Message("assistant", "SELECT 1"))
    example = Example("d", ("SELECT 2",), question="And?", history=history)
    with pytest.raises(DataError, match="turns=last"):
        encode_examples([example], prompts_of([example]), other, max_length=512, turns="all")


def test_documents_are_learned_whole_and_ended_once(tokenizer: Any) -> None:
    text = "A customer is active who ordered. " * 20
    rows = encode_documents([text, "Short."], tokenizer, max_length=64)
    joined = [i for row in rows if row.id.startswith("document-1") for i in row.input_ids]
    assert tokenizer.decode(joined) == text + "<|end|>"
    assert all(row.labels == row.input_ids and len(row.input_ids) <= 64 for row in rows)


def loss_and_gradients(folder: Path, batch: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    labels = batch.pop("labels")
    logits = model(**batch, use_cache=False).logits[:, :-1]
    loss = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORE_INDEX, reduction="sum"
    )
    loss.backward()
    return loss.item(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_a_shared_beginning_changes_no_loss_and_no_gradient(tmp_path: Path, tokenizer: Any) -> None:
    folder = make_tiny_model(tmp_path)
    other = "CREATE TABLE product (id INTEGER PRIMARY KEY, title TEXT, price REAL, stock INTEGER, country TEXT)"
    rows = (
        rows_of(tokenizer)
        + rows_of(tokenizer, EXAMPLES[:2], other)
        + rows_of(tokenizer, EXAMPLES[:1], "CREATE TABLE z (q INT)")
    )
    apart, shared = Collator(0, share=False)(rows), Collator(0)(rows)
    assert shared["input_ids"].numel() < apart["input_ids"].numel()
    assert shared["attention_mask"].dim() == 4
    assert (shared["labels"] >= 0).sum() == (apart["labels"] >= 0).sum()
    loss, gradients = loss_and_gradients(folder, apart)
    tree_loss, tree_gradients = loss_and_gradients(folder, shared)
    assert tree_loss == pytest.approx(loss, rel=1e-5)
    for name, gradient in gradients.items():
        torch.testing.assert_close(tree_gradients[name], gradient, atol=1e-4, rtol=1e-3)


def test_rows_of_different_schemas_are_padded(tokenizer: Any) -> None:
    rows = [*rows_of(tokenizer, EXAMPLES[:1], "CREATE TABLE y (q INT)"), *rows_of(tokenizer, EXAMPLES[:1])]
    batch = Collator(0)(rows)
    assert batch["attention_mask"].dim() == 2
    lengths = sorted(len(row.input_ids) for row in rows)
    assert sorted(batch["attention_mask"].sum(1).tolist()) == lengths
    assert batch["input_ids"].shape == (2, padded_length(lengths[-1]))


def row(length: int, start: int = 0) -> Row:
    ids = list(range(start, start + length))
    return Row(str(start), ids, ids)


@pytest.mark.parametrize("share", [True, False])
def test_lengths_come_again_so_that_memory_is_used_again(share: bool) -> None:
    rows = [
        Row(str(i), [*range(100), *range(1000 * i, 1000 * i + i)], [IGNORE_INDEX] * (99 + i) + [1])
        for i in range(1, 99)
    ]
    batches = [Collator(0, share=share)(rows[i : i + 2]) for i in range(len(rows) - 1)]
    assert len({batch["input_ids"].shape for batch in batches}) <= 300 / MULTIPLE
    assert {batch["input_ids"].shape[1] % MULTIPLE for batch in batches} == {0}


def test_the_loss_of_learned_tokens_alone_is_that_of_all_logits(tmp_path: Path, tokenizer: Any) -> None:
    from transformers import AutoModelForCausalLM

    from sqltailor.train.running.trainer import _add_summed_loss

    folder = make_tiny_model(tmp_path)
    batch = Collator(0)(rows_of(tokenizer))
    expected, gradients = loss_and_gradients(folder, dict(batch))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    computed = []
    model.get_output_embeddings().register_forward_hook(lambda module, given, logits: computed.append(len(logits)))
    _add_summed_loss(model)
    loss = model(**batch, summed_loss=True)
    loss.backward()
    learned = int((batch["labels"] != IGNORE_INDEX).sum())
    assert computed == [padded_length(learned)]
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], atol=1e-4, rtol=1e-3)


def test_a_beginning_read_apart_changes_no_loss_and_no_gradient_of_what_follows(tmp_path: Path, tokenizer: Any) -> None:
    """Against one row after the other, each behind the same beginning without gradient."""
    from transformers import AutoModelForCausalLM

    from sqltailor.train.running.cpu_attention import register
    from sqltailor.train.running.trainer import _add_summed_loss

    folder = make_tiny_model(tmp_path, num_key_value_heads=2)
    rows = rows_of(tokenizer)
    batch = Collator(0, apart=True)(rows)
    beginning, slots = batch.pop("prefix_ids"), batch["slots"]
    assert beginning.shape[1] % MULTIPLE == 0
    whole = int(batch["prefix_seen"].sum())
    assert whole + len(set(slots[0].tolist()) - {-1}) == len(rows[0].input_ids)
    losses, gradients = [], []
    for attention in ("eager", register()):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation=attention)
        _add_summed_loss(model)
        with torch.no_grad():
            cache = model(input_ids=beginning, use_cache=True).past_key_values
        length = whole if attention == "eager" else beginning.shape[1]
        prefix = [(layer.keys[:, :, :length], layer.values[:, :, :length]) for layer in cache.layers]
        if attention == "eager":  # one row after the other, each behind the same beginning
            loss = torch.zeros(())
            for row in rows:
                own = slice(whole, None)
                given = {"input_ids": [row.input_ids[own]], "labels": [row.labels[own]]}
                tensors = {name: torch.tensor(value) for name, value in given.items()}
                loss = loss + model(**tensors, prefix=prefix, summed_loss=True)
        else:
            loss = model(**batch, prefix=prefix, summed_loss=True)
        loss.backward()
        losses.append(loss.item())
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, atol=1e-4, rtol=1e-3)


def test_a_batch_of_two_schemas_is_not_read_apart(tokenizer: Any) -> None:
    rows = [*rows_of(tokenizer), *rows_of(tokenizer, EXAMPLES[:1], "CREATE TABLE y (q INT)")]
    assert "prefix_ids" not in Collator(0, apart=True)(rows)


def test_rows_of_one_schema_make_whole_batches() -> None:
    def of_schema(number: int, rows: int) -> list[Row]:
        begin = list(range(1000 * number, 1000 * number + 60))
        return [Row(f"{number}-{i}", [*begin, 10**6 + i], [IGNORE_INDEX] * 60 + [10**6 + i]) for i in range(rows)]

    rows = [row for number in range(1, 41) for row in of_schema(number, 19)]
    order = list(Order(rows, batch=8, seed=0))
    batches = [order[i : i + 8] for i in range(0, len(order), 8)]
    assert sorted(order) == list(range(len(rows)))
    of_one = [len({rows[i].id.split("-")[0] for i in batch}) == 1 for batch in batches]
    assert sum(of_one) >= 80


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    rows = [row(10 + i % 37, start=1000 * i) for i in range(203)]
    first, again, other = Order(rows, batch=8, seed=1), Order(rows, batch=8, seed=1), Order(rows, batch=8, seed=2)
    assert list(first) == list(again) != list(other)
    again.epoch = 1
    assert list(first) != list(again)
    assert sorted(first) == list(range(203))


def test_batches_hold_rows_of_like_length() -> None:
    rows = [row(10 + (i * 7919) % 200, start=1000 * i) for i in range(512)]
    order = list(Order(rows, batch=8, seed=0))
    batches = [[len(rows[i].input_ids) for i in order[at : at + 8]] for at in range(0, 512, 8)]
    padded = sum(8 * max(batch) for batch in batches)
    assert padded < 1.06 * sum(map(sum, batches))


def test_batches_hold_rows_of_one_schema() -> None:
    rows = [Row(str(i), [*range(1000 * (i % 2), 1000 * (i % 2) + 50), 5000 + i], [0] * 51) for i in range(160)]
    order = list(Order(rows, batch=8, seed=0))
    schemas = [{i % 2 for i in order[at : at + 8]} for at in range(0, 160, 8)]
    assert sum(len(schema) == 1 for schema in schemas) >= 18


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("key_heads", [1, 2])
def test_attention_as_products_is_attention(shared: bool, key_heads: int) -> None:
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    from sqltailor.train.running.cpu_attention import attend

    torch.manual_seed(0)
    module = torch.nn.Module()
    module.num_key_value_groups = 2 // key_heads
    query, key, value = (torch.randn(3, heads, 9, 4, requires_grad=True) for heads in (2, key_heads, key_heads))
    seen = (torch.rand(3, 1, 9, 9) < 0.5).logical_or(torch.eye(9, dtype=torch.bool)).tril() if shared else None
    results = []
    for function in (attend, sdpa_attention_forward):
        out, _ = function(module, query, key, value, seen, scaling=0.5)
        out.square().sum().backward()
        results.append([out.detach(), *(t.grad.clone() for t in (query, key, value))])
        query.grad = key.grad = value.grad = None
    for mine, torchs in zip(*results, strict=True):
        assert torch.allclose(mine, torchs, atol=1e-5)


def test_a_row_of_padding_is_no_nan() -> None:
    from sqltailor.train.running.cpu_attention import attend

    query, key, value = (torch.randn(1, 1, 3, 4, dtype=torch.bfloat16, requires_grad=True) for _ in range(3))
    out, _ = attend(torch.nn.Module(), query, key, value, torch.zeros(1, 1, 3, 3, dtype=torch.bool))
    out.sum().backward()
    assert all(t.isfinite().all() for t in (out, query.grad, key.grad, value.grad))
