"""The report page: what it says, that it is whole with files missing, and that nothing in it comes from anywhere."""

from __future__ import annotations

import html
import json
import re
import sqlite3
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqltailor.database import open_database
from sqltailor.errors import DataError
from sqltailor.evaluate import Scoring, evaluate
from sqltailor.evaluate.metrics import METRICS, metrics_called
from sqltailor.evaluate.report import meanings, plots, sentences, sql, write_report
from sqltailor.types import Completion, Example, Generate, GenerateOptions, Prompt

ATTACK = "<script>alert(1)</script>"
EXAMPLES = [
    Example("e1", ("SELECT COUNT(*) FROM t",), question="how many?", source="easy.jsonl", difficulty="easy"),
    Example("e2", ("SELECT a FROM t WHERE a < 3",), question="which are small?", source="$x$ <b>.jsonl"),
    Example("e3", ("SELECT a FROM t ORDER BY a",), question=f"all {ATTACK} in order", source="easy.jsonl"),
    Example("e4", ("SELECT nowhere FROM t",), question="what is broken?", source="easy.jsonl"),
]


def model(*answers: str) -> Generate:
    def generate(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        asked = [next(i for i, e in enumerate(EXAMPLES) if str(e.question) in p.messages[-1].content) for p in prompts]
        return [Completion(answers[i], tokens_out=5, total_ms=20.0) for i in asked]

    return generate


BASE = model("SELECT COUNT(*) FROM t", f"SELECT '{ATTACK}'", f"no idea {ATTACK}", "SELECT 1")
TUNED = model("SELECT COUNT(*) + 1 FROM t", "SELECT a FROM t WHERE a < 3", "SELECT a FROM t ORDER BY a", "SELECT 1")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a training run with an evaluation of base and tuned inside it."""
    connection = sqlite3.connect(tmp_path / "t.db")
    connection.executescript("CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2), (3);")
    connection.close()
    run = tmp_path / "runs" / "shop"
    with open_database(f"sqlite:///{tmp_path / 't.db'}") as database:
        models = {f"nano {ATTACK}": BASE, "runs/shop": TUNED}
        evaluate(EXAMPLES, models, out_dir=run / "eval-1", scoring=Scoring(database))
    (run / "recipe.yaml").write_text(f"base: nano\n# {ATTACK}\n")
    steps: list[dict[str, Any]] = [
        {"step": i, "loss": 2 / i, "lr": 1e-4, "tokens_per_s": 500.0, "elapsed_s": i * 1.5} for i in range(1, 31)
    ]
    steps += [{"step": 31, "loss": None, "lr": 1e-4}, {"step": 31, "eval_loss": 0.5}]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in steps))
    (run / "data.json").write_text(json.dumps({"train.jsonl": {"sha256": "ab" * 32, "rows": 1240}}))
    return run


def test_training_rows_are_those_trained_on(run: Path) -> None:
    (run / "recipe.yaml").write_text("base: nano\ndata: {train: [./train.jsonl, 'hf:org/set'], validation: v.jsonl}\n")
    counts = {"train.jsonl": 1240, "v.jsonl": 55, "notes/a.md": 7, "hf:org/set": None}
    (run / "data.json").write_text(json.dumps({name: {"sha256": "ab", "rows": n} for name, n in counts.items()}))
    page = re.sub(r"<[^>]+>", " ", write_report(run / "eval-1").read_text())
    assert re.search(r"Training rows\s+1,240\s", page)


class Page(HTMLParser):
    """Collects the text and the tags of a page, and holds that every tag is closed in its turn."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self._open: list[str] = []
        self.feed(path.read_text())
        assert self._open == []
        self.text = re.sub(r"\s+", " ", "".join(self.pieces))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def test_the_page_says_what_was_found(run: Path) -> None:
    page = Page(write_report(run))
    assert f"runs/shop answers 2 of 3 right, nano {ATTACK} 1: +33.3 points, p = 1." in page.text
    assert "A difference of this size may be chance." in page.text
    assert "1 gold statement of 4 failed" in page.text
    assert "no such column: nowhere" in page.text
    assert "30 steps; training loss 2 → 0.0667, evaluation loss 0.5" in page.text
    assert "1,240" in page.text
    for heading in ("Broken 1", "Fixed 2", "Gold statements that fail 1", "Speed", "Training", "How it was made"):
        assert heading in page.text
    for words_of_a_wrong_answer in ("how many?", "SELECT COUNT(*) + 1 FROM t", "4, the gold result is 3"):
        assert words_of_a_wrong_answer in page.text
    assert sum(tag == "svg" for tag, _ in page.tags) == 6


def test_the_page_explains_the_metrics_that_it_shows(run: Path) -> None:
    page = Page(write_report(run))
    assert set(meanings.MEANINGS) >= set(METRICS)
    for metric in metrics_called(None):
        assert f"{metric}: {meanings.MEANINGS[metric].full}" in page.text
    assert "exact_set" not in page.text


def test_the_page_loads_nothing_and_runs_nothing(run: Path) -> None:
    path = write_report(run)
    page = Page(path)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "base", "a", "form"}
    for tag, attributes in page.tags:
        assert not {"src", "href", "srcset", "action", "data"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
        assert tag != "use" or (attributes["xlink:href"] or "").startswith("#")
    without_namespaces = re.sub(r'xmlns(:xlink)?="[^"]*"', "", path.read_text())
    assert not re.search(r"https?:|//cdn|@import|url\((?!#)", without_namespaces)


def test_everything_from_models_and_data_is_escaped(run: Path) -> None:
    text = write_report(run).read_text()
    assert ATTACK not in text
    assert "<b>.jsonl" not in text
    assert html.escape(ATTACK) in text


def test_a_run_shows_its_newest_evaluation_and_an_evaluation_its_training(run: Path) -> None:
    assert write_report(run) == run / "report.html"
    page = Page(write_report(run / "eval-1"))
    assert "shop / eval-1" in page.text
    assert "30 steps" in page.text
    scores = json.loads((run / "eval-1" / "scores.json").read_text())
    (run / "eval-2").mkdir()
    only = {"nano": {"execution": {"value": 0.25, "low": 0.1, "high": 0.5, "n": 16}}}
    newer = scores | {"models": only, "paired": [], "outcomes": {"nano": {"correct": 4, "wrong": 12}}}
    newer |= {"breakdowns": {}, "timings": {}, "gold_errors": [], "examples": 16}
    (run / "eval-2" / "scores.json").write_text(json.dumps(newer))
    page = Page(write_report(run))
    assert "nano answers 4 of 16 right. 95 % interval: 10–50 %." in page.text


def test_training_alone(run: Path, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    (run / "metrics.jsonl").rename(tmp_path / "alone" / "metrics.jsonl")
    page = Page(write_report(tmp_path / "alone"))
    assert "30 steps" in page.text
    assert "Measured" not in page.text
    assert sum(tag == "svg" for tag, _ in page.tags) == 1


def test_an_evaluation_alone_and_without_its_predictions(run: Path) -> None:
    for name in ("recipe.yaml", "metrics.jsonl", "data.json"):
        (run / name).unlink()
    page = Page(write_report(run / "eval-1"))
    assert "Training" not in page.text
    assert "Broken 1" in page.text
    (run / "eval-1" / "examples.jsonl").unlink()
    assert "Broken 1 " in Page(write_report(run / "eval-1")).text
    for path in (run / "eval-1").glob("predictions-*"):
        path.unlink()
    page = Page(write_report(run / "eval-1"))
    assert "Broken" not in page.text
    assert "answers 2 of 3 right" in page.text


def test_a_folder_with_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to report"):
        write_report(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        write_report(tmp_path / "nowhere")


def rate(value: float, n: int = 100) -> dict[str, float | int]:
    return {"value": value, "low": value - 0.05, "high": value + 0.05, "n": n}


def scores(p: float | None = None, metric: str = "execution", **models: float) -> dict[str, Any]:
    names = list(models)
    pair = {"a": names[0], "b": names[-1], "metric": metric, "fixed": 61, "broken": 2, "p": p}
    found = {name: {metric: rate(value)} for name, value in models.items()}
    return {"models": found, "paired": [] if p is None else [pair], "examples": 100, "outcomes": {}}


@pytest.mark.parametrize(
    ("found", "headline"),
    [
        (scores(1e-9, base=0.12, tuned=0.71), "tuned answers 71 of 100 right, base 12: +59 points, p < 0.001."),
        (scores(0.21, base=0.40, tuned=0.37), "tuned answers 37 of 100 right, base 40: −3 points, p = 0.21."),
        (scores(1.0, base=0.40, tuned=0.40), "tuned answers 40 of 100 right, base 40: +0 points, p = 1."),
        (
            scores(0.01, base=0.12, other=0.5, tuned=0.3),
            "tuned answers 30 of 100 right, base 12: +18 points, p = 0.01.",
        ),
        (scores(nano=0.12), "nano answers 12 of 100 right."),
        (scores(metric="exact_match", nano=0.12), "nano answers 12 of 100 with exactly the gold statement."),
        (scores(metric="parse_valid", nano=0.12), "No accuracy could be measured."),
    ],
)
def test_the_verdict(found: dict[str, Any], headline: str) -> None:
    assert sentences.verdict(found).headline == headline


def test_the_verdict_keeps_in_mind_what_weakens_it() -> None:
    found = scores(nano=0.5) | {"examples": 30, "gold_errors": [{}], "gold_empty": 2}
    found["outcomes"] = {"nano": {"truncated": 1, "timeout": 3, "correct": 20}}
    assert [note.split(":")[0] for note in sentences.verdict(found).notes] == [
        "1 gold statement of 30 failed or did not match its own result",
        "2 gold results are empty",
        "30 questions",
        "1 answer of nano hit the length limit",
        "3 statements of nano timed out, which also depends on this machine.",
    ]


def test_training_in_words() -> None:
    assert sentences.training([]) == ""
    assert sentences.training([{"step": 3, "loss": 1.23456}]) == "3 steps; training loss 1.23 → 1.23."


def test_plots_are_well_formed_and_the_same_every_time() -> None:
    bar = plots.Bar(0.5, 0.4, 0.6)
    drawn = plots.bars({"a < b & $x$": [bar, None], "": [bar, plots.Bar(0, 0, 0.1)]}, title="t & u")
    assert drawn == plots.bars({"a < b & $x$": [bar, None], "": [bar, plots.Bar(0, 0, 0.1)]}, title="t & u")
    root = ElementTree.fromstring(drawn)
    assert root.get("aria-label") == "t & u"
    assert "a < b & $x$" in "".join(root.itertext())
    stacked = plots.stack({"m": {"correct": 1, "wrong": 2}, "none": {}}, title="s")
    assert "var(--o-correct)" in stacked
    short = plots.curves(plots.Curve([1, 2], [1.0, 0.5]), plots.Curve([], []), plots.Curve([], []), title="c")
    for svg in (stacked, short):
        ElementTree.fromstring(svg)
        assert not re.search(r"#[0-9a-f]{6}\b", svg)


@given(st.text(max_size=80), st.none() | st.text(max_size=80))
def test_sql_as_html_shows_the_very_text(text: str, gold: str | None) -> None:
    shown = sql.html(text, gold)
    bare = re.sub(r"</?(?:b|i|mark)>", "", shown)
    assert "<" not in bare
    assert html.unescape(bare) == html.unescape(html.escape(text.strip()))


@pytest.mark.parametrize(
    ("text", "gold", "shown"),
    [
        ("select a from t", "SELECT a FROM t", "<b>select</b> a <b>from</b> t"),
        ("SELECT a, b c FROM t", "SELECT a FROM t", "<b>SELECT</b> a<mark>, b c</mark> <b>FROM</b> t"),
        ("SELECT x y z", "DELETE 1", "<b>SELECT</b> x y z"),
        ("SELECT '<i>'", None, "<b>SELECT</b> <i>&#x27;&lt;i&gt;&#x27;</i>"),
    ],
)
def test_sql_as_html(text: str, gold: str | None, shown: str) -> None:
    assert sql.html(text, gold) == shown


def test_long_statements_are_cut() -> None:
    assert len(sql.html("SELECT " + "a, " * 100_000)) < 5_000


def test_failures_show_both_results_and_can_be_filtered(run: Path) -> None:
    page = Page(write_report(run))
    picks = [attributes["id"] for tag, attributes in page.tags if tag == "input"]
    assert picks == []  # one kind: there is nothing to choose between
    cases = [attributes["class"] for tag, attributes in page.tags if tag == "article" and attributes.get("class")]
    assert "case k-value" in cases
    assert "How wrong results differ" in page.text
    assert re.search(r"COUNT\(\*\) \+ 1 4\b", page.text)


def test_rare_kinds_of_failure_are_among_those_shown() -> None:
    from sqltailor.evaluate.report.cases import MAX_CASES, Case, Given, listed

    def case(number: int) -> Case:
        kind = "order" if number % 300 == 299 else "value"
        return Case(str(number), "?", "", "", None, [Given(0, "", "wrong", kind, None, False, None)])

    found = listed([case(i) for i in range(900)])
    assert (found.total, len(found.cases), found.kinds) == (900, MAX_CASES, {"value": 897, "order": 3})
    assert sum(c.kind == "order" for c in found.cases) == 3
    assert [int(c.id) for c in found.cases] == sorted(int(c.id) for c in found.cases)
