"""The demo: the whole journey on the sample database, in one folder, with a real base model."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqltailor.asker import open_asker
from sqltailor.augment import augment
from sqltailor.data.examples import load_examples, write_examples
from sqltailor.demo.database import build_database
from sqltailor.evaluate.by_recipe import Measured, evaluate_models
from sqltailor.export.artifacts import export
from sqltailor.generate.bases import BASES, DEFAULT
from sqltailor.generate.engines import llama_is_fit
from sqltailor.project import Project
from sqltailor.recipe import SHIPPED, load_recipe
from sqltailor.reply import Reply
from sqltailor.runs import write_text_atomic
from sqltailor.sql.dialect import canonical, comparable, shape
from sqltailor.synth import synthesise
from sqltailor.train import TrainResult, train
from sqltailor.types import Example, OnProgress

if TYPE_CHECKING:
    from sqltailor.train.running.watch import Progress

    ShowTraining = Callable[[], contextlib.AbstractContextManager[Progress | None]]
    ShowAnswers = Callable[[], contextlib.AbstractContextManager[OnProgress]]

HERE = Path(__file__).parent
QUESTION = "Which three brands have the most items?"
TESTS = ("new_wordings", "new_shapes")
REWORDINGS = "rewordings"
"""Up to three more wordings of each hand-written question, for `prompt.examples`; not in the demo's own training."""
SYNTHETIC = {"nano": 900}
"""Pairs made from the database, besides the 160 hand-written ones; nano needs more of them."""
FEWER = 220
ASKED = 50
"""Questions of each test part that the demo asks, unless told otherwise: a seeded sample."""
SEED = 0


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo made: the folder, the training, the measurement, and one answered question."""

    folder: Path
    base: str
    training: TrainResult
    measured: Measured
    reply: Reply
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the training, the scores by test part, and the answer."""
        scores = self.measured.result.scores
        return {
            "out": str(self.folder),
            "base": self.base,
            "run": str(self.training.run),
            "models": scores["models"],
            "parts": scores["breakdowns"].get("part", {}),
            "paired": scores["paired"],
            "ask": {"question": QUESTION, **self.reply.to_json()},
            "report": str(self.folder / self.measured.report),
            "training_seconds": self.training.seconds,
            "seconds": round(self.seconds, 1),
        }


def run_demo(
    out: Path,
    *,
    base: str = DEFAULT,
    questions: int = ASKED,
    on_step: Callable[[str], None] = lambda text: None,
    show_training: ShowTraining = contextlib.nullcontext,
    show_answers: ShowAnswers = lambda: contextlib.nullcontext(lambda model, done, total: None),
) -> Demo:
    """Build the sample database and its data set in `out`, tune a base, measure before and after, answer a question.

    `questions` of each test part are asked, drawn with a fixed seed.
    Given again after an interruption, it goes on from the last checkpoint. `on_step` is told what begins;
    `show_training` and `show_answers` open what is told of the progress of these two.
    """
    started = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(out))
        on_step("building the sample database: an outdoor shop, 12 tables, 60,000 rows")
        prepare(Path(), base)
        recipe = load_recipe("recipe.yaml", ["database.url=sqlite:///shop.db"])
        project = stack.enter_context(Project(recipe.recipe))
        on_step("making question–SQL pairs from the database, and variants of 160 hand-written ones")
        make_pairs(project)
        on_step(f"tuning {base} on all of them")
        with show_training() as on_training:
            training = train(recipe, project=project, progress=on_training)
        asked = [draw_questions(part, questions) for part in TESTS]
        count = sum(len(load_examples(path)) for path in asked)
        on_step(f"asking base and tuned {count} questions that training never saw, and running what they write")
        with show_answers() as on_answers:
            measured = evaluate_models(project, models=[base, str(training.run)], data=asked, on_progress=on_answers)
        if base != "nano" and llama_is_fit():
            on_step("writing it in 8 bits for llama.cpp, which starts and answers sooner")
            export(str(training.run), "gguf", quantize=["q8_0"], check=False)
        reply = open_asker(project, str(training.run))(QUESTION)
    return Demo(out, base, training, measured, reply, time.monotonic() - started)


def draw_questions(part: str, count: int) -> str:
    """Return the file with a test part's questions to ask: all, or a sample that is the same each time."""
    whole = Path("data") / f"{part}.jsonl"
    examples = load_examples(whole)
    if count >= len(examples):
        return str(whole)
    drawn = Path("data") / f"sample-{count}" / whole.name
    drawn.parent.mkdir(exist_ok=True)
    write_examples(drawn, random.Random(SEED).sample(examples, count))
    return str(drawn)


def prepare(folder: Path, base: str = DEFAULT) -> None:
    """Write the sample database, its examples and the base's recipe into `folder`; what is there already stays."""
    if not (folder / "shop.db").is_file():
        build_database(folder / "shop.db")
    for name in ("train", REWORDINGS, *TESTS):
        if not (folder / "data" / f"{name}.jsonl").is_file():
            (folder / "data").mkdir(exist_ok=True)
            questions = load_examples(HERE / "questions" / f"{name}.jsonl")
            write_examples(folder / "data" / f"{name}.jsonl", map(_in_canonical_sql, questions))
    if not (folder / "recipe.yaml").is_file():
        text = (SHIPPED / ("demo-nano.yaml" if base == "nano" else "demo.yaml")).read_text(encoding="utf-8")
        if base not in ("nano", DEFAULT):
            text = text.replace(f"base: {DEFAULT}", f"base: {base}")
            rate = BASES[base].learning_rate if base in BASES else 3e-4
            text = text.replace("learning_rate: 3e-4", f"learning_rate: {rate:g}")
        glossary = (HERE / "glossary.yaml").read_text(encoding="utf-8")
        lines = "".join(f"  {line}\n" for line in glossary.splitlines())
        write_text_atomic(folder / "recipe.yaml", f"{text.rstrip()}\n\nglossary:\n{lines}")


def _in_canonical_sql(example: Example) -> Example:
    """Return the example as import would write it: nano was trained on canonical SQL."""
    return dataclasses.replace(example, sql=tuple(canonical(sql, example.dialect) for sql in example.sql))


def make_pairs(project: Project) -> None:
    """Write `data/synth.jsonl` and `data/values.jsonl`, each without what a test holds; what is there already stays.

    Synthetic pairs have no shape that the test of new shapes has, and variants of the hand-written ones no SQL that a
    test has.
    """
    tests = [example for part in TESTS for example in load_examples(f"data/{part}.jsonl")]
    if not Path("data/synth.jsonl").is_file():
        shapes = {shape(example.sql[0]) for example in load_examples("data/new_shapes.jsonl")}
        write_examples("data/synth.jsonl", (e for e in _synthetic(project) if shape(e.sql[0]) not in shapes))
    if not Path("data/values.jsonl").is_file():
        augment("values", ["data/train.jsonl"], "data/variants.jsonl", recipe=project)
        taken = {comparable(example.sql[0]) for example in tests}
        made = load_examples("data/variants.jsonl")
        write_examples("data/values.jsonl", (e for e in made if comparable(e.sql[0]) not in taken))


def _synthetic(project: Project) -> Sequence[Example]:
    recipe = project.recipe
    return synthesise(
        project.database,
        SYNTHETIC.get(recipe.base, FEWER),
        schema=project.schema,
        grant=project.grant,
        glossary=recipe.glossary,
        personal=recipe.database.sample_personal,
    ).examples
