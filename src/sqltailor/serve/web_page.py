"""Pages for people: each one HTML file with its style and its script inside, which loads nothing else."""

from __future__ import annotations

import base64
import functools
import hashlib
from importlib.resources import files
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sqltailor.serve.guarded import Guarded


class Page(NamedTuple):
    """The text of a page, and the policy that it is sent with."""

    html: str
    policy: str


SCRIPTS = (
    "elements",
    "theme",
    "key",
    "server",
    "numbers",
    "chart",
    "table",
    "csv",
    "result",
    "schema",
    "history",
    "feedback",
    "values",
    "answer",
    "rerun",
    "start",
)
"""The parts of the script, in the order in which they are joined; they share one scope."""


@functools.cache
def page(html_file: str = "page.html", styles: tuple[str, ...] = ("page",), scripts: tuple[str, ...] = SCRIPTS) -> Page:
    """Return a page, and the content security policy under which only its own script and style run."""
    folder = files("sqltailor.serve") / "page"
    style = "\n".join((folder / f"{name}.css").read_text(encoding="utf-8") for name in styles)
    parts = ((folder / f"{name}.js").read_text(encoding="utf-8") for name in scripts)
    script = '"use strict";\n' + "\n".join(parts)
    html = (folder / html_file).read_text(encoding="utf-8")
    html = html.replace("/* STYLE */", style).replace("/* SCRIPT */", script)
    policy = (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Page(html, policy)


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def page_response(page: Page) -> Response:
    """Return a page with the headers that keep it to itself."""
    headers = {
        "Content-Security-Policy": page.policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
    return HTMLResponse(page.html, headers=headers)


async def show_page(request: Request) -> Response:
    """Return the page. It holds nothing of the database: what it shows, it asks for with a key."""
    return page_response(page())


ROUTES = (Guarded("GET", "/", show_page, tier="public"),)
