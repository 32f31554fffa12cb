"""What AWS's vLLM image loads as model.py from beside the weights: /invocations takes questions and specs, too.

The image looks here for a function of this name (aws/model-hosting-container-standards, README). Chat goes to vLLM as
it is, streamed where that is asked for. Not a guard: what the model writes is returned.
"""

import asyncio
import importlib
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

VLLM = "http://127.0.0.1:8080/v1/chat/completions"
HERE = Path(__file__).parent
JSON = "application/json"


async def custom_sagemaker_invocation_handler(request: Any) -> Any:
    """Answer one request of FastAPI's."""
    from fastapi import Response
    from fastapi.responses import StreamingResponse

    words = _words()
    try:
        body = await request.json()
        chat = words.chat_of(body, json.loads((HERE / "serving.json").read_text(encoding="utf-8")))
        opened = await asyncio.to_thread(_post, chat)
    except ValueError as e:
        return Response(json.dumps({"error": str(e)}), 400, media_type=JSON)
    except urllib.error.HTTPError as e:
        return Response(e.read(), e.code, media_type=JSON)
    if chat.get("stream"):
        return StreamingResponse(opened, media_type="text/event-stream")
    answer = await asyncio.to_thread(opened.read)
    if "messages" not in body:
        answer = json.dumps(words.answer_of(json.loads(answer)), ensure_ascii=False).encode()
    return Response(answer, media_type=JSON)


def _words() -> Any:
    """Return serving_text.py, which lies beside this file."""
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    return importlib.import_module("serving_text")


def _post(body: dict[str, Any]) -> Any:
    request = urllib.request.Request(VLLM, json.dumps(body).encode(), {"Content-Type": JSON})
    return urllib.request.urlopen(request, timeout=600)
