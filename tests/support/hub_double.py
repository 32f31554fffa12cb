"""A small Hugging Face Hub on this machine, for the real client: it takes commits and endpoints, and remembers them."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_of_this_test"


@dataclass
class Hub:
    """What arrived: repositories with their settings, and their files. `refuse` answers everything with a status."""

    url: str = ""
    repos: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuse: int | None = None
    refuse_endpoints: int | None = None


@contextmanager
def hub_double() -> Iterator[Hub]:
    """Serve a Hub while the block runs."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if hub.refuse or self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self.answer(hub.refuse or 401, {"error": "no"})
            return self.answer(*self.post(body))

        def post(self, body: bytes) -> tuple[int, Any]:
            parts = self.path.partition("?")[0].strip("/").split("/")
            if parts == ["api", "repos", "create"]:
                asked = json.loads(body)
                repo = f"{asked.get('organization') or 'alice'}/{asked['name']}"
                status = 409 if repo in hub.repos else 200
                hub.repos.setdefault(repo, asked)
                return status, {"url": f"{hub.url}/{repo}"}
            if parts == ["api", "validate-yaml"]:
                return 200, {"errors": [], "warnings": []}
            if parts[:2] == ["v2", "endpoint"]:
                return self.endpoint(parts[2], json.loads(body))
            repo = "/".join(parts[2:4])
            if parts[4] == "preupload":
                names = [file["path"] for file in json.loads(body)["files"]]
                return 200, {"files": [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]}
            assert parts[4] == "commit", self.path
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    content = base64.b64decode(line["value"]["content"])
                    hub.files.setdefault(repo, {})[line["value"]["path"]] = content
            return 200, {"commitUrl": f"{hub.url}/{repo}/commit/1", "commitOid": "1" * 40, "success": True}

        def endpoint(self, owner: str, asked: dict[str, Any]) -> tuple[int, Any]:
            if hub.refuse_endpoints:
                return hub.refuse_endpoints, {"error": "no"}
            hub.endpoints[f"{owner}/{asked['name']}"] = asked
            now = "2026-01-01T00:00:00.000Z"
            status = {"state": "pending", "createdAt": now, "updatedAt": now}
            return 200, asked | {"status": status, "healthRoute": "/health"}

        def answer(self, status: int, value: Any) -> None:
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
