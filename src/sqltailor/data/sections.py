"""Prompts of known trainers as what they ask: sections (`### Input:`), labels (`Question:`), turns of chat templates.

Whatever the trainer, the question is what its marks stand around, CREATE TABLE text is the schema, and a fixed task and
the empty place for the answer are dropped: a model that learned from them would be asked in words that `ask` never
writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sqltailor.prompt.chat_markup import BEGINNINGS, ENDS, without_turns
from sqltailor.types import Message, Role

_ROLES = {
    "question": r"(?:(?:user|natural[ -]language|nl) )?question|user (?:request|query|input)|request|q|user|human",
    "task": r"instructions?|task|system(?: prompt)?",
    "input": r"input|context",
    "schema": r"(?:(?:database|table|db|sql|sqlite|postgres\w*|mysql) )?(?:schemas?|tables)|ddl",
    "evidence": r"evidence|hints?|(?:external )?knowledge",
    "answer": r"response|answer|output|completion|assistant|a|(?:the )?(?:sql|query)(?: ?(?:query|statement|code))?",
}
_NAME = "|".join(f"(?P<{role}>{names})" for role, names in _ROLES.items())
_HASHED = re.compile(
    rf"^[ \t]*#{{2,6}}[ \t]*(?:{_NAME})[ \t]*(?::[ \t]*|(?=[\r\n]|\Z))(?:\r?\n)?", re.IGNORECASE | re.MULTILINE
)
_LABEL = re.compile(
    rf"^[ \t]*(?:\*\*|\[|-- ?|<)?(?:{_NAME})(?:\*\*|[\]>])?[ \t]*:(?:\*\*)?[ \t]*(?:\r?\n)?",
    re.IGNORECASE | re.MULTILINE,
)
_INLINE = re.compile(rf"(?:(?<=\s)|\A)#{{2,6}}[ \t]*(?:{_NAME})[ \t]*:[ \t]*", re.IGNORECASE)
_TAGGED = re.compile(
    r"[\[<](?:user[_ ])?question[\]>](.+?)[\[<]/(?:user[_ ])?question[\]>]|/\*\s*Answer[^:*]{0,60}:(.+?)\*/",
    re.IGNORECASE | re.DOTALL,
)
_BEGUN_ANSWER = re.compile(
    rf"(?:(?i:#{{2,6}}[ \t]*(?:{_ROLES['answer']})[ \t]*:?)|\bASSISTANT[ \t]*:|\s(?:#{{3,6}}|->))\Z"
)
"""Where the answer is to begin, in the line of the question itself."""
_CREATE = re.compile(r"CREATE\s+(?:TABLE|VIEW)\b", re.IGNORECASE)
_SPEAKER = re.compile(
    r"<\|im_start\|>\s*(\w+)|<\|start_header_id\|>\s*(\w+)\s*<\|end_header_id\|>|<start_of_turn>\s*(\w+)"
    r"|<\|(system|user|assistant)\|>|(\[INST\])|(\[/INST\])|(<<SYS>>)|(<</SYS>>)"
    r"|<\|start\|>(\w+)(?:<\|channel\|>final)?<\|message\|>|<｜(begin▁of▁sentence|User|Assistant)｜>",
    re.IGNORECASE,
)
_SPEAKERS: dict[str, Role] = {
    "system": "system", "<<sys>>": "system", "user": "user", "human": "user", "[inst]": "user", "<</sys>>": "user",
    "assistant": "assistant", "model": "assistant", "[/inst]": "assistant",
    "begin▁of▁sentence": "system", "developer": "system",
}  # fmt: skip


class Asked(NamedTuple):
    """What a prompt asks. `is_marked`: its marks say which words are the question."""

    question: str
    schema: str = ""
    evidence: str = ""
    is_marked: bool = False


def sections(text: str) -> dict[str, str]:
    """Return role → text of a prompt's sections; what stands before the first is under `""`. Empty without any.

    >>> sections("###Input:\\nTitles of crime books\\n\\n###Response:")
    {'': '', 'input': 'Titles of crime books', 'answer': ''}
    """
    hashed = list(_HASHED.finditer(text))
    inline = _inline(text) if not hashed else []
    found = hashed or inline or _labels(text)
    if not found:
        return {}
    around = None if inline else "\r\n"
    parts = {"": text[: found[0].start()].strip("\r\n")}
    for section, end in zip(found, [*(m.start() for m in found[1:]), len(text)], strict=True):
        parts.setdefault(str(section.lastgroup), text[section.end() : end].strip(around))
    return parts


def _inline(text: str) -> list[re.Match[str]]:
    """Return the `### Name:` of a text that holds them all in one line, the answer's last."""
    found = list(_INLINE.finditer(text))
    return found if len(found) > 1 and found[-1].lastgroup == "answer" else []


def _labels(text: str) -> list[re.Match[str]]:
    """Return the labels without `##` in a text that begins with one, asks after one, or ends with one."""
    found = list(_LABEL.finditer(text))
    if not found:
        return []
    begins = not text[: found[0].start()].strip()
    asks = any(label.lastgroup == "question" and len(label["question"]) > 1 for label in found)
    ends = found[-1].lastgroup == "answer" and not text[found[-1].end() :].strip()
    return found if begins or asks else found[-1:] if ends else []


def read_asked(text: str) -> Asked:
    """Return what a prompt asks, without the marks of its trainer.

    >>> read_asked("Answer with SQL.\\n\\nCREATE TABLE t (a INT)\\n\\nQuestion: How many?\\nSQL:")
    Asked(question='How many?', schema='CREATE TABLE t (a INT)', evidence='', is_marked=True)
    """
    is_marked = ENDS.search(text) is not None
    if is_marked:
        text = without_turns(text)
    bare = text.rstrip()
    begun = _BEGUN_ANSWER.search(bare, max(0, len(bare) - 60))
    if begun is not None and bare[: begun.start()].strip():
        text, is_marked = bare[: begun.start()].rstrip(), True
    if (tagged := _TAGGED.search(text)) is not None:
        return Asked((tagged[1] or tagged[2]).strip(), split_ddl(text)[1], is_marked=True)
    parts = sections(text)
    if not parts:
        rest, ddl = split_ddl(text)
        return Asked(rest, ddl, is_marked=is_marked)
    split = {role: split_ddl(part) for role, part in parts.items()}
    ddl = next((ddl for _, ddl in split.values() if ddl), "")
    evidence = parts.get("evidence", "").strip()
    if question := split.get("question", ("", ""))[0].strip():
        return Asked(question, ddl, evidence, is_marked=True)
    asked, given = split.get("task", ("", ""))[0].strip(), split.get("input", ("", ""))
    if given[0].strip() and not (given[1] and asked):
        return Asked(_inner(given[0]), ddl, evidence, is_marked=True)
    if not (asked or split[""][0].strip() or ddl):
        return Asked(text)
    words = "\n".join(part for part in (given[0].strip(), evidence) if part)
    return Asked(_inner(asked or split[""][0]), ddl, words, is_marked="task" not in parts or not split[""][0].strip())


def without_marks(question: str) -> str:
    """Return a question without a trainer's marks around it; one that holds more than that stays as it is."""
    asked = read_asked(question)
    return asked.question if asked.is_marked and asked.question and not asked.schema + asked.evidence else question


def _inner(text: str) -> str:
    """Return the question in a section, where a label may stand before it once more."""
    return read_asked(text).question if _labels(text) else text.strip()


def has_answer(text: str) -> bool:
    """Tell whether a text holds a prompt and the answer to it."""
    return any(m.role == "assistant" for m in turns(text)) or bool(sections(text).get("answer"))


def turns(text: str) -> list[Message]:
    """Return the messages of a text that a chat template wrote; none where it bears no such marks.

    >>> [m.role for m in turns("<s>[INST] <<SYS>>\\nBe brief.\\n<</SYS>>\\n\\nHow many? [/INST] SELECT 1 </s>")]
    ['system', 'user', 'assistant']
    """
    return [Message(role, content) for role, content in _spoken(text) if content]


def _spoken(text: str) -> Iterator[tuple[Role, str]]:
    marks = list(_SPEAKER.finditer(text))
    ends = [*(mark.start() for mark in marks), len(text)][1:]
    for mark, end in zip(marks, ends, strict=True):
        role = _SPEAKERS.get(next(name for name in mark.groups() if name).lower())
        if role is not None:
            content = text[mark.end() : end]
            begun, ended = BEGINNINGS.match(content), ENDS.search(content)
            yield role, content[begun.end() if begun else 0 : ended.start() if ended else None].strip()


def split_ddl(text: str) -> tuple[str, str]:
    """Return a text without its CREATE TABLE statements, and those statements.

    >>> split_ddl("How many? CREATE TABLE t (a INT, b VARCHAR(9)); CREATE TABLE u (c INT) Thanks")
    ('How many?  Thanks', 'CREATE TABLE t (a INT, b VARCHAR(9)); CREATE TABLE u (c INT)')
    """
    start = _CREATE.search(text)
    if start is None:
        return text, ""
    end = at = start.start()
    while (create := _CREATE.match(text, at)) is not None:
        end = _after_parentheses(text, create.end())
        at = end + len(re.match(r"[\s;,]*", text[end:]).group())  # type: ignore[union-attr]
    rest = text[: start.start()] + text[end:].lstrip(";")
    return rest.strip(), text[start.start() : end]


def _after_parentheses(text: str, at: int) -> int:
    depth = 0
    for i in range(at, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if text[i] == ")" and depth <= 0:
            return i + 1
    return len(text)
