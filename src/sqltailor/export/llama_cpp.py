"""llama.cpp as a server in its own process, through the package xllamacpp: it answers with a GGUF file."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqltailor.errors import BackendError
from sqltailor.prompt.encode import encode
from sqltailor.types import Completion, GenerateOptions, Prompt

_SERVER = """
import sys, xllamacpp
settings = xllamacpp.CommonParams()
settings.model.path, settings.n_ctx, settings.cpuparams.n_threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
settings.n_parallel, settings.n_gpu_layers, settings.warmup = 1, 0, False
server = xllamacpp.Server(settings)
print("URL", server.listening_address, flush=True)
sys.stdin.read()
"""
_TIMEOUT_S = 600
"""Longest wait for one answer, in seconds."""


def is_here() -> bool:
    """Say whether the package is installed."""
    return importlib.util.find_spec("xllamacpp") is not None


@contextlib.contextmanager
def serve(file: Path, *, context: int = 1024, threads: int = 1) -> Iterator[Callable[[str, Any], Any]]:
    """Yield a function that posts JSON to a path of the server of a GGUF file, and returns the JSON of the answer.

    `context`: tokens of prompt and answer together. Raises `BackendError` when llama.cpp cannot open the file.
    """
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", _SERVER, str(file), str(context), str(threads)]
    server = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout
        url = next((line.split()[1] for line in server.stdout if line.startswith("URL")), None)
        if url is None:
            raise BackendError(f"llama.cpp (xllamacpp) cannot open {file}")

        def post(path: str, body: Any) -> Any:
            request = urllib.request.Request(
                f"{url}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                return json.loads(answer.read())

        yield post
    finally:
        server.kill()
        server.communicate()


def generator(post: Callable[[str, Any], Any], tokenizer: Any) -> Callable[..., list[Completion]]:
    """Return the server as a function from prompts to completions, one after the other, greedily."""

    def generate(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        answers = []
        for prompt in prompts:
            asked = {"prompt": encode(tokenizer, prompt.messages), "n_predict": options.max_tokens, "temperature": 0}
            answer = post("/completion", asked)
            answers.append(Completion(answer["content"], "length" if answer["stop_type"] == "limit" else "end"))
        return answers

    return generate
