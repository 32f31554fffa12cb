"""Evaluation: models answer the same questions, and every answer is scored and kept."""

from sqltailor.evaluate.eval_folder import ChooseFolder, read_answers, resume_or_new
from sqltailor.evaluate.run import AnswerProgress, Evaluation, evaluate, score_predictions
from sqltailor.evaluate.scorer import Scoring

__all__ = [
    "AnswerProgress",
    "ChooseFolder",
    "Evaluation",
    "Scoring",
    "evaluate",
    "read_answers",
    "resume_or_new",
    "score_predictions",
]
