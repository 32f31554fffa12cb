"""Question–SQL and spec–SQL pairs made from nothing but a schema, and databases to tell queries apart.

`sample_pair` needs no database; `synthesise` guards, executes and filters.
"""

from sqltailor.naming.values import Values, invent_values, read_values
from sqltailor.synth.pairs import Maker, Pair, sample_pair
from sqltailor.synth.synthesis import SynthesisResult, synthesise

__all__ = [
    "Maker",
    "Pair",
    "SynthesisResult",
    "Values",
    "invent_values",
    "read_values",
    "sample_pair",
    "synthesise",
]
