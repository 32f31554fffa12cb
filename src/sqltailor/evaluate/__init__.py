"""Evaluation: models answer the same questions, and every answer is scored and kept."""

from sqltailor.evaluate.eval_folder import ChooseFolder, read_answers, resume_or_new
from sqltailor.evaluate.run import Evaluation, evaluate, score_predictions
from sqltailor.evaluate.scorer import Scoring

__all__ = [
    "ChooseFolder",
    "Evaluation",
    "Scoring",
    "evaluate",
    "read_answers",
    "resume_or_new",
    "score_predictions",
]
