"""Evaluation: models answer the same questions, and every answer is scored and kept."""

from sqltailor.evaluate.eval_folder import ChooseFolder, resume_or_new
from sqltailor.evaluate.pooled_scoring import score_predictions
from sqltailor.evaluate.predictions_file import read_answers
from sqltailor.evaluate.run import Evaluation, evaluate
from sqltailor.evaluate.scoring import Scoring

__all__ = [
    "ChooseFolder",
    "Evaluation",
    "Scoring",
    "evaluate",
    "read_answers",
    "resume_or_new",
    "score_predictions",
]
