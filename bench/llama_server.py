"""llama.cpp as a server in a process of its own: needs `pip install xllamacpp`, llama.cpp as a wheel."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqltailor.prompt.encode import encode
from sqltailor.types import Completion, GenerateOptions, Prompt

SERVER = """
import sys, xllamacpp
settings = xllamacpp.CommonParams()
settings.model.path, settings.n_ctx, settings.n_parallel, settings.n_gpu_layers = sys.argv[1], 1024, 1, 0
settings.cpuparams.n_threads, settings.warmup = 1, False
server = xllamacpp.Server(settings)
print("URL", server.listening_address, flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def serve(file: Path) -> Iterator[Callable[[str, Any], Any]]:
    """Yield a function that posts JSON to a path of the server of a GGUF file, and returns the JSON of the answer."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", SERVER, str(file)]
    server = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout
        url = next((line.split()[1] for line in server.stdout if line.startswith("URL")), None)
        assert url, "llama.cpp did not start"

        def post(path: str, body: Any) -> Any:
            request = urllib.request.Request(
                url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
            )
            return json.loads(urllib.request.urlopen(request, timeout=60).read())

        yield post
    finally:
        server.kill()
        server.wait()


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
