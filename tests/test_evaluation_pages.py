"""The evaluation pages in headless Chromium: every view has an address, filters, one question, phone and dark."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.chromium import Tab, axe, browsing
from tests.support.cli_project import QUESTIONS, write_test_file
from tests.support.evaluated_runs import BASE, TUNED, evaluated_runs
from tests.support.http_service import Server, need_serve, serving

pytestmark = pytest.mark.browser
need_serve()

from sqltailor.serve.api_keys import KeyFile  # noqa: E402

HTML = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluated_runs(tmp_path_factory.mktemp("evaluated")).parent


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(folder, f"train.out={folder}/runs") as server:
        yield server


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
    assert browser.console == []
    assert {url.split("/")[2].split(":")[0] for url in browser.requests} == {"127.0.0.1"}


def opened(tab: Tab, server: Server, *, look: dict[str, Any] | None = None, **params: str) -> None:
    tab.open(f"{server.url}/evaluations#{urlencode(params)}", **look or {})
    settled(tab)


def settled(tab: Tab) -> None:
    tab.until("document.querySelector('#view').children.length && !document.querySelector('#status').innerText")


def text(tab: Tab, selector: str) -> str:
    return str(tab.value(f"document.querySelector({selector!r})?.innerText ?? ''"))


def questions(tab: Tab) -> Any:
    return tab.value("[...document.querySelectorAll('.questions a')].map(a => a.innerText)")


def choose(tab: Tab, selector: str, value: str) -> None:
    tab.value(f"document.querySelector({selector!r}).value = {value!r}")
    tab.value(f"document.querySelector({selector!r}).dispatchEvent(new Event('change'))")


def test_from_the_question_page_to_one_question_and_back(tab: Tab, server: Server) -> None:
    tab.open(server.url)
    tab.click("header a", "Evaluations")
    tab.until("document.querySelector('.run')")
    assert tab.value("[...document.querySelectorAll('.run h2')].map(h => h.innerText).sort()") == [
        "evaluations",
        "other",
        "shop",
    ]
    assert "not finished, 12 answers so far" in text(tab, "#view")
    assert "is not JSON" in text(tab, ".fault")
    tab.click(".run a", "tuned.json")
    tab.until("document.querySelector('.sentence')")
    assert text(tab, ".sentence").startswith("B gets 1 right that A gets wrong, and loses 1.")
    assert "19–81 %, n = 6" in text(tab, ".rates")
    tab.click(".chips a", "Broken 1")
    tab.until("document.querySelectorAll('.questions a').length === 1")
    tab.click(".questions a", "Which stop opened last?")
    tab.until("document.querySelector('#answer')")
    assert tab.value("new URLSearchParams(location.hash.slice(1)).get('show')") == "broken"
    for expected in (
        "document.querySelectorAll('.questions a').length === 1",
        "document.querySelectorAll('.questions a').length === 4",
    ):
        tab.value("history.back()")
        tab.until(expected)
    tab.value("history.back()")
    tab.until("document.querySelector('.run')")


def test_filters_stand_in_the_address_and_survive_a_reload(tab: Tab, server: Server) -> None:
    opened(tab, server, a=BASE, b=TUNED)
    choose(tab, "#filter-part", "part:stops")
    tab.until("document.querySelectorAll('.questions a').length === 2")
    choose(tab, "#filter-outcome", "truncation")
    tab.until("document.querySelectorAll('.questions a').length === 1")
    address = tab.value("location.href")
    tab.open(address)
    settled(tab)
    assert questions(tab) == ["Names of the stops in zone 1"]
    assert tab.value("document.querySelector('#filter-part').value") == "part:stops"
    choose(tab, "#filter-outcome", "")
    tab.until("document.querySelectorAll('.questions a').length === 2")


def test_a_search_keeps_the_focus_and_one_step_back_leaves_it(tab: Tab, server: Server) -> None:
    opened(tab, server)
    tab.click(".run a", "tuned.json")
    tab.until("document.querySelector('#filter-find')")
    tab.value("document.querySelector('#filter-find').focus()")
    tab.type("DIST")
    tab.until("document.querySelectorAll('.questions a').length === 1")
    tab.type("INCT")
    tab.until("location.hash.includes('DISTINCT')")
    settled(tab)
    assert tab.value("[document.activeElement.id, document.activeElement.value]") == ["filter-find", "DISTINCT"]
    assert questions(tab) == ["Names of the stops in zone 1"]
    tab.value("history.back()")
    tab.until("document.querySelector('.run')")


def test_one_question_shows_what_differs_in_colour(tab: Tab, server: Server) -> None:
    opened(tab, server, a=BASE, b=TUNED, id="t3")
    assert tab.value("[...document.querySelectorAll('.sides mark')].map(m => m.innerText)") == ["DESC"]
    assert (
        tab.value("getComputedStyle(document.querySelector('.answer-a mark')).backgroundColor") == "rgb(236, 231, 250)"
    )
    assert tab.value("[...document.querySelectorAll('.sides td')].map(t => t.innerText)") == ["Airport", "Harbour"]
    assert "It returns what the gold does." in text(tab, ".answer-a")
    tab.click(".chips a", "Each beside the gold")
    tab.until("location.hash.includes('against=gold')")
    tab.until("document.querySelector('.sides section mark')?.innerText === 'DESC'")
    tab.click("nav a", "Next")
    tab.until("document.querySelector('.asked').innerText === 'Colours of the lines'")


def test_results_that_have_no_row_in_common_have_no_colour(tab: Tab, server: Server) -> None:
    opened(tab, server, a=BASE, b=TUNED, id="t5")
    assert tab.value("document.querySelectorAll('tr.differs').length") == 0
    assert "1 row, none as in the other result" in text(tab, ".answer-b")
    opened(tab, server, b=BASE, id="t2")  # which has all rows of the gold, and others
    assert tab.value("[...document.querySelectorAll('tr.differs')].map(r => r.innerText)") == ["Zoo", "Airport"]


def test_what_is_wrong_is_told_once_and_line_by_line(tab: Tab, server: Server) -> None:
    opened(tab, server, a=BASE, b=TUNED, id="t5")
    reasons = tab.value("[...document.querySelectorAll('.answer-b .reason')].map(p => p.innerText)")
    assert [line.split(":")[0] for line in reasons[1:]] == ["Wrong", "What helps"]
    assert " — " not in " ".join(reasons)
    opened(tab, server, a=BASE, b=TUNED)
    lines = tab.value("[...document.querySelectorAll('.questions p')].map(p => p.innerText)")
    assert len([line for line in lines if line.endswith(", as before")]) == 1
    assert len([line for line in lines if " → " in line]) == 3


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
def test_a_view_is_laid_out(tab: Tab, server: Server, width: int, dark: bool) -> None:
    opened(tab, server, look={"width": width, "dark": dark}, a=BASE, b=TUNED)
    rules = tab.value("[...document.querySelectorAll('.rates thead tr > *')].map(c => getComputedStyle(c).boxShadow)")
    assert len(set(rules)) == 1
    assert "inset" in rules[0]
    gap = "document.querySelector('.questions').getBoundingClientRect().top - "
    gap += "document.querySelector('.questions').previousSibling.getBoundingClientRect().bottom"
    assert tab.value(gap) >= 6
    assert (text(tab, ".choice.a label"), text(tab, ".choice.b label")) == ("A, the one before", "B, compared with it")
    assert tab.value("document.querySelector('.choice.b .narrow').checkVisibility()") is (width < 600)
    assert tab.value("document.querySelector('.choice.b .narrow').textContent").startswith("50 % · ")


def test_other_evaluations_are_chosen_and_swapped(tab: Tab, server: Server) -> None:
    opened(tab, server, a=BASE, b=TUNED, show="broken", find="stop")
    tab.click(".swap")
    tab.until("document.querySelector('#choice-a').value.endsWith('tuned.json')")
    choose(tab, "#choice-b", "other/eval-2@other.json")
    tab.until("location.hash.includes('other.json') && !location.hash.includes('find')")
    settled(tab)
    choose(tab, "#choice-a", "")
    tab.until("document.querySelector('.sentence').innerText === '5 of 6 questions answered right.'")
    assert tab.value("document.querySelectorAll('.chips').length") == 0


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
@pytest.mark.parametrize("params", [{}, {"a": BASE, "b": TUNED}, {"a": BASE, "b": TUNED, "id": "t2"}])
def test_every_view_fits_its_window_and_axe_has_nothing_to_say(
    tab: Tab, server: Server, params: dict[str, str], width: int, dark: bool
) -> None:
    opened(tab, server, look={"width": width, "dark": dark}, **params)
    assert tab.value("document.documentElement.scrollWidth") <= width
    tab.value(axe() + "; 0")
    faults = "axe.run().then(found => found.violations.map(v => [v.id, ...v.nodes.map(n => n.html)].join(' ')))"
    assert tab.value(faults) == []


def test_the_skip_link_moves_the_focus_and_not_the_view(tab: Tab, server: Server) -> None:
    opened(tab, server, a=BASE, b=TUNED)
    tab.value("document.querySelector('.skip').focus()")
    tab.press("Enter")
    tab.until("document.activeElement.id === 'view'")
    assert "b=" in tab.value("location.hash")


def test_an_evaluation_is_started_and_survives_a_reload(tab: Tab, tmp_path: Path) -> None:
    write_test_file(tmp_path / "data" / "test.jsonl")
    (tmp_path / "answers.json").write_text(json.dumps(QUESTIONS))
    words = [f"train.out={tmp_path}/runs", f"data.test={tmp_path}/data/test.jsonl"]
    with serving(tmp_path, *words, name=f"echo:{tmp_path}/answers.json") as server:
        opened(tab, server)
        tab.value("document.querySelector('#job-limit').value = 4")
        tab.click("#job button", "Evaluate")
        tab.until("document.querySelector('#job progress')")
        tab.open(f"{server.url}/evaluations")
        tab.until("document.querySelector('#job [role=status]')?.innerText.startsWith('Finished')", within_s=60)
        settled(tab)
        assert "4 questions" in text(tab, ".run")
        assert "100 %" in text(tab, ".run")
        tab.click("#job button", "Evaluate")
        tab.click("#job button", "Stop")
        tab.until("document.querySelector('#job [role=status]')?.innerText.startsWith('Stopped')")


def test_an_address_that_leads_nowhere_says_so(browser: Tab, server: Server) -> None:
    browser.open(f"{server.url}/evaluations#b=nowhere")
    browser.until("document.querySelector('#status').innerText.includes('no evaluation')")
    browser.click("#way a", "All runs")
    browser.until("document.querySelector('.run')")


def test_nothing_of_a_model_or_a_question_is_taken_for_markup(tab: Tab, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "runs", tmp_path / "runs")
    for file in (tmp_path / "runs" / "evaluations" / "eval-1").glob("*.jsonl"):
        file.write_text(file.read_text().replace("opened last?", f"opened {HTML}").replace("Harbour", HTML))
    with serving(tmp_path, f"train.out={tmp_path}/runs") as server:
        opened(tab, server, a=BASE, b=TUNED, id="t3")
        assert text(tab, ".asked") == f"Which stop opened {HTML}"
        assert HTML in text(tab, ".sides")
        assert tab.value("document.querySelectorAll('main img').length") == 0


def test_a_key_is_asked_for_and_only_owners_see_the_link(browser: Tab, folder: Path, tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    owner, analyst = file.add("olu", "owner"), file.add("ana", "analyst")
    with serving(folder, f"train.out={folder}/runs", keys=tmp_path / "keys.json") as server:
        browser.open(f"{server.url}/evaluations#{urlencode({'b': TUNED})}")
        browser.until("document.querySelector('#key-dialog')?.open")
        browser.value(f"document.querySelector('#key').value = {owner!r}")
        browser.click("#key-form button")
        browser.until("document.querySelector('.sentence')")
        for token, is_hidden in ((owner, False), (analyst, True)):
            browser.open(server.url)
            browser.value(f"sessionStorage.setItem('key', {token!r})")
            browser.open(server.url)
            browser.until("document.querySelector('.chip')")
            assert browser.value("document.querySelector('#evaluations-link').hidden") is is_hidden
        browser.open(f"{server.url}/evaluations")
        browser.until("document.querySelector('#view h2')?.innerText === 'Evaluations are for the model\\'s owner'")
        assert "/evaluations/list" not in text(browser, "body")
        browser.click("#view a", "Ask your database")
        browser.until("document.querySelector('.chip')")
        browser.value("sessionStorage.clear()")
