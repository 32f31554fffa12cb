"""What an endpoint is asked, as chat: a question, a specification, or `{"text": "<specification as JSON>"}`.

This file lies beside the weights at an endpoint, so it needs the standard library alone. `serving.json` beside it holds
the messages that the model was taught with, with a mark where the question or the specification goes.
"""

import json
from collections.abc import Mapping
from typing import Any

MARK = "\u241fasked\u241f"
FORMS = 'a body is {"question": "…"}, {"spec": {…}}, {"text": "<spec as JSON>"} or {"messages": […]}'


def chat_of(body: Mapping[str, Any], serving: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a chat completion. Raises `ValueError`, which says what a body may be."""
    if "messages" in body:
        return dict(body)
    kind, asked = _asked(body)
    messages = (serving.get("messages") or {}).get(kind)
    if messages is None:
        raise ValueError(f"what this model is shown depends on the {kind}: send messages")
    texts = [{"role": m["role"], "content": m["content"].replace(MARK, asked)} for m in messages]
    return {**serving["options"], **_options(body), "messages": texts}


def _asked(body: Mapping[str, Any]) -> tuple[str, str]:
    if isinstance(body.get("question"), str) and body["question"].strip():
        return "question", body["question"]
    spec = body.get("spec", body.get("text"))
    if isinstance(spec, str):
        try:
            spec = json.loads(spec)
        except ValueError as e:
            raise ValueError(f"the specification is not JSON ({e}); {FORMS}") from e
    if not isinstance(spec, dict):
        raise ValueError(FORMS)
    return "spec", json.dumps(spec, ensure_ascii=False)


def _options(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in ("max_tokens", "temperature") if name in body}


def answer_of(completion: Mapping[str, Any]) -> dict[str, Any]:
    """Return a chat completion as what a question or a specification is answered with."""
    choice = completion["choices"][0]
    text = choice["message"]["content"] or ""
    return {"sql": text.strip(), "finish_reason": choice.get("finish_reason"), "usage": completion.get("usage")}
