"""A two-layer random Llama with nano's kind of tokenizer, or a Qwen with its own, made in a second, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

CONTROL_TOKENS = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")

CHATML_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")

CHAT_TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'assistant' %}<|assistant|>{% generation %}{{ m.content }}<|end|>"
    "{% endgeneration %}{% else %}<|{{ m.role }}|>{{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

CHATML = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nYou are Qwen.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Qwen2's chat template without its tools."""

_TEXT = """
sqlite postgres
customer: id* int, name, city, country order: id* int, customer_id int > customer.id, total num, placed_at date
product: id* int, title, price num, stock int How many customers do we have? Which customers live in Lyon?
What is the average price of a product? List the names of all customers sorted by city. Total of all orders in 2024?
SELECT COUNT(*) FROM customer SELECT name FROM customer WHERE city = 'Lyon' SELECT AVG(price) FROM product
SELECT T1.name, SUM(T2.total) FROM customer AS T1 JOIN order AS T2 ON T1.id = T2.customer_id GROUP BY T1.name
SELECT DISTINCT country FROM customer ORDER BY country DESC LIMIT 10 HAVING COUNT(*) > 1 BETWEEN 1 AND 2 NOT IN
You are a powerful text-to-SQL model. Your job is to answer questions about a database. CREATE TABLE customer
You can use the following table schema for context: Return the SQL query that answers the following question:
"""


def make_tokenizer(vocabulary: int = 512) -> Any:
    """Return a byte-level BPE tokenizer with single digits, nano's control tokens and nano's chat template."""
    from tokenizers import pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    cut = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_bpe(cut, CONTROL_TOKENS, vocabulary),
        eos_token="<|end|>",
        pad_token="<|pad|>",
        additional_special_tokens=["<|system|>", "<|user|>", "<|assistant|>"],
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def make_qwen_tokenizer(vocabulary: int = 512) -> Any:
    """Return a byte-level BPE tokenizer that cuts text as Qwen2 and Qwen3 do, with ChatML."""
    from tokenizers import Regex, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    cut = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), "isolated"), byte_level])
    bpe = _bpe(cut, CHATML_TOKENS, vocabulary)
    bpe.normalizer = normalizers.NFC()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHATML
    return tokenizer


def _bpe(cut: Any, control: Sequence[str], vocabulary: int) -> Any:
    """Return a byte-level BPE, learned from a little SQL, that cuts text first."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = cut
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(control),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([_TEXT], trainer)
    return bpe


def make_tiny_model(
    folder: Path, *, seed: int = 0, hidden: int = 32, layers: int = 2, family: str = "Llama", **config: Any
) -> Path:
    """Write a random model and its tokenizer to `folder`, as `save_pretrained` does, and return the folder.

    `family` is Llama, Qwen2 or Qwen3. A Qwen's biases and norms are random, too.
    """
    import torch
    import transformers

    tokenizer = make_tokenizer() if family == "Llama" else make_qwen_tokenizer()
    torch.manual_seed(seed)
    settings: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": hidden,
        "intermediate_size": hidden * 2,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": 1024,
        "tie_word_embeddings": True,
        "initializer_range": 0.3,  # what it writes shall vary
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    model = getattr(transformers, f"{family}ForCausalLM")(
        getattr(transformers, f"{family}Config")(**(settings | config))
    )
    if family != "Llama":
        with torch.no_grad():
            for weight in model.parameters():
                if weight.ndim == 1:
                    weight.copy_(1 + torch.randn_like(weight) / 4)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
