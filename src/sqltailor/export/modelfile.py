"""An Ollama Modelfile for a GGUF file: the chat template in Go, stop tokens, and greedy parameters.

Format: Ollama's docs/modelfile.md and docs/template.md. A template is read off the tokenizer's own by rendering marked
messages with it, and kept only if it then writes the same text for conversations of every kind that we ask.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqltailor.prompt.encode import end_of_turn

logger = logging.getLogger(__name__)

CONTEXT = 8192
"""Tokens of prompt and answer for which Ollama keeps memory, at most."""
_CONVERSATIONS = (("user",), ("system", "user"), ("user", "assistant", "user"), ("system", "user", "assistant", "user"))
"""Roles in the conversations that a template must write as the tokenizer does."""


class Turns(NamedTuple):
    """What a chat template writes around messages: role → (before, after); before the first one where no system
    message is; and where the answer begins.
    """

    around: Mapping[str, tuple[str, str]]
    unsaid: str
    answer: str

    def text(self, messages: Sequence[Mapping[str, str]]) -> str:
        """Return the conversation as the model reads it, up to where its answer begins."""
        begin = "" if any(m["role"] == "system" for m in messages) else self.unsaid
        return begin + "".join(m["content"].join(self.around[m["role"]]) for m in messages) + self.answer

    def in_go(self) -> str:
        """Return what `text` does as a template of Ollama's."""
        begin = f"{{{{ if not .System }}}}{self.unsaid}{{{{ end }}}}" if self.unsaid else ""
        turns = "{{ else ".join(
            f'if eq .Role "{role}" }}}}{before}{{{{ .Content }}}}{after}'
            for role, (before, after) in self.around.items()
        )
        return f"{begin}{{{{ range .Messages }}}}{{{{ {turns}{{{{ end }}}}{{{{ end }}}}{self.answer}"


def read_turns(tokenizer: Any) -> Turns | None:
    """Return what a tokenizer's chat template writes around messages; None for one that does more than that.

    A begin-of-text token that the tokenizer sets itself is left out: Ollama sets it, too.
    """
    from jinja2 import TemplateError

    try:
        turns = _turns(tokenizer)
        probes = [_conversation(roles) for roles in _CONVERSATIONS]
        same = all(turns.text(probe) == _written(tokenizer, probe, ask=True) for probe in probes)
    except TemplateError:  # a template's own way to refuse a conversation
        return None
    return turns if same and not any(mark in turns.in_go() for mark in ('"""', "\ue000")) else None


def _turns(tokenizer: Any) -> Turns:
    """Take apart what the template writes: only what stands alone at the end tells where a message's part ends."""
    user, answered = _conversation(("user",)), _conversation(("user", "assistant"))
    again, led = _conversation(("user", "assistant", "user")), _conversation(("system", "user"))
    alone = _written(tokenizer, user)
    unsaid_and_user, user_end = _pieces(alone, user)
    answer_end = _pieces(_written(tokenizer, answered), answered)[-1]
    _, before_answer, before_user, _ = _pieces(_written(tokenizer, again), again)
    before_user = before_user.removeprefix(answer_end)
    before_system, after_system, _ = _pieces(_written(tokenizer, led), led)
    around = {
        "system": (before_system, after_system.removesuffix(before_user)),
        "user": (before_user, user_end),
        "assistant": (before_answer.removeprefix(user_end), answer_end),
    }
    asking = _written(tokenizer, user, ask=True)
    return Turns(around, unsaid_and_user.removesuffix(before_user), asking.removeprefix(alone))


def _conversation(roles: Sequence[str]) -> list[dict[str, str]]:
    """Return messages whose contents can be found again."""
    return [{"role": role, "content": f"\ue000{number}\ue001"} for number, role in enumerate(roles)]


def _written(tokenizer: Any, messages: Sequence[Mapping[str, str]], *, ask: bool = False) -> str:
    text = str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=ask))
    bos = tokenizer.bos_token
    sets_it = bos is not None and tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id
    return text.removeprefix(bos) if sets_it else text


def _pieces(text: str, messages: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the text before, between and after the messages' contents."""
    pieces = []
    for message in messages:
        piece, _, text = text.partition(message["content"])
        pieces.append(piece)
    return [*pieces, text]


def modelfile(files: Sequence[Path], tokenizer: Any, *, context: int, max_tokens: int) -> str:
    """Return the Modelfile of the first of some GGUF files in one folder; the others stand there as comments.

    `context`: how many tokens the model reads. Questions are answered as they are measured: greedily, without a
    penalty for repetition, in `max_tokens` at most.
    """
    ends = dict.fromkeys([tokenizer.eos_token, tokenizer.convert_ids_to_tokens(end_of_turn(tokenizer)[-1])])
    turns = read_turns(tokenizer)
    lines = [f"{'# ' if at else ''}FROM ./{file.name}" for at, file in enumerate(files)]
    if turns is not None:
        lines.append(f'TEMPLATE """{turns.in_go()}"""')
    else:
        logger.warning("the chat template cannot be said in Ollama's words: its own guess will stand in for it")
        lines.append("# no TEMPLATE: the model's own is more than text around messages")
    lines += [f'PARAMETER stop "{end}"' for end in ends if end]
    settings = {"temperature": 0, "repeat_penalty": 1, "num_ctx": min(context, CONTEXT), "num_predict": max_tokens}
    lines += [f"PARAMETER {name} {value}" for name, value in settings.items()]
    return "\n".join(lines) + "\n"
