"""The page for people who ask: one HTML file with its style and its script inside, which loads nothing else."""

from __future__ import annotations

import base64
import functools
import hashlib
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sqltailor.serve.guarded import Guarded

SCRIPTS = ("elements", "server", "chart", "result", "schema", "history", "feedback", "answer", "start")
"""The parts of the script, in the order in which they are joined; they share one scope."""


@functools.cache
def page() -> tuple[str, str]:
    """Return the page, and the content security policy under which only its own script and style run."""
    folder = files("sqltailor.serve") / "page"
    style = (folder / "page.css").read_text(encoding="utf-8")
    parts = ((folder / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    script = '"use strict";\n' + "\n".join(parts)
    html = (folder / "page.html").read_text(encoding="utf-8")
    html = html.replace("/* STYLE */", style).replace("/* SCRIPT */", script)
    policy = (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return html, policy


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


async def show_page(request: Request) -> Response:
    """Return the page. It holds nothing of the database: what it shows, it asks for with a key."""
    html, policy = page()
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
    return HTMLResponse(html, headers=headers)


ROUTES = (Guarded("GET", "/", show_page, tier="public"),)
