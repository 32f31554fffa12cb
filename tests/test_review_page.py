"""The review page in headless Chromium: by keyboard, on a phone, in the dark, and with 5,000 answers."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.chromium import Tab, axe, browsing
from tests.support.http_service import Server, need_serve
from tests.support.reviewing import evaluated, reviewing

pytestmark = pytest.mark.browser
need_serve()
MARKED = 'document.querySelectorAll(\'#list [data-mark="right"], #list [data-mark="wrong"]\').length'
HTML = "<img src=x onerror=alert(1)>"
OPEN_ALL = "document.querySelectorAll('details').forEach(box => { box.open = true; })"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browsing(tmp_path_factory.mktemp("chromium")) as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab) -> Iterator[Tab]:
    """The browser's tab; a page that complained, or asked elsewhere for anything, fails its test."""
    browser.console.clear()
    browser.requests.clear()
    yield browser
    browser.value("localStorage.clear()")
    assert browser.console == []
    assert {url.split("/")[2].split(":")[0] for url in browser.requests} == {"127.0.0.1"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluated(tmp_path_factory.mktemp("tram")).parent


@pytest.fixture
def server(made: Path, tmp_path: Path) -> Iterator[Server]:
    with reviewing(shutil.copytree(made, tmp_path, dirs_exist_ok=True) / "eval") as found:
        yield found


def begin(tab: Tab, server: Server, name: str = "Ada", at: str = "", **look: Any) -> None:
    """Open the page as a reviewer whose name it knows, and wait for an answer with its results."""
    tab.open(server.url, **look)
    tab.value(f"localStorage.setItem('reviewer', {name!r})")
    tab.open(server.url + at, **look)
    results(tab)


def results(tab: Tab) -> None:
    tab.until("document.querySelector('#answer-result')?.innerText.match(/[^…]/)")


def text(tab: Tab, selector: str) -> str:
    return str(tab.value(f"document.querySelector({selector!r})?.innerText ?? ''"))


def said(server: Server, name: str) -> list[dict[str, Any]]:
    path = server.service.reviews.folder / f"review-{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_answers_are_marked_by_keyboard(tab: Tab, server: Server) -> None:
    tab.open(server.url)
    tab.until("document.querySelector('#who-dialog').open")
    tab.type("Ada Ö.")
    tab.press("Enter")
    results(tab)
    assert text(tab, "#who") == "Ada Ö."
    assert text(tab, ".asked") == "How many stops are there?"
    assert text(tab, "#told") == ""
    tab.press("1")
    tab.until("document.querySelector('#told').innerText")
    assert text(tab, "#told") == "Execution: correct"
    assert tab.value("document.querySelector('.marks [data-mark=right]').ariaPressed") == "true"
    tab.press("Enter")
    tab.until("document.querySelector('.asked').innerText === 'Names of the stops in zone 1'")
    results(tab)
    assert "names" in text(tab, "#answer-result")
    tab.press("2")
    tab.until(f"{MARKED} === 2")
    tab.press("3")
    tab.until(f"{MARKED} === 1")
    assert text(tab, "#counts") == "2 of 6 answers marked"
    kept = [json.loads(line) for line in next(server.service.reviews.folder.glob("review-*")).read_text().splitlines()]
    assert [(row["id"], row["by"], row["mark"]) for row in kept] == [
        ("t1", "Ada Ö.", "right"),
        ("t2", "Ada Ö.", "wrong"),
        ("t2", "Ada Ö.", "unclear"),
    ]


def test_what_differs_is_marked_in_statements_and_results(tab: Tab, server: Server) -> None:
    begin(tab, server, at="/#4")
    assert text(tab, "#answer mark") == "WHERE colour IS NOT NULL"
    assert tab.value("[...document.querySelectorAll('tr.differs')].map(r => r.innerText)") == ["NULL"]
    assert tab.value("getComputedStyle(document.querySelector('#answer mark')).backgroundColor") == "rgb(253, 226, 181)"


def test_keys_typed_into_a_comment_mark_nothing(tab: Tab, server: Server) -> None:
    begin(tab, server, at="/#3")
    tab.press("c")
    tab.type("1 column too many")
    tab.press("1")
    assert said(server, "Ada") == []
    tab.press("Escape")
    tab.press("2")
    tab.until(f"{MARKED} === 1")
    assert [(row["mark"], row["comment"]) for row in said(server, "Ada")] == [("wrong", "1 column too many1")]


def test_corrected_sql_is_tried_refused_kept_and_taken_back(tab: Tab, server: Server) -> None:
    begin(tab, server, at="/#4")
    tab.press("e")
    for sql, shown in [("DELETE FROM line", "Refused by the layer “policy”"), ("SELECT colour FROM line", "3 rows")]:
        tab.value(f"document.querySelector('#correction').value = {sql!r}")
        tab.click("#correct button", "Run")
        tab.until(f"document.querySelector('#tried').innerText.includes({shown!r})")
    assert said(server, "Ada") == []
    tab.click("#correct button", "Keep as the right SQL")
    tab.until("document.querySelector('#tried').innerText === 'Kept.'")
    assert [(row["mark"], row["correction"]) for row in said(server, "Ada")] == [("wrong", "SELECT colour FROM line")]
    tab.click("#correct button", "Take back")
    tab.until("document.querySelector('#tried').innerText === 'Taken back.'")
    assert said(server, "Ada")[-1]["correction"] is None


def test_others_are_told_of_once_an_answer_is_marked(tab: Tab, server: Server) -> None:
    server.post("/review", {"place": 3, "by": "Bo", "mark": "right", "comment": HTML})
    begin(tab, server, at="/#4")
    assert "Bo" not in text(tab, "main")
    tab.press("2")
    tab.until("document.querySelector('#told').innerText.includes('Bo')")
    assert f"Bo: right. {HTML}" in text(tab, "#told")
    tab.value("document.querySelector('#agreement-box').open = true")
    tab.until("document.querySelector('#agreement table')")
    assert "Ada and Bo" in text(tab, "#agreement")
    assert "1 answer marked differently." in text(tab, "#agreement")
    tab.value("document.querySelector('#filter').value = 'disputed'")
    tab.value("document.querySelector('#filter').dispatchEvent(new Event('change'))")
    assert tab.value("document.querySelector('#list').textContent") == "Colours of the lines"


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
def test_it_fits_its_window_and_axe_has_nothing_to_say(tab: Tab, server: Server, width: int, dark: bool) -> None:
    server.post("/review", {"place": 3, "by": "Bo", "mark": "wrong", "correction": "SELECT colour FROM line"})
    begin(tab, server, at="/#4", width=width, dark=dark)
    tab.value("document.querySelector('.marks [data-mark=wrong]').click()")
    tab.until("document.querySelector('#told').innerText")
    tab.value(OPEN_ALL)
    tab.until("document.querySelector('#agreement table')")
    assert tab.value("document.documentElement.scrollWidth") <= width
    button = "document.querySelector('.marks [data-mark=wrong]').getBoundingClientRect()"
    assert tab.value(f"{button}.bottom <= innerHeight && {button}.height >= 40") or width > 600
    tab.value(axe() + "; 0")
    faults = "axe.run().then(found => found.violations.map(v => [v.id, ...v.nodes.map(n => n.html)].join(' ')))"
    assert tab.value(faults) == []


def test_five_thousand_answers_stay_quick(tab: Tab, tmp_path: Path) -> None:
    count = "SELECT count(*) FROM stop"
    rows = [(f"Question {i} about the stops of this town?", count, count) for i in range(4999)]
    with reviewing(evaluated(tmp_path, [*rows, (f"How about {HTML}?", count, count)])) as server:
        started = time.monotonic()
        begin(tab, server)
        assert time.monotonic() - started < 10
        assert text(tab, "#counts") == "0 of 5,000 answers marked"
        assert tab.value("document.querySelectorAll('#list li').length") == 5000
        for place in (2, 3):
            started = time.monotonic()
            tab.press("1")
            tab.until("document.querySelector('#told').innerText")
            tab.press("Enter")
            tab.until(f"location.hash === '#{place}' && document.querySelector('#told')?.innerText === ''")
            assert time.monotonic() - started < 5
        tab.value("document.querySelector('#search').focus()")
        tab.type("how img")
        tab.until("document.querySelectorAll('#list li').length === 1")
        tab.click("#list button")
        tab.until("location.hash === '#5000'")
        tab.until(f"document.querySelector('.asked').innerText === 'How about {HTML}?'")
        assert tab.value("document.querySelectorAll('main img').length") == 0
