"""Question–SQL and spec–SQL pairs made from nothing but a schema, and databases to tell queries apart.

`sample_pair` needs no database; `synthesise` guards, executes and filters.
"""

from sqltailor.synth.drive import Synthesis, synthesise
from sqltailor.synth.pairs import Maker, Pair, sample_pair
from sqltailor.synth.values import Values, invent_values, read_values

__all__ = [
    "Maker",
    "Pair",
    "Synthesis",
    "Values",
    "invent_values",
    "read_values",
    "sample_pair",
    "synthesise",
]
