"""Made-up databases on which different queries give different results, and mutants of gold queries to prove it."""

from sqltailor.synth.fuzz.databases import Fuzzed, fuzz_database
from sqltailor.synth.fuzz.mutate import Mutant, mutants
from sqltailor.synth.fuzz.random_rows import Constraints, read_constraints

__all__ = ["Constraints", "Fuzzed", "Mutant", "fuzz_database", "mutants", "read_constraints"]
