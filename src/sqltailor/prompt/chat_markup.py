"""The markup of trainers and chat templates that models repeat around a text: roles, turns, ends and thoughts."""

from __future__ import annotations

import re

_THOUGHTS = r"think|thinking|thought|thoughts|reasoning|scratchpad"
_THINK = re.compile(rf"<({_THOUGHTS})>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT_BEFORE = re.compile(rf"\A.*</(?:{_THOUGHTS})>", re.DOTALL | re.IGNORECASE)
_CHANNEL = re.compile(r"\A.*<\|channel\|>\s*final\s*<\|message\|>", re.DOTALL)

INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"
"""Characters of no width that stand before a text without being seen."""

_ROLES = r"(?:system|user|human|assistant|model)"
_TURN = (
    rf"<\|(?:im_start|start_header_id|start)\|>\s*{_ROLES}?\s*(?:<\|end_header_id\|>)?|<start_of_turn>\s*{_ROLES}?"
    rf"|<\|{_ROLES}\|>|<\|(?:begin_of_text|startoftext)\|>|<｜[\w▁ ]{{1,30}}｜>|<s>|<bos>|\[/?INST\]|<<SYS>>"
)
BEGINNINGS = re.compile(rf"(?:\s|{_TURN})+", re.IGNORECASE)
"""What stands before a turn's text."""

ENDS = re.compile(
    rf"</s>|<eos>|<end_of_turn>|<</SYS>>|<\|[a-z][\w▁]{{0,30}}\|>|<\|[A-Z_]{{2,20}}\|>|{_TURN}", re.IGNORECASE
)
"""What ends a turn's text, or begins the next one."""


def without_thoughts(text: str) -> str:
    """Return what a model says without what it thinks aloud; a thought that does not end is all that there is.

    >>> without_thoughts("<think>A join? No.</think>SELECT 1"), without_thoughts("No join.</think> SELECT 1")
    ('SELECT 1', 'SELECT 1')
    """
    text = _CHANNEL.sub("", _THOUGHT_BEFORE.sub("", _THINK.sub("", text)))
    return text.strip().lstrip(INVISIBLE).strip()


def without_turns(text: str) -> str:
    """Return a turn's text without the marks of a chat template around it.

    >>> without_turns("<|im_start|>user\\nHow many stops?<|im_end|>\\n"), without_turns("<s>[INST] Why? [/INST]")
    ('How many stops?', 'Why?')
    """
    text = text.lstrip(INVISIBLE)
    begun = BEGINNINGS.match(text)
    text = text[begun.end() :] if begun else text
    ended = ENDS.search(text)
    return (text[: ended.start()] if ended else text).strip()
