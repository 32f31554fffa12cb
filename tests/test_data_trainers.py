# ruff: noqa: E501
"""Rows as particular trainers and programs write them: each is read as what it says, or left out with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sqltailor.data import Reject, read_examples
from sqltailor.types import Example, Message

DDL = "CREATE TABLE boat (id INTEGER, name TEXT)"
ASKED, GOLD, OTHER = "All names", "SELECT name FROM boat", "SELECT id FROM boat"
TOLD = f"You write SQL.\n\n{DDL};"
BOTH = f"{DDL};\n{ASKED}"


def read(tmp_path: Path, *rows: Any, name: str = "rows.jsonl") -> list[Example | Reject]:
    path = tmp_path / name
    path.write_text(
        "\n".join(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows) + "\n"
    )
    return list(read_examples(path))


def said(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": BOTH, "chosen": GOLD, "rejected": OTHER},
        {"prompt": [said("user", BOTH)], "chosen": [said("assistant", GOLD)], "rejected": [said("assistant", OTHER)]},
        {"chosen": [said("user", BOTH), said("assistant", GOLD)], "rejected": [said("user", BOTH), said("assistant", OTHER)]},
        {"instruction": ASKED, "input": DDL, "chosen": GOLD, "rejected": OTHER},
        {"conversations": [{"from": "human", "value": BOTH}], "chosen": {"from": "gpt", "value": GOLD}, "rejected": {"from": "gpt", "value": OTHER}},
        {"input": {"messages": [said("user", BOTH)]}, "preferred_output": [said("assistant", GOLD)], "non_preferred_output": [said("assistant", OTHER)]},
        {"systemInstruction": {"parts": [{"text": TOLD}]}, "contents": [{"role": "user", "parts": [{"text": ASKED}]}, {"role": "model", "parts": [{"text": GOLD}]}]},
        {"conversation": [{"system": TOLD, "input": ASKED, "output": GOLD}]},
        {"prompt": ASKED, "query": DDL, "response": GOLD},
        {"input_text": BOTH, "output_text": GOLD},
        {"question": ASKED, "schema": DDL, "chosen": GOLD, "rejected": OTHER},
        {"question": ASKED, "schema": DDL, "sql": GOLD, "prompt": "Write SQL", "response": "Certainly", "label": False},
        {"system": TOLD, "conversations": [{"from": "human", "value": ASKED}, {"from": "chatgpt", "value": GOLD}]},
        {"system": TOLD, "instruction": ASKED, "input": "", "output": GOLD},
        {"text": f"<｜begin▁of▁sentence｜>{TOLD}<｜User｜>{ASKED}<｜Assistant｜>{GOLD}<｜end▁of▁sentence｜>"},
        {"text": f"<|start|>system<|message|>{TOLD}<|end|><|start|>user<|message|>{ASKED}<|end|><|start|>assistant<|channel|>final<|message|>{GOLD}<|return|>"},
        {"text": f"Write SQL. ### Instruction: {ASKED} ### Input: {DDL} ### Response:{GOLD}<|endoftext|>"},
        {"prompt": f"{DDL};\n{ASKED}\n\n###\n\n", "completion": f" {GOLD}###"},
        {"prompt": f"{DDL};\n{ASKED} ->", "completion": f" {GOLD}\n"},
    ],
    ids=lambda row: "-".join(row)[:40],
)  # fmt: skip
def test_rows_of_trainers(tmp_path: Path, row: dict[str, Any]) -> None:
    [example] = read(tmp_path, row)
    assert isinstance(example, Example), example
    assert (example.question, example.sql) == (ASKED, (GOLD,))
    assert example.schema is not None
    assert example.schema.startswith(DDL)


def test_an_answer_that_is_not_wanted_is_no_gold(tmp_path: Path) -> None:
    good, bad = read(
        tmp_path,
        {"prompt": BOTH, "completion": GOLD, "label": True},
        {"prompt": BOTH, "completion": OTHER, "label": False},
    )
    assert isinstance(good, Example)
    assert isinstance(bad, Reject)
    assert bad.reason == "not_wanted"


def test_earlier_turns_of_an_instruction(tmp_path: Path) -> None:
    [example] = read(
        tmp_path, {"instruction": "Only two", "input": "", "output": f"{GOLD} LIMIT 2", "history": [[ASKED, GOLD]]}
    )
    assert isinstance(example, Example)
    assert example.history == (Message("user", ASKED), Message("assistant", GOLD))


ROW = {"question": ASKED, "sql": GOLD}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("one.json", json.dumps(ROW, indent=2)),
        ("joined.json", json.dumps(ROW, indent=2) + "\n" + json.dumps(ROW | {"question": "Names"}, indent=2)),
        ("commas.jsonl", json.dumps(ROW) + ",\n" + json.dumps(ROW | {"question": "Names"}) + ","),
        ("upper.csv", f" QUESTION ,SQL\n{ASKED},{GOLD}"),
        ("twice.csv", f"question,sql,sql\n{ASKED},{GOLD},{OTHER}"),
    ],
)
def test_files_as_programs_write_them(tmp_path: Path, name: str, text: str) -> None:
    first, *rest = read(tmp_path, text, name=name)
    assert isinstance(first, Example)
    assert (first.question, first.sql) == (ASKED, (GOLD,))
    assert [r.question for r in rest if isinstance(r, Example)] == ["Names"] * len(rest)


def test_quotes_after_a_backslash(tmp_path: Path) -> None:
    text = 'question,sql\n"Boats, ""big"" or \\""small\\""",SELECT 1\n"Boats called \\"A, B\\"","SELECT id\nFROM boat"\n"C:\\",SELECT 2\n'
    found = [example.question for example in read(tmp_path, text, name="q.csv") if isinstance(example, Example)]
    assert found == ['Boats, "big" or \\"small\\"', 'Boats called "A, B"', "C:\\"]
