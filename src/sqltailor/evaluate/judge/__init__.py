"""A model as a judge of SQL, always beside execution accuracy."""

from sqltailor.evaluate.judge.rubrics import RUBRICS
from sqltailor.evaluate.judge.verdicts import judge_answers, verdict_lines

__all__ = ["RUBRICS", "judge_answers", "verdict_lines"]
