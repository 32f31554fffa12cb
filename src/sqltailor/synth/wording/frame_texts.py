"""The sentence frames of every shape: `frames.txt`, read and compiled once."""

from __future__ import annotations

from importlib.resources import files

from sqltailor.synth.wording.frames import Frame, Slots, compile_frame, fill
from sqltailor.synth.wording.phrasebook import Phrasebook


def read_frames(text: str) -> dict[str, tuple[Frame, ...]]:
    """Return the frames of each section. Raises ValueError for a frame whose brackets do not match.

    >>> sorted(read_frames("[SHOW]\\n[show|list]\\n[count]\\n# a comment\\n{SHOW} the number of {np}\\n"))
    ['SHOW', 'count']
    """
    sections: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("[") and line.endswith("]") and line[1:-1].isidentifier():
            name = line[1:-1]
            sections[name] = []
        elif line.strip() and not line.startswith("#"):
            sections[name].append(line.strip())
    show = sections["SHOW"][0]
    return {
        name: tuple(compile_frame(line.replace("{SHOW}", show)) for line in lines) for name, lines in sections.items()
    }


FRAMES = read_frames(files("sqltailor.synth.wording").joinpath("frames.txt").read_text(encoding="utf-8"))


def framed(say: Phrasebook, name: str, slots: Slots) -> str:
    """Return one of the frames of a kind of sentence, filled."""
    choices = FRAMES[name]
    return fill(choices[int(say.rng.random() * len(choices))], slots, say.rng)
