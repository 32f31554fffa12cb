"""Rows in the keys of particular trainers, as the rows of the formats that say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]


def usual(row: Row) -> Row:
    """Return a row in usual keys: the preferred answer of a pair is the answer, `contents` of `parts` are messages.

    >>> usual({"prompt": "How many?", "chosen": "SELECT 1", "rejected": "SELECT 2"})
    {'prompt': 'How many?', 'completion': 'SELECT 1'}
    """
    has = row.__contains__
    if has("chosen") and has("rejected"):
        return _preferred(row)
    if has("question"):
        return row
    if has("preferred_output") and isinstance(given := row.get("input"), Mapping):  # OpenAI
        return {"messages": [*_list(given.get("messages")), *_list(row["preferred_output"])]}
    if has("contents") and isinstance(row["contents"], list):  # Gemini
        told = row.get("systemInstruction") or row.get("system_instruction")
        turns = [{"role": "system", **told}] if isinstance(told, Mapping) else []
        return {"messages": [_of_parts(turn) for turn in [*turns, *row["contents"]]]}
    if isinstance(row.get("conversation"), list):  # XTuner
        return {"messages": [message for turn in row["conversation"] for message in _of_turn(turn)]}
    if (
        has("prompt") and has("response") and not has("completion")
    ):  # LLaMA-Factory's names; `query` goes on with `prompt`
        rest = {key: row[key] for key in ("system", "history") if key in row}
        return {"instruction": row["prompt"], "input": row.get("query"), "output": row["response"], **rest}
    if has("input_text") and has("output_text"):  # Vertex AI
        return {"prompt": row["input_text"], "completion": row["output_text"]}
    return row


def is_wrong(row: Row) -> bool:
    """Tell whether a row shows an answer that is not wanted, as training by KTO needs it."""
    return row.get("label") is False or row.get("kto_tag") is False


def _preferred(row: Row) -> Row:
    rest = {key: value for key, value in row.items() if key not in ("chosen", "rejected")}
    chosen, asked = row["chosen"], rest.get("conversations", rest.get("messages"))
    if isinstance(asked, list):  # LLaMA-Factory
        name = "conversations" if "conversations" in rest else "messages"
        return rest | {name: [*asked, *_list(chosen)]}
    if "question" in rest:
        return rest | {"sql": chosen}
    if "prompt" in rest:
        return rest | {"completion": chosen}
    return rest | {"output": chosen} if "instruction" in rest else rest | {"messages": chosen}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _of_parts(turn: Any) -> Any:
    return {"role": turn.get("role"), "content": turn.get("parts")} if isinstance(turn, Mapping) else turn


def _of_turn(turn: Any) -> list[Any]:
    if not isinstance(turn, Mapping):
        return [turn]
    names = (("system", "system"), ("user", "input"), ("assistant", "output"))
    return [{"role": role, "content": turn[name]} for role, name in names if turn.get(name)]
