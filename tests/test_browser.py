"""The report and the data card in headless Chromium: laid out at two widths, silent, and without a request."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.chromium import chromium
from tests.support.cli_project import QUESTIONS, make_database, ok, ok_json, write_test_file

pytestmark = pytest.mark.browser
pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

# A page that holds the other in a frame, and says as JSON what it looks like there.
FRAME = """<!doctype html><link rel="icon" href="data:,"><body style="margin: 0">
<iframe src="/page" width="WIDTH" height="900" style="border: 0"></iframe><pre id="found"></pre><script>
document.querySelector("iframe").onload = event => {
  const { document: page, performance } = event.target.contentWindow;
  const is_seen = e => e.checkVisibility() && e.getBoundingClientRect().height > 0;
  const text = e => e.innerText.trim().split(/\\s*\\t\\s*/);
  document.getElementById("found").textContent = JSON.stringify({
    title: page.title,
    width: page.documentElement.scrollWidth,
    tables: [...page.querySelectorAll("table")].map(t => [...t.rows].filter(is_seen).map(text)),
    drawings: [...page.querySelectorAll("svg")].filter(s => is_seen(s) && s.getBoundingClientRect().width > 20).length,
    bars: [...page.querySelectorAll("svg rect")].filter(r => r.getBoundingClientRect().width > 0).length,
    text: page.body.innerText,
    filtered: Object.fromEntries([...page.querySelectorAll("input.pick")].map(pick => {
      pick.checked = true;
      return [pick.id, [...pick.parentNode.querySelectorAll(".case")].filter(is_seen).length];
    })),
    requests: performance.getEntriesByType("resource").map(entry => entry.name),
  });
};
</script>"""


class Looks:
    """Opens HTML in Chromium; `console` is what the last page had to say."""

    def __init__(self, chromium: str, port: int, folder: Path) -> None:
        self.command = [chromium, "--headless", "--disable-gpu", f"--user-data-dir={folder}", "--enable-logging=stderr"]
        self.command += ["--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage"]
        self.command += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--dump-dom"]
        self.command += ["--no-sandbox"] * (os.getuid() == 0)
        self.port = port
        self.page = b""
        self.console: list[str] = []

    def at(self, page: Path, width: int = 1200) -> dict[str, Any]:
        self.page = page.read_bytes()
        done = subprocess.run(
            [*self.command, f"--window-size={width + 20},950", f"http://127.0.0.1:{self.port}/frame/{width}"],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        self.console = re.findall(r"CONSOLE.*", done.stderr)
        [found] = re.findall(r'<pre id="found">(.+?)</pre>', done.stdout, re.DOTALL)
        return dict(json.loads(html.unescape(found)))


@pytest.fixture
def looks(tmp_path: Path) -> Iterator[Looks]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            _, kind, *width = self.path.split("/")
            body = FRAME.replace("WIDTH", width[0]).encode() if kind == "frame" else found.page
            self.send_response(200 if kind in ("frame", "page") else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Looks(chromium(), server.server_port, tmp_path / "chromium")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_database(tmp_path / "tram.db")
    ok("init", "sqlite:///tram.db")
    write_test_file(tmp_path / "data" / "test.jsonl")
    return tmp_path


def report(project: Path) -> Path:
    """Evaluate gold and a model that answers four of six, and return the report."""
    answers = dict(QUESTIONS) | {
        "Colours of the lines": "SELECT number FROM line",
        "Which stop opened last?": "no idea",
    }
    (project / "answers.json").write_text(json.dumps(answers))
    return Path(ok_json("eval", "--model", "gold", "--model", "echo:answers.json")["run"]) / "report.html"


def card(project: Path) -> Path:
    """Import the questions and two bad rows, and return the data card."""
    bad = [{"question": "who?", "sql": "SELECT nobody FROM driver"}, {"question": "why?", "sql": "SELEC 1"}]
    good = [{"question": question, "sql": sql} for question, sql in QUESTIONS.items()]
    (project / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in good + bad))
    ok("data", "import", "rows.jsonl", "--out", "imported")
    return project / "imported" / "card.html"


@pytest.mark.parametrize("make", [report, card])
@pytest.mark.parametrize("width", [1200, 390])
def test_a_page_fits_its_window_says_nothing_and_asks_for_nothing(
    make: Callable[[Path], Path], width: int, project: Path, looks: Looks
) -> None:
    found = looks.at(make(project), width)
    assert looks.console == []
    assert found["requests"] == []
    assert found["width"] <= width


def test_the_report_shows_its_tables_and_plots(project: Path, looks: Looks) -> None:
    found = looks.at(report(project))
    outcomes = {row[0]: row[1:3] for row in found["tables"][0]}
    assert outcomes["Outcome"] == ["gold", "echo:answers.json"]
    assert outcomes["correct"] == ["6", "4"]
    assert outcomes["wrong"][0] == "1"
    assert all(table for table in found["tables"][:2])
    assert found["drawings"] >= 5
    assert "Colours of the lines" in found["text"]
    assert "SELECT number FROM line" in found["text"]


@pytest.mark.parametrize("width", [1200, 390])
def test_wrong_answers_are_filtered_by_kind(width: int, project: Path, looks: Looks) -> None:
    said = dict(QUESTIONS) | {
        "Colours of the lines": "SELECT colour FROM line UNION ALL SELECT colour FROM line",
        "Which stop opened last?": "SELECT CAST('Airport' AS BLOB)",
        "How many stops are there?": "SELECT '4'",
        "Names of the stops in zone 1": "SELECT names FROM stop",
    }
    (project / "said.json").write_text(json.dumps(list(said.values())))
    words = ("--predictions", "said.json", "--data", "data/test.jsonl", "--out", "eval")
    found = looks.at(Path(ok_json("eval", *words)["run"]) / "report.html", width)
    assert found["width"] <= width
    assert found["filtered"] == {"wrong-all": 4, "wrong-type": 2, "wrong-multiplicity": 1, "wrong-schema_error": 1}
    assert " ".join(found["tables"][1][0]).split()[:2] == ["Difference", "said.json"]
    assert "NULL" in found["text"]


@pytest.mark.parametrize("width", [1200, 390])
def test_the_card_shows_its_tables_and_bars(width: int, project: Path, looks: Looks) -> None:
    found = looks.at(card(project), width)
    assert found["title"] == "Data card"
    reasons = [row[:2] for row in found["tables"][0]]
    assert reasons[0] == ["reason", "rows"]
    assert len(reasons) == 3
    assert {count for _, count in reasons[1:]} == {"1"}
    assert found["bars"] == found["drawings"] > 5


def test_a_page_that_asks_and_complains_is_seen(tmp_path: Path, looks: Looks) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        '<img src="http://outside.example/x.png"><script>console.error("oh")</script><p style="width: 99em">x'
    )
    found = looks.at(page, 390)
    assert [line for line in looks.console if "oh" in line]
    assert found["requests"] == ["http://outside.example/x.png"]
    assert found["width"] > 390
