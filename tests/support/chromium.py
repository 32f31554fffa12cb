"""Chromium without a window, driven over a pipe by its DevTools protocol: no driver to install."""

from __future__ import annotations

import base64
import importlib.util
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from tests.support.missing import missing

KEYS = {"Enter": (13, "\r"), "Escape": (27, ""), "/": (191, "/"), "Tab": (9, "")}
KEYS |= {letter: (ord(letter.upper()), letter) for letter in "123ce"}


def chromium() -> str:
    """Return the path of the browser, or skip the test without one; under CI that is a failure."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    return found or missing("Chromium", "apt-get install chromium")


def axe() -> str:
    """Return the script of axe-core, as a package of the index brings it, or skip the test."""
    if importlib.util.find_spec("axe_core_python") is None:
        missing("axe-core", "pip install axe-core-python")
    return files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")


class Tab:
    """One tab. `console` holds what pages said, `requests` what they asked for, with other hosts unreachable."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = os.fdopen(read, "rb"), os.fdopen(write, "wb")
        self._ids, self._session, self._rest = itertools.count(1), "", b""
        self.console: list[str] = []
        self.requests: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")

    def open(self, url: str, *, width: int = 1200, height: int = 900, dark: bool = False) -> None:
        """Open a page as a window of this size shows it, and wait until it is loaded."""
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._call("Page.navigate", url="about:blank")
        self._call("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def value(self, script: str) -> Any:
        """Return the value of an expression in the page; a promise's when it is kept."""
        found = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]["exception"]["description"]
        return found["result"].get("value")

    def until(self, condition: str, *, within_s: float = 15.0) -> None:
        """Wait until an expression is true in the page, or in the one that it is leaving for."""
        deadline = time.monotonic() + within_s
        while not self._holds(condition):
            assert time.monotonic() < deadline, f"never: {condition}\n{self.value('document.body.innerText')}"
            time.sleep(0.03)

    def _holds(self, condition: str) -> bool:
        try:
            return bool(self.value(f"Boolean({condition})"))
        except AssertionError as e:
            if "navigated" not in str(e):
                raise
            return False

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self._call("Input.insertText", text=text)

    def press(self, key: str, *, ctrl: bool = False) -> None:
        """Press a key."""
        code, text = KEYS[key]
        event = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 2 * ctrl}
        self._call("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": text} if text and not ctrl else {}))
        self._call("Input.dispatchKeyEvent", type="keyUp", **event)

    def click(self, selector: str, text: str = "") -> None:
        """Click the first element that fits a selector and holds a text."""
        found = f"[...document.querySelectorAll({selector!r})].find(e => e.innerText.includes({text!r}))"
        self.until(found)
        self.value(f"{found}.click()")

    def picture(self, path: Path) -> None:
        """Write the whole page as a PNG."""
        data = self._call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))

    def _call(self, method: str, **params: Any) -> Any:
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params}
        self._write.write(
            json.dumps(message | ({"sessionId": self._session} if self._session else {})).encode() + b"\0"
        )
        self._write.flush()
        while True:
            reply = self._next()
            if reply.get("id") == number:
                assert "error" not in reply, f"{method}: {reply['error']}"
                return reply["result"]
            self._note(reply.get("method", ""), reply.get("params", {}))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = self._read.read1(1 << 20)
            assert part, "Chromium has ended"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))

    def _note(self, event: str, params: dict[str, Any]) -> None:
        if event == "Runtime.consoleAPICalled":
            self.console.append(" ".join(str(one.get("value")) for one in params["args"]))
        elif event == "Runtime.exceptionThrown":
            self.console.append(params["exceptionDetails"]["exception"]["description"])
        elif event == "Log.entryAdded":
            self.console.append(params["entry"]["text"])
        elif event == "Network.requestWillBeSent" and not params["request"]["url"].startswith(("data:", "blob:")):
            self.requests.append(params["request"]["url"])


@contextmanager
def browsing(folder: Path) -> Iterator[Tab]:
    """Start Chromium with a profile in this folder, and yield its tab."""
    command = [chromium(), "--headless", "--disable-gpu", f"--user-data-dir={folder}", "--remote-debugging-pipe"]
    command += ["--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    command += ["--no-sandbox"] * (os.getuid() == 0)
    its_in, our_out = os.pipe()
    our_in, its_out = os.pipe()
    # Chromium reads its orders from 3 and answers on 4
    script = f'exec {shutil.which("env")} "$@" 3<&{its_in} 4>&{its_out}'
    process = subprocess.Popen(
        ["bash", "-c", script, "chromium", *command], pass_fds=(its_in, its_out), stderr=subprocess.DEVNULL
    )
    os.close(its_in)
    os.close(its_out)
    try:
        yield Tab(our_in, our_out)
    finally:
        process.terminate()
        process.wait(10)
