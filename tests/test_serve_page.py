"""The page in headless Chromium, as people use it: by keyboard, on a phone, in the dark, with and without rights."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sqltailor.types import Completion
from tests.support.chromium import Tab, axe, browsing
from tests.support.cli_project import QUESTIONS, make_database
from tests.support.http_service import HOSTILE, Server, held, need_serve, serving

pytestmark = pytest.mark.browser
need_serve()

from sqltailor.serve.api_keys import KeyFile  # noqa: E402

ANSWERS = QUESTIONS | HOSTILE | {
    "How many drivers are on each line?": "SELECT line_number, count(*) AS drivers FROM driver GROUP BY 1",
    "Openings by year": "SELECT substr(opened, 1, 4) AS year, count(*) AS stops FROM stop GROUP BY 1",
    "Everything about drivers": "SELECT name, phone, name || ', ' || coalesce(phone, '') AS both FROM driver",
    "What does the hostile line say?": "SELECT colour FROM line WHERE number = 'X'",
}  # fmt: skip
HTML = "<img src=x onerror=alert(1)><b>bold</b>"
NAMELESS = """[...document.querySelectorAll("button, input, textarea, a, svg[role=img], [role=region]")]
    .filter(e => !(e.innerText?.trim() || e.ariaLabel || e.labels?.length)).map(e => e.outerHTML)"""


def model(prompts: Any, options: Any) -> list[Completion]:
    found = [next(sql for q, sql in ANSWERS.items() if q in prompt.messages[-1].content) for prompt in prompts]
    return [Completion(sql) for sql in found for _ in range(options.n)]


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


@pytest.fixture(scope="module")
def tram(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("tram")
    with closing(sqlite3.connect(make_database(folder / "tram.db"))) as connection, connection:
        connection.execute("INSERT INTO line (number, colour) VALUES ('X', ?)", [HTML])
    pair = {
        "id": "k1",
        "question": "When did the Zoo stop open?",
        "sql": ["SELECT opened FROM stop WHERE name = 'Zoo'"],
    }
    (folder / "train.jsonl").write_text(json.dumps(pair) + "\n")
    words = [f"data.train=[{folder}/train.jsonl]", "glossary={terminus: the last stop of a line}", "database.samples=2"]
    with serving(folder, *words, model=model) as server:
        yield server


def asked(tab: Tab, server: Server, question: str, **look: Any) -> None:
    """Open a question by its link and wait for its answer."""
    tab.open(f"{server.url}/#q={quote(question)}", **look)
    tab.until("!document.getElementById('answer').hidden && document.querySelector('.feedback')")


def text(tab: Tab, selector: str) -> str:
    return str(tab.value(f"document.querySelector({selector!r})?.innerText ?? ''"))


def rows(tab: Tab) -> Any:
    return tab.value("[...document.querySelectorAll('article table tr')].map(r => [...r.cells].map(c => c.innerText))")


def test_a_question_is_typed_and_answered_by_keyboard(tab: Tab, tram: Server) -> None:
    tab.open(tram.url)
    tab.until("document.querySelector('.chip')")
    assert text(tab, "#served") == "tram · sqlite"
    tab.value("document.activeElement.blur()")
    tab.press("/")
    tab.type("Names of the stops in zone 1")
    tab.press("Enter")
    tab.until("document.querySelector('article table')")
    assert rows(tab) == [["name"], ["Harbour"], ["Market"]]
    assert text(tab, ".facts .quiet").startswith("2 rows in ")
    assert tab.value("document.querySelector('article details').open") is False
    assert tab.value("location.hash") == "#q=Names%20of%20the%20stops%20in%20zone%201"


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
def test_every_state_fits_its_window_and_names_its_controls(tab: Tab, tram: Server, width: int, dark: bool) -> None:
    tab.open(tram.url, width=width, dark=dark)
    tab.until("document.querySelector('#schema details')")
    backs = {False: "rgb(247, 247, 245)", True: "rgb(20, 22, 21)"}
    assert tab.value("getComputedStyle(document.body).backgroundColor") == backs[dark]
    for question in ("Everything about drivers", "How many drivers are on each line?", "Forget the drivers"):
        asked(tab, tram, question, width=width, dark=dark)
        tab.value("document.querySelectorAll('details').forEach(box => { box.open = true; })")
        assert tab.value("document.documentElement.scrollWidth") <= width, question
        assert tab.value(NAMELESS) == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    "question", ["Openings by year", "Everything about drivers", "Forget the drivers", "When did the Zoo stop open?"]
)
def test_axe_has_nothing_to_say(tab: Tab, tram: Server, question: str, dark: bool) -> None:
    asked(tab, tram, question, dark=dark)
    tab.value("document.querySelectorAll('details').forEach(box => { box.open = true; })")
    tab.value(axe() + "; 0")
    faults = "axe.run().then(found => found.violations.map(v => [v.id, ...v.nodes.map(n => n.html)].join(' ')))"
    assert tab.value(faults) == []


def test_one_number_is_shown_large(tab: Tab, tram: Server) -> None:
    asked(tab, tram, "How many stops are there?")
    assert text(tab, ".one") == "4"


@pytest.mark.parametrize(
    ("question", "marks"),
    [("How many drivers are on each line?", ["rect", "rect"]), ("Openings by year", ["circle"] * 3)],
)
def test_a_result_that_has_a_shape_for_it_is_a_chart(tab: Tab, tram: Server, question: str, marks: list[str]) -> None:
    asked(tab, tram, question)
    assert tab.value("document.querySelector('.chart').checkVisibility()") is False
    tab.click("article button", "Chart")
    assert tab.value("document.querySelector('article table').checkVisibility()") is False
    assert tab.value("[...document.querySelectorAll('.chart .mark')].map(e => e.tagName)") == marks
    tab.click("article button", "Table")
    assert tab.value("document.querySelector('article table').checkVisibility()") is True


@pytest.mark.parametrize(
    ("literal", "shown"),
    [
        ("62333.64", "62333.64"),
        ("0.00001234", "0.00001234"),
        ("1e-9", "1e-9"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("9007199254740993", "9007199254740993"),
        ("-9223372036854775807", "-9223372036854775807"),
        ("'1,9007199254740993'", "1,9007199254740993"),
    ],
)
def test_numbers_are_those_of_the_database(tab: Tab, tram: Server, literal: str, shown: str) -> None:
    asked(tab, tram, "How many stops are there?")
    edit(tab, f"SELECT {literal}")
    tab.until(f"document.querySelector('.one')?.innerText === {shown!r}")
    edit(tab, f"SELECT {literal} AS v, 'a' AS w")
    tab.until("document.querySelector('article table')")
    assert rows(tab) == [["v", "w"], [shown, "a"]]
    field = f'"{shown}"' if "," in shown else shown
    assert csv(tab) == f"v,w\r\n{field},a\r\n"


def test_no_value_is_said_and_not_large(tab: Tab, tram: Server) -> None:
    asked(tab, tram, "How many stops are there?")
    edit(tab, "SELECT sum(zone) FROM stop WHERE zone > 9")
    tab.until("document.querySelector('.one-null')?.innerText === 'no value (NULL)'")
    assert tab.value("document.querySelector('.one')") is None


def test_a_chart_rounds_what_it_writes_and_names_what_it_draws(tab: Tab, tram: Server) -> None:
    asked(tab, tram, "Openings by year")
    edit(
        tab, "SELECT substr(opened, 1, 4) AS year, 300.126 * count(*) AS fares, max(zone) AS zone FROM stop GROUP BY 1"
    )
    tab.until("document.querySelectorAll('article th').length === 3")
    tab.click("article button", "Chart")
    assert tab.value("[...document.querySelectorAll('.chart .tick')].map(t => t.textContent)") == [
        "0",
        "200",
        "400",
        "600",
        "800",
    ]
    titles = tab.value("[...document.querySelectorAll('.chart .mark title')].map(t => t.textContent)")
    assert titles == ["1921: 600.252", "1968: 300.126", "2004: 300.126"]
    drawn = tab.value("document.querySelector('.chart').textContent")
    assert "fares" in drawn
    assert "year" in drawn
    assert "Drawn: fares. In the table only: zone." in text(tab, "article")


@pytest.mark.parametrize(("width", "dots"), [(1200, 30), (390, 0)])
def test_many_points_are_a_line_without_dots(tab: Tab, tram: Server, width: int, dots: int) -> None:
    asked(tab, tram, "Openings by year", width=width)
    edit(tab, "SELECT 1990 + zone * 10 + id AS year, 9007199254740993 AS n FROM stop UNION ALL " + " UNION ALL ".join(
        f"SELECT {1900 + i}, {i}" for i in range(26)))  # fmt: skip
    tab.until("document.querySelectorAll('article tr').length === 31")
    tab.click("article button", "Chart")
    assert tab.value("document.querySelectorAll('.chart .mark').length") == dots
    titles = tab.value("[...document.querySelectorAll('.chart circle title')].map(t => t.textContent)")
    assert titles[-1] == "2024: 9007199254740993"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name, phone FROM driver",
        "SELECT opened, id * 2 AS twice FROM stop",  # a day twice
        "SELECT name, id FROM driver",  # an id is not an amount
        "SELECT 'a' AS one, 1 AS two",
    ],
)
def test_a_result_without_such_a_shape_is_a_table_only(tab: Tab, tram: Server, sql: str) -> None:
    asked(tab, tram, "Names of the stops in zone 1")
    edit(tab, sql)
    tab.until(
        "document.querySelector('article th')?.innerText !== 'name' || document.querySelectorAll('th').length > 1"
    )
    assert tab.value("document.querySelector('.chart')") is None


def test_csv_holds_all_rows_and_no_formula(tab: Tab, tram: Server) -> None:
    asked(tab, tram, "Everything about drivers")
    tab.value("document.querySelector('details').open = true")
    assert csv(tab) == (
        'name,phone,both\r\nIto,555-0101,"Ito, 555-0101"\r\nLund,555-0102,"Lund, 555-0102"\r\nMora,,"Mora, "\r\n'
    )
    edit(tab, "SELECT '=1+1' AS a, -2 AS b")
    tab.until("document.querySelector('article th')?.innerText === 'a'")
    assert csv(tab) == "a,b\r\n'=1+1,-2\r\n"
    assert tab.value("window.named") == "everything-about-drivers.csv"


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+A1", "-cmd|' /C calc'!A0", "\t=1", "\r=1", "+49 40 x"])
def test_csv_keeps_what_may_be_a_formula_as_text(tab: Tab, tram: Server, cell: str) -> None:
    assert csv_field(tab, tram, cell).strip('"') == f"'{cell}"


@pytest.mark.parametrize("cell", ["+49 40 550000", "+1 (555) 01-23", "-5", "-1.5/2", "- 3", "49 40", "a=b"])
def test_csv_leaves_numbers_and_phones_alone(tab: Tab, tram: Server, cell: str) -> None:
    assert csv_field(tab, tram, cell) == cell


def csv_field(tab: Tab, server: Server, cell: str) -> str:
    """Return a text as it stands in the CSV file of a result."""
    asked(tab, server, "How many stops are there?")
    literal = "||".join(f"char({ord(c)})" for c in cell)
    edit(tab, f"SELECT {literal} AS c, 'end' AS d")
    tab.until("document.querySelector('article table')")
    return csv(tab).removeprefix("c,d\r\n").removesuffix(",end\r\n")


def csv(tab: Tab) -> str:
    """Return the text of the CSV file, and leave its name in `window.named`."""
    tab.value("URL.createObjectURL = blob => { window.saved = blob.text(); return '#'; }")
    tab.value("HTMLAnchorElement.prototype.click = function () { window.named = this.download; }")
    tab.click("article button", "Download CSV")
    return str(tab.value("window.saved"))


def test_a_cut_result_says_so_beside_its_download(tab: Tab, tmp_path: Path) -> None:
    with serving(tmp_path, "database.max_rows=2") as server:
        asked(tab, server, "Colours of the lines")
        assert text(tab, ".cut") == "Cut: the first 2 rows only."


def edit(tab: Tab, sql: str) -> None:
    tab.value("document.querySelector('#sql').closest('details').open = true")
    tab.value(f"document.querySelector('#sql').value = {json.dumps(sql)}; document.querySelector('#sql').focus()")
    tab.press("Enter", ctrl=True)


def test_a_known_pair_is_marked_and_says_what_was_understood(tab: Tab, tram: Server) -> None:
    asked(tab, tram, "When did the Market stop open?")
    assert "Verified" in text(tab, ".badge")
    tab.value("document.querySelectorAll('article details').forEach(box => { box.open = true; })")
    assert "Market (stop.name)" in text(tab, ".understood")
    assert text(tab, ".one") == "1921-05-01"


def test_the_values_of_a_verified_answer_are_fields(tab: Tab, tram: Server) -> None:
    asked(tab, tram, "When did the Market stop open?")
    assert tab.value("[...document.querySelectorAll('.values input')].map(i => [i.labels[0].innerText, i.value])") == [
        ["name", "Market"]
    ]
    tab.value("document.querySelector('.values input').select(); document.querySelector('.values input').focus()")
    tab.type("Airport")
    tab.press("Enter")
    tab.until("document.querySelector('.one')?.innerText === '2004-01-20'")
    assert "Verified" in text(tab, ".badge")
    assert tab.value("document.querySelector('#sql').value") == "SELECT opened FROM stop WHERE name = 'Airport'"
    assert tab.value("document.querySelector('.feedback')") is None  # it would teach the question another stop's answer
    address = tab.value("location.href")
    tab.open(address)
    tab.until("document.querySelector('.one')?.innerText === '2004-01-20'")
    tab.click("article a", "As it was asked")
    tab.until("document.querySelector('.one')?.innerText === '1921-05-01'")
    tab.value("history.back()")
    tab.until("document.querySelector('.values input')?.value === 'Airport'")


def test_changed_sql_runs_and_a_refusal_names_its_layer(tab: Tab, tram: Server) -> None:
    asked(tab, tram, "Names of the stops in zone 1")
    edit(tab, "SELECT name FROM stop WHERE zone = 3")
    tab.until("document.querySelector('.one')?.innerText === 'Airport'")
    assert text(tab, ".count").startswith("the SQL that you ran · 1 row in ")
    assert "understood" not in text(tab, "article")
    edit(tab, "DROP TABLE stop")
    tab.until("document.querySelector('.notice')")
    assert tab.value("document.querySelector('.judge').checkVisibility()") is False
    assert text(tab, ".count").startswith("refused · ")
    assert (
        text(tab, ".notice").split("\n")[0] == "Refused: Only SELECT statements may run; this one begins with 'DROP'."
    )
    assert text(tab, ".notice .quiet") == "layer: policy"
    edit(tab, "SELEC name FROM stop")
    tab.until("document.querySelector('.notice .quiet')?.innerText === 'layer: parse'")
    assert "Did you mean SELECT?" in text(tab, ".notice")
    asked(tab, tram, "Forget the drivers")
    assert "policy" in text(tab, ".notice")
    assert tab.value("document.querySelector('#sql').value") == "DELETE FROM driver"


def test_edited_sql_does_not_pass_for_the_answer(tab: Tab, tram: Server) -> None:
    asked(tab, tram, "How many stops are there?")
    own = tab.value("document.querySelector('#sql').value")
    assert text(tab, ".right") == "Right"
    edit(tab, "SELECT count(*) FROM line")
    tab.until("document.querySelector('.asked').innerText === 'Result of the edited SQL'")
    assert text(tab, ".heading p") == "It may not answer “How many stops are there?”"
    assert text(tab, ".right") == "Right: keep this SQL as the answer to “How many stops are there?”"
    edit(tab, "SELECT count(*) FROM lines")
    tab.until("document.querySelector('.asked').innerText === 'The edited SQL'")
    edit(tab, own)
    tab.until("document.querySelector('.asked').innerText === 'How many stops are there?'")
    assert text(tab, ".right") == "Right"


@pytest.mark.parametrize("question", ["Forget the drivers", "What is the weather?"])
def test_where_nothing_was_answered_nothing_can_be_wrong(tab: Tab, tram: Server, question: str) -> None:
    asked(tab, tram, question)
    assert tab.value("document.querySelector('.judge').checkVisibility()") is False
    tab.click("article button", "Give the right SQL")
    assert tab.value("document.querySelector('#correction').checkVisibility()") is True


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
def test_a_long_question_is_clamped(tab: Tab, tram: Server, width: int, dark: bool) -> None:
    question = "How many stops are there? " + "And how many are there really, all in all? " * 170
    asked(tab, tram, question, width=width, dark=dark)
    for selector in (".asked", "#history a"):
        assert tab.value(f"document.querySelector({selector!r}).getBoundingClientRect().height") < 120
        assert tab.value(f"document.querySelector({selector!r}).title") == question.strip()
    edit(tab, "SELECT 1")
    tab.until("document.querySelector('.one')?.innerText === '1'")
    assert tab.value("document.querySelector('.heading').getBoundingClientRect().height") < 150
    assert len(text(tab, ".right")) < 150
    tab.value("localStorage.clear()")


def test_nothing_of_the_database_is_taken_for_markup(tab: Tab, tram: Server) -> None:
    asked(tab, tram, "What does the hostile line say?")
    assert text(tab, ".one") == HTML
    assert tab.value("document.querySelectorAll('main img, main b').length") == 0


def test_the_schema_is_searched(tab: Tab, tram: Server) -> None:
    tab.open(tram.url)
    tab.until("document.querySelectorAll('#schema details').length === 4")
    tab.value("document.querySelector('#schema-search').focus()")
    tab.type("phone")
    assert text(tab, "#schema").split("\n") == ["driver", "phone TEXT"]
    tab.type(" nothing")
    assert "No table or column" in text(tab, "#schema")


def test_the_skip_link_leaves_the_answer(tab: Tab, tram: Server) -> None:
    asked(tab, tram, "How many stops are there?")
    tab.value("document.activeElement.blur(); document.querySelector('.skip').focus()")
    tab.press("Enter")
    tab.until("document.activeElement.id === 'question'")
    assert text(tab, ".one") == "4"


def test_history_links_back(tab: Tab, tram: Server) -> None:
    asked(tab, tram, "How many stops are there?")
    asked(tab, tram, "Colours of the lines")
    tab.click("#history a", "How many stops")
    tab.until("document.querySelector('.one')?.innerText === '4'")
    tab.value("history.back()")
    tab.until("document.querySelector('.asked').innerText === 'Colours of the lines'")


def test_thumbs_and_corrections_become_pairs(tab: Tab, tram: Server) -> None:
    asked(tab, tram, "Colours of the lines")
    tab.click("article button", "Right")
    tab.until("document.querySelector('.feedback [role=status]').innerText.includes('kept as a pair')")
    asked(tab, tram, "Names of the stops in zone 1")
    tab.click("article button", "Wrong")
    for sql, said in [
        ("SELECT nothing FROM stop", "Not kept. Refused: "),
        ("SELECT name FROM stop", "It ran"),
    ]:
        tab.until("document.querySelector('#correction').checkVisibility()")
        tab.value(f"document.querySelector('#correction').value = {sql!r}")
        tab.click("article button", "Test and send")
        tab.until(f"document.querySelector('.feedback [role=status]').innerText.includes({said!r})")
    asked(tab, tram, "How many stops are there?")
    edit(tab, "SELECT count(*) FROM stop WHERE zone < 3")
    tab.until("document.querySelector('.one')?.innerText === '3'")
    tab.click("article button", "Right")  # which is what stands there, and not the answer of before
    tab.until("document.querySelector('.feedback [role=status]').innerText.includes('kept as a pair')")
    kept = [json.loads(line) for line in tram.service.options.feedback.read_text().splitlines()]
    assert [(row["question"], row["sql"], row["good"]) for row in kept] == [
        ("Colours of the lines", ["SELECT colour FROM line"], True),
        ("Names of the stops in zone 1", ["SELECT name FROM stop"], False),
        ("How many stops are there?", ["SELECT count(*) FROM stop WHERE zone < 3"], False),
    ]


def test_the_theme_is_switched_and_kept(tab: Tab, tram: Server) -> None:
    tab.open(tram.url, dark=True)
    tab.click("#theme")
    assert tab.value("getComputedStyle(document.body).backgroundColor") == "rgb(247, 247, 245)"
    tab.open(tram.url, dark=True)
    assert tab.value("getComputedStyle(document.body).backgroundColor") == "rgb(247, 247, 245)"
    tab.value("localStorage.clear()")


def test_votes_that_split_ask_back(tab: Tab, tmp_path: Path) -> None:
    drawn = [
        "SELECT count(*) FROM line",
        "SELECT count(number) FROM line",
        "SELECT count(*) FROM stop",
        "SELECT count(id) FROM stop",
        "SELECT 99",
    ]

    def torn(prompts: Any, options: Any) -> list[Completion]:
        return [Completion(sql) for sql in ([drawn[0]] if options.n == 1 else drawn[1:])]

    with serving(tmp_path, model=torn, votes=4) as server:
        asked(tab, server, "How many?")
        assert text(tab, ".badge") == "40 % agree"
        assert "Which is meant?" in text(tab, ".notice")
        tab.click(".notice button", "Run this reading")
        tab.until("document.querySelector('.one')?.innerText === '4'")
        assert tab.value("document.querySelector('#sql').value") == "SELECT count(*) FROM stop"
        assert tab.value("document.querySelector('.right').checkVisibility()") is True


def test_votes_of_which_no_two_agree_say_so_and_what_to_do(tab: Tab, tmp_path: Path) -> None:
    def guessing(prompts: Any, options: Any) -> list[Completion]:
        return [Completion(f"SELECT {i}") for i in ([1] if options.n == 1 else range(2, 5))]

    with serving(tmp_path, model=guessing, votes=3) as server:
        asked(tab, server, "How many?")
        said = text(tab, ".notice")
        assert said.startswith("Nothing has run: no two of the model's 4 answers agree")
        assert "read the SQL below, and run it" in said
        assert "layer" not in said
        tab.click("article button", "Run this SQL")
        tab.until("document.querySelector('.one')?.innerText === '1'")


def test_with_approval_the_sql_is_read_before_it_runs(tab: Tab, tmp_path: Path) -> None:
    with serving(tmp_path, approve=True) as server:
        asked(tab, server, "How many stops are there?")
        assert tab.value("document.querySelector('#sql').checkVisibility()") is True
        assert text(tab, ".one") == ""
        assert "Read the SQL" in text(tab, ".notice")
        assert tab.value("document.querySelector('.judge').checkVisibility()") is False
        assert tab.value("document.querySelector('.give').checkVisibility()") is True
        tab.click("article button", "Run it")
        tab.until("document.querySelector('.one')?.innerText === '4'")
        assert text(tab, ".notice") == ""
        assert text(tab, ".right") == "Right"
        assert tab.value("document.querySelector('.give').checkVisibility()") is False


def test_a_key_is_asked_for_and_a_reader_sees_no_sql(browser: Tab, tmp_path: Path) -> None:
    token = KeyFile(tmp_path / "keys.json").add("ada", "reader")
    with serving(tmp_path) as server:
        browser.open(server.url)
        browser.until("document.querySelector('#key-dialog')?.open")
        for key, wait in [
            ("st-wrong", "document.querySelector('#key-fault').innerText"),
            (token, "document.querySelector('.chip')"),
        ]:
            browser.value(f"document.querySelector('#key').value = {key!r}")
            browser.click("#key-form button")
            browser.until(wait)
        browser.value("document.querySelector('#question').focus()")
        browser.type("How many stops are there?")
        browser.press("Enter")
        browser.until("document.querySelector('.one')?.innerText === '4'")
        assert browser.value("document.querySelector('#sql')") is None
        assert text(browser, "#key-button") == "ada"
        assert browser.value("document.querySelector('#key-button').ariaLabel") == "Key: ada. Change or sign out"


def test_a_key_is_changed_kept_or_left(browser: Tab, tmp_path: Path) -> None:
    token = KeyFile(tmp_path / "keys.json").add("ada", "reader")
    with serving(tmp_path) as server:
        browser.open(server.url)
        browser.until("document.querySelector('#key-dialog')?.open")
        assert browser.value("document.querySelector('#sign-out').checkVisibility()") is False
        browser.click("#key-form button", "Cancel")
        browser.until("document.querySelector('#status').innerText === 'This server asks for a key.'")
        for key, wait in [
            ("st-wrong", "document.querySelector('#key-fault').innerText === 'This key is not valid.'"),
            (token, "document.querySelector('.chip')"),
        ]:
            browser.click("#key-button")
            browser.value(f"document.querySelector('#key').value = {key!r}")
            browser.click("#key-form button", "Continue")
            browser.until(wait)
            browser.value("document.querySelector('#key-dialog').close()")
        assert text(browser, "#status") == ""
        browser.click("#key-button")
        assert text(browser, "#key-title") == "Key: ada"
        browser.click("#key-form button", "Cancel")
        assert browser.value("document.querySelector('#key-dialog').open") is False
        browser.click("#key-button")
        browser.click("#key-form button", "Sign out")
        browser.until("document.querySelector('#key-title')?.innerText === 'This server asks for a key'")
        assert browser.value("sessionStorage.getItem('key')") is None


def test_states_are_told_and_escape_stops(tab: Tab, tmp_path: Path) -> None:
    release = threading.Event()
    with serving(tmp_path, model=held(release)) as server:
        tab.open(f"{server.url}/#q={quote('How many stops are there?')}")
        tab.until("document.querySelector('#status').innerText === 'Writing the SQL…'")
        tab.press("Escape")
        tab.until("document.querySelector('#status').innerText === 'Stopped.'")
        release.set()
        asked(tab, server, "How many stops are there?")
        release.clear()
        tab.value("document.querySelector('#question').focus()")
        tab.press("Enter")
        tab.until("document.querySelector('#answer').ariaBusy === 'true'")
        tab.type("Colours of the lines")  # in the place of the question before
        assert tab.value("document.querySelector('#question').value") == "Colours of the lines"
        tab.press("Escape")
        assert tab.value("document.querySelector('#answer').ariaBusy") is None
        release.set()
