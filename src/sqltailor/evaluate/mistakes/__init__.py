"""Mistakes: what is wrong with an answer, by class, each with a hint."""

from sqltailor.evaluate.mistakes.taxonomy import HINTS, counted_mistakes, mistakes, mistakes_in

__all__ = ["HINTS", "counted_mistakes", "mistakes", "mistakes_in"]
