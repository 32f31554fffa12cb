"""Tables on terminals of several widths: no word is broken that fits, and the lists of models stay legible."""

from __future__ import annotations

import pytest

from sqltailor.aws.bedrock_models import MODELS
from sqltailor.cli.output import print_table
from sqltailor.generate.bases.table import BASES
from tests.support.cli_project import ok

NAMES = "spec-mistral-sagemaker-20261128-185023"


def printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int, *rows: tuple[str, ...]
) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    print_table(("run", "what it says"), rows)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    return "\n".join(lines)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_name_is_whole_beside_a_long_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    shown = printed(capsys, monkeypatch, width, (NAMES, "a sentence of many words " * 10), ("x", ""))
    assert NAMES in shown
    assert "sentence" in shown


def test_what_fits_stands_on_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shown = printed(capsys, monkeypatch, 80, (NAMES, "short words"), ("two\nlines", "日本語 テキスト"))
    assert f"│ {NAMES} │ short words" in shown
    assert len(shown.splitlines()) == 7


def test_a_word_that_cannot_fit_is_broken(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(capsys, monkeypatch, 40, (NAMES, "f" * 100)).count("f") == 100


@pytest.mark.parametrize("width", ["80", "120"])
def test_models_and_bases_are_named_whole(monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    monkeypatch.setenv("COLUMNS", width)
    bases, models = ok("bases").stdout, ok("models").stdout
    assert all(f"│ {name} " in bases for name in BASES)
    assert all(base.licence in bases for base in BASES.values())
    assert set(MODELS) <= set(models.splitlines())
    for line in models.splitlines():
        assert len(line) <= int(width)
