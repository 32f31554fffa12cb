"""What scores, outcomes, differences and slices of a report mean, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Meaning(NamedTuple):
    """What a score means: in a few words beside its plot, and in full under "What the numbers mean"."""

    short: str
    full: str


MEANINGS: Mapping[str, Meaning] = {
    "execution": Meaning(
        "the result is the gold statement's",
        "the predicted statement passes the guard, runs read-only, and returns the gold statement's rows. Rows are a "
        "bag, duplicates count; order matters only where the gold statement orders at top level; rows that tie may "
        "change places; columns may be in another order; fractions agree within 10⁻⁹.",
    ),
    "exact_match": Meaning(
        "the statement is the gold statement",
        "equal to an accepted gold statement, apart from case of keywords and names, spacing, quotes and a final "
        "semicolon.",
    ),
    "exact_set": Meaning(
        "the statement has the parts of the gold statement, in Spider's sense",
        "Spider's exact-set match: the same columns, conditions, tables, grouping, order and set operations, whatever "
        "the values. Counted where the gold statement is within Spider's subset of SQL.",
    ),
    "parse_valid": Meaning("the statement can be parsed", "the answer holds exactly one statement that can be parsed."),
    "schema_valid": Meaning("every table and column exists", "all tables and columns of the statement exist."),
    "names_exist": Meaning(
        "share of the tables and columns that exist",
        "the share of a statement's tables and columns that exist, the rest being made up.",
    ),
    "executable": Meaning("the statement runs", "the statement runs, whatever it returns."),
    "token_f1": Meaning(
        "tokens shared with the gold statement",
        "F1 over the tokens of the statement and of the nearest gold one. Near is not right.",
    ),
    "ast_similarity": Meaning(
        "parts of the syntax tree shared with the gold statement",
        "F1 over the nodes of both syntax trees. Near is not right.",
    ),
    "embedding_similarity": Meaning(
        "similarity of embeddings with the gold statement",
        "the cosine of the statement's embedding with the nearest gold one's, by a model of English sentences. A weak "
        "sign: statements that differ in one value lie close together.",
    ),
    "efficiency": Meaning(
        "time of the gold statement over that of a right answer",
        "the time of the gold statement over that of a right answer, at most 1, each run once.",
    ),
    "agrees_with_compiler": Meaning(
        "the result is the compiled statement's",
        "of specifications: the statement returns the rows of the one that the compiler writes. Specifications that "
        "cannot be compiled are left out.",
    ),
    "confidence": Meaning(
        "right answers by confidence; on the line, confidence says how often they are right",
        "how often answers are right, by the share of candidates that agree with them, or, for a run that was asked "
        "validation questions before (eval --calibrate), by how often such answers were right there. Below the line it "
        "promises too much.",
    ),
}
"""Each metric, and each other plot of scores; the report explains those that it shows."""

OUTCOMES = {
    "correct": "right",
    "empty_match": "right, but both results are empty: that proves little",
    "wrong": "runs, but returns something else",
    "declined": "the model says that it cannot answer",
    "no_sql": "no SQL in the answer",
    "unparsed": "not a statement of the dialect",
    "schema_error": "names a table or column that does not exist",
    "refused": "stopped by the guard, the database's protection or a guardrail",
    "sql_error": "the database cannot run it",
    "timeout": "ran past its time limit",
    "truncated": "cut at the longest answer allowed",
    "gold_error": "the gold statement itself fails: not counted",
}

DIFFERENCES = {
    "column": "another number of columns",
    "order": "the right rows in another order",
    "multiplicity": "the right rows, some of them more or less often",
    "type": "the right values in other types",
    "truncation": "rows left out, or too many",
    "value": "other values",
}

SLICES = {
    "database": "database",
    "difficulty": "difficulty",
    "length": "length of the gold",
    "table": "the gold reads",
    "feature": "the gold asks for",
    "template": "template of the gold",
}
