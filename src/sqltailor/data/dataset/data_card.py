"""The data card: the findings of an import or check, as JSON and as one self-contained HTML page without scripts."""

from __future__ import annotations

import importlib.resources
import json
import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqltailor.data.checks.example import REASONS, WARNINGS
from sqltailor.data.dataset.deduplicate import Copy, contradictions
from sqltailor.data.dataset.kept_rows import KeptRows
from sqltailor.data.dataset.overlap import WORDS, Tests
from sqltailor.data.dataset.split import PARTS, Split
from sqltailor.data.dataset.tally import SHOWN_A_KIND, example_shown
from sqltailor.data.examples import json_line
from sqltailor.data.facts import shortest_names
from sqltailor.errors import MissingExtra, require

logger = logging.getLogger(__name__)

TOP_SHAPES, TOP_TABLES = 15, 25


def card_of(
    kept: KeptRows,
    removed: Mapping[int, Copy],
    *,
    sources: Mapping[str, int],
    split: Split | None = None,
    tests: Tests | None = None,
    runs_shared: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return the card as JSON values; distributions and warnings are over the rows that are kept."""
    tally, columns = kept.tally, kept.ledger.columns
    shorter, tables = shortest_names(tally.tables), Counter[str]()
    for table, count in tally.tables.items():
        tables[shorter[table]] += count
    clashes = contradictions(kept.ledger, removed)
    warnings = dict(tally.warnings) | ({"contradiction": sum(map(len, clashes))} if clashes else {})
    shown = dict(tally.warnings_shown)
    if clashes:
        shown["contradiction"] = [_shown(kept, row) for rows in clashes[:SHOWN_A_KIND] for row in rows[:2]]
    return {
        "sources": dict(sources),
        "read": tally.read,
        "kept": tally.read - tally.reasons.total(),
        "rejected": tally.reasons.total(),
        "reasons": dict(tally.reasons.most_common()),
        "rejects_shown": tally.rejects_shown,
        "warnings": dict(sorted(warnings.items(), key=lambda item: -item[1])),
        "warnings_shown": shown,
        "distinct": {
            name: len({value for row, value in enumerate(columns[name]) if row not in removed})
            for name in ("question", "template", "schema", "database")
        },
        "levels": dict(tally.levels.most_common()),
        "tables": dict(tables.most_common(TOP_TABLES)),
        "tables_in_all": len(tables),
        "shapes": dict(tally.shapes.most_common(TOP_SHAPES)),
        "shapes_in_all": len(tally.shapes),
        "tokens": {str(end): tally.tokens[end] for end in sorted(tally.tokens)},
        "longest": tally.longest,
        "split": _split_json(split),
        "tests": _tests_json(kept, removed, split, tests, runs_shared or {}),
    }


def _shown(kept: KeptRows, row: int) -> dict[str, Any]:
    return example_shown(json.loads(kept.line(row)))


def _split_json(split: Split | None) -> dict[str, Any] | None:
    if split is None:
        return None
    return {"by": split.by, "seed": split.seed, "sizes": dict(split.sizes), "shared": dict(split.shared)}


def _tests_json(
    kept: KeptRows,
    removed: Mapping[int, Copy],
    split: Split | None,
    tests: Tests | None,
    runs_shared: Mapping[str, int],
) -> dict[str, Any] | None:
    """Return, for each part, how many kept rows overlap with the test files by template and by runs of words."""
    if tests is None:
        return None
    by_template = dict.fromkeys(PARTS, 0)
    for row, template in enumerate(kept.ledger.columns["template"]):
        if row not in removed and template in tests.templates:
            by_template[PARTS[split.parts[row] if split else 0]] += 1
    return {
        "files": list(tests.files),
        "count": tests.count,
        "exact": kept.tally.reasons["in_test"],
        "template": by_template,
        f"words_{WORDS}": dict(runs_shared),
    }


def write_card(folder: Path, card: Mapping[str, Any]) -> list[str]:
    """Write `card.json` and, where jinja2 is installed, `card.html`; return the names of what was written."""
    (folder / "card.json").write_text(json_line(card), encoding="utf-8")
    try:
        page = render_card(card)
    except MissingExtra as e:
        logger.warning("No card.html. %s", e)
        return ["card.json"]
    (folder / "card.html").write_text(page, encoding="utf-8", errors="replace")
    return ["card.json", "card.html"]


def render_card(card: Mapping[str, Any]) -> str:
    """Return the card as one HTML page."""
    jinja2 = require("jinja2", extra="report", feature="The HTML data card")
    text = importlib.resources.files("sqltailor.data.dataset").joinpath("card.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    page: str = environment.from_string(text).render(card=card, meanings=dict(REASONS) | dict(WARNINGS), words=WORDS)
    return page
