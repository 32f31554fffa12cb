"""A recipe's examples as the files that a customization job reads, each row checked by the service's rules."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqltailor.cloud.cost import CHARACTERS_PER_TOKEN
from sqltailor.data.checks.rules import LIMITS, USUAL_MODEL, Violation, check_files, check_line
from sqltailor.data.examples import json_line
from sqltailor.errors import DataError
from sqltailor.project import Project
from sqltailor.prompt.text import completion_text
from sqltailor.runs import write_text_atomic
from sqltailor.train.rows.training_data import asked_prompts, read_material
from sqltailor.types import Example
from sqltailor.wire.chat_completions import graded_prompt
from sqltailor.wire.converse import training_record

logger = logging.getLogger(__name__)

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Material:
    """The files of a job. `tokens` of the training file are estimated."""

    train: Path
    validation: Path | None
    examples: int
    validation_examples: int
    left_out: int
    tokens: int


def write_material(project: Project, rules: str, folder: Path) -> Material:
    """Write `train.jsonl` and, where there is validation data, `validation.jsonl` into `folder`.

    A row holds exactly the prompt that the tuned model is asked with later, in Converse's form with the answer; for
    `grpo` in OpenAI's, with what answers are judged by. `rules` names the checks of examples. Raises `DataError` that
    lists the rows which the service would refuse, unless `skip_bad` leaves them out.
    """
    train = project.recipe.train
    form = "bedrock"
    if train.method == "grpo":
        form, rules = "rft", USUAL_MODEL["rft"]
    settings = train.sagemaker if train.backend == "sagemaker" else train.bedrock
    data = read_material(project.recipe, folder)
    held_out = data.validation
    if held_out and LIMITS[rules].max_validation == 0:
        logger.warning("%s accepts no validation data: %d examples are skipped", project.recipe.base, len(held_out))
        held_out = []
    files = {"train": data.train, **({"validation": held_out} if held_out else {})}
    left_out: Counter[str] = Counter()
    counts, paths = {}, {}
    for name, examples in files.items():
        paths[name] = folder / f"{name}.jsonl"
        lines = _lines(project, examples, form)
        if settings.skip_bad:
            lines = _without_bad(lines, form, rules, left_out)
        write_text_atomic(paths[name], "".join(lines))
        counts[name] = len(lines)
    for rule, count in left_out.items():
        logger.warning("%d rows are skipped (train.%s.skip_bad): %s", count, train.backend, rule)
    validation = [paths["validation"]] if "validation" in paths else []
    _refuse_violations(check_files(form, [paths["train"]], validation, model=rules), f"train.{train.backend}")
    return Material(
        paths["train"],
        paths.get("validation"),
        counts["train"],
        counts.get("validation", 0),
        sum(left_out.values()) + sum(data.rejected.values()),
        -(-paths["train"].stat().st_size // CHARACTERS_PER_TOKEN),
    )


def _lines(project: Project, examples: Sequence[Example], form: str) -> list[str]:
    lines = []
    for prompt, example in zip(asked_prompts(project, examples), examples, strict=True):
        if form == "rft":
            row = graded_prompt(example.id, prompt.messages, example.sql)
        else:
            row = training_record(prompt.messages, completion_text(example))
        lines.append(json_line(row))
    return lines


def _without_bad(lines: Sequence[str], form: str, rules: str, left_out: Counter[str]) -> list[str]:
    kept = []
    for line in lines:
        broken = [rule for rule, _, level in check_line(form, line.encode(), LIMITS[rules]) if level == "error"]
        if broken:
            left_out[broken[0]] += 1
        else:
            kept.append(line)
    return kept


def _refuse_violations(found: Sequence[Violation], section: str) -> None:
    for violation in found:
        if violation.level == "warning":
            logger.warning("%s, line %s: %s", Path(violation.file).name, violation.line, violation.detail)
    errors = [violation for violation in found if violation.level == "error"]
    if not errors:
        return
    shown = [
        f"  {Path(v.file).name}{f', line {v.line}' if v.line else ''}: {v.rule}: {v.detail}" for v in errors[:SHOWN]
    ]
    more = [f"  and {len(errors) - SHOWN} more"] if len(errors) > SHOWN else []
    by_row = any(v.line for v in errors)
    remedy = f"Change these rows, or skip them: {section}.skip_bad=true" if by_row else "Add or remove rows"
    raise DataError("\n".join(["AWS would reject this data, so nothing was uploaded:", *shown, *more, remedy]))
