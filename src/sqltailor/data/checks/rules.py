"""Trainers' rules, checked before anything is uploaded: every violation with its file and line.

Sources: docs.aws.amazon.com nova/userguide/fine-tune-prepare-data-understanding (Nova), bedrock/userguide/
model-customization-prepare (Claude, Llama), general/gr/bedrock (quotas). The Nova tokenizer is not public: lengths
are estimated with three characters a token, the worst case for SQL.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqltailor.errors import ConfigError, unknown

CHARACTERS_PER_TOKEN = 3
RESERVED = ("system:", "user:", "bot:", "assistant:", "[eos]", "<image>", "<video>")
"""Anywhere in a text, whatever the case, each of these fails the whole Nova job."""
SUSPECTED = ("thought:", "<unk>")
"""Refused by Amazon's own validator, but not in its documentation: told as a warning."""

FILE_NAME = re.compile(r"[A-Za-z0-9_.-]+\.jsonl\Z")


class Limits(NamedTuple):
    """Records in train and validation together, tokens of one record, and records of the validation file."""

    min_train: int
    max_total: int
    max_tokens: int
    max_validation: int | None = None
    reserved: bool = False
    """Whether `RESERVED` words fail a job."""


LIMITS: Mapping[str, Limits] = {
    "nova": Limits(8, 20_000, 32_000, reserved=True),
    "nova-2-lite": Limits(200, 20_000, 32_000, max_validation=0, reserved=True),
    "llama": Limits(100, 10_000, 16_000),
    "claude-3-haiku": Limits(32, 10_000, 32_000, max_validation=1_000),
    "nova-2-lite-rft": Limits(100, 20_000, 32_000),
}
USUAL_MODEL: Mapping[str, str] = {"bedrock": "nova", "claude": "claude-3-haiku", "rft": "nova-2-lite-rft"}


@dataclass(frozen=True)
class Violation:
    """A rule that a file breaks. `line` is None when the file as a whole breaks it; a warning may pass."""

    file: str
    line: int | None
    rule: str
    detail: str
    level: Literal["error", "warning"] = "error"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON shape in `data export --json`."""
        return asdict(self)


def check_files(
    format: str,
    train: Sequence[str | os.PathLike[str]],
    validation: Sequence[str | os.PathLike[str]] = (),
    *,
    model: str | None = None,
) -> list[Violation]:
    """Return all violations of files in a format, for the format's usual model (Nova for `bedrock`) or another.

    Formats without published rules have none. Raises `ConfigError` for an unknown model.
    """
    model = model or USUAL_MODEL.get(format)
    if model is None:
        return []
    if model not in LIMITS:
        raise ConfigError(unknown("model family", model, LIMITS))
    found: list[Violation] = []
    counts = {}
    for path in [*map(Path, train), *map(Path, validation)]:
        if not FILE_NAME.match(path.name):
            found.append(_whole(path, "file_name", "a name has letters, digits, `_`, `-` and `.`, and ends in .jsonl"))
        count = 0
        for count, line in enumerate(_lines(path), 1):
            found += [Violation(str(path), count, *fault) for fault in check_line(format, line, LIMITS[model])]
        counts[path] = count
    return found + list(_size_faults(LIMITS[model], model, counts, [Path(p) for p in validation]))


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from (line.rstrip(b"\r\n") for line in file)


def _whole(path: Path, rule: str, detail: str) -> Violation:
    return Violation(str(path), None, rule, detail)


def _size_faults(limits: Limits, model: str, counts: Mapping[Path, int], validation: list[Path]) -> Iterator[Violation]:
    first = next(iter(counts), Path())
    held_out = sum(counts[path] for path in validation)
    total = sum(counts.values())
    if total - held_out < limits.min_train:
        detail = f"{total - held_out} training records; {model} needs at least {limits.min_train}"
        yield _whole(first, "too_few_records", detail)
    if total > limits.max_total:
        detail = f"{total:,} records in training and validation together; {model} takes {limits.max_total:,}"
        yield _whole(first, "too_many_records", detail)
    if limits.max_validation is not None and held_out > limits.max_validation:
        allowed = f"at most {limits.max_validation:,} records" if limits.max_validation else "no validation file"
        yield _whole(validation[0], "too_many_validation_records", f"{held_out:,} records; {model} takes {allowed}")


Fault = tuple[str, str, Literal["error", "warning"]]


def check_line(format: str, line: bytes, limits: Limits) -> list[Fault]:
    """Return (rule, detail, level) for each rule that one line breaks."""
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as e:
        return [("not_utf8", f"not UTF-8 at byte {e.start}", "error")]
    except ValueError as e:
        return [("not_json", f"not JSON: {str(e)[:120]}" if line.strip() else "an empty line", "error")]
    if not isinstance(row, dict):
        return [("not_json", "a line is one JSON object", "error")]
    shape = SHAPES.get(format)
    texts: list[tuple[str, str]] = []
    faults = [(rule, detail, "error") for rule, detail in shape(row, texts)] if shape else []
    tokens = -(-sum(len(text) for _, text in texts) // CHARACTERS_PER_TOKEN)
    if tokens > limits.max_tokens:
        faults.append(("too_long", f"about {tokens:,} tokens; {limits.max_tokens:,} are allowed", "error"))
    return [*faults, *(_reserved(texts) if format == "bedrock" and limits.reserved else ())]


def _reserved(texts: list[tuple[str, str]]) -> Iterator[Fault]:
    for where, text in texts:
        folded = text.lower()
        for word in (*RESERVED, *SUSPECTED):
            if word in folded:
                at = folded.index(word)
                around = text[max(0, at - 20) : at + 20]
                yield (
                    "reserved_word",
                    f"'{word}' in the {where}: …{around}…",
                    "error" if word in RESERVED else "warning",
                )


Texts = list[tuple[str, str]]


def _bedrock(row: Mapping[str, Any], texts: Texts) -> Iterator[tuple[str, str]]:
    yield from _keys(row, {"schemaVersion", "system", "messages"}, {"messages"})
    if not isinstance(row.get("schemaVersion", ""), str):
        yield "schema_version", "`schemaVersion` is text"
    if "system" in row:
        yield from _blocks(row["system"], "system text", texts)
    yield from _conversation(row.get("messages"), texts, _blocks)


def _claude(row: Mapping[str, Any], texts: Texts) -> Iterator[tuple[str, str]]:
    yield from _keys(row, {"system", "messages"}, {"messages"})
    if "system" in row:
        yield from _string(row["system"], "system text", texts)
    yield from _conversation(row.get("messages"), texts, _string)


def _prompt_completion(row: Mapping[str, Any], texts: Texts) -> Iterator[tuple[str, str]]:
    yield from _keys(row, {"prompt", "completion"}, {"prompt", "completion"})
    for key in ("prompt", "completion"):
        if key in row:
            yield from _string(row[key], key, texts)


def _rft(row: Mapping[str, Any], texts: Texts) -> Iterator[tuple[str, str]]:
    yield from _keys(row, {"id", "messages", "reference_answer"}, {"id", "messages", "reference_answer"})
    if not row.get("id"):
        yield "missing_key", "`id` is empty"
    turns = row.get("messages")
    for turn in turns if isinstance(turns, list) else []:
        yield from _string(turn.get("content"), f"{turn.get('role')} message", texts)


SHAPES: Mapping[str, Callable[[Mapping[str, Any], Texts], Iterator[tuple[str, str]]]] = {
    "bedrock": _bedrock,
    "claude": _claude,
    "prompt-completion": _prompt_completion,
    "rft": _rft,
}


def _keys(row: Mapping[str, Any], known: set[str], needed: set[str]) -> Iterator[tuple[str, str]]:
    for key in needed - row.keys():
        yield "missing_key", f"no `{key}`"
    for key in row.keys() - known:
        yield "unknown_key", f"`{key}` is not one of {', '.join(sorted(known))}"


def _conversation(
    messages: Any, texts: Texts, content: Callable[[Any, str, Texts], Iterator[tuple[str, str]]]
) -> Iterator[tuple[str, str]]:
    if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
        yield "messages", "`messages` is a list of objects"
        return
    roles = [m.get("role") for m in messages]
    if len(messages) < 2:
        yield "too_few_messages", "a conversation has at least a user and an assistant message"
    if any(role not in ("user", "assistant") for role in roles):
        yield "unknown_role", f"roles are user and assistant, not {', '.join(str(r) for r in dict.fromkeys(roles))}"
    if roles != [("user", "assistant")[i % 2] for i in range(len(roles))]:
        yield "roles_alternate", "messages go user, assistant, user, assistant"
    elif len(roles) % 2:
        yield "ends_with_assistant", "the last message is the assistant's"
    for i, message in enumerate(messages, 1):
        yield from content(message.get("content"), f"{message.get('role')} message {i}", texts)


def _blocks(value: Any, where: str, texts: Texts) -> Iterator[tuple[str, str]]:
    if not isinstance(value, list) or not value or not all(isinstance(b, dict) for b in value):
        yield "content", f"the {where} is a list of text blocks"
        return
    if any(block.keys() != {"text"} for block in value):
        yield "text_only", f"the {where} holds something else than text"
    yield from _string("".join(str(b.get("text") or "") for b in value), where, texts)


def _string(value: Any, where: str, texts: Texts) -> Iterator[tuple[str, str]]:
    if not isinstance(value, str):
        yield "content", f"the {where} is text"
    elif not value.strip():
        yield "empty_text", f"the {where} is empty"
    else:
        texts.append((where, value))
