"""Guardrails of Amazon Bedrock: as requests name them, and what they say of an intervention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqltailor.types import Guardrail

INTERVENED = "guardrail_intervened"
"""The stop reason of an answer in whose place a guardrail stands, or which it has masked."""
_RULES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "topicPolicy": (("topics", "topic", "name"),),
    "contentPolicy": (("filters", "content filter", "type"),),
    "wordPolicy": (("customWords", "word", "match"), ("managedWordLists", "word list", "type")),
    "sensitiveInformationPolicy": (("piiEntities", "personal data", "type"), ("regexes", "pattern", "name")),
    "contextualGroundingPolicy": (("filters", "grounding", "type"),),
}
"""Policy → its lists of findings, each with what a finding is called and which of its fields names it. Personal data
and what a pattern matched are not repeated."""


def config(guardrail: Guardrail) -> dict[str, Any]:
    """Return what a request of Converse says of its guardrail."""
    trace = "enabled" if guardrail.trace else "disabled"
    return {"guardrailIdentifier": guardrail.id, "guardrailVersion": guardrail.version, "trace": trace}


def refusal(message: str, trace: Mapping[str, Any]) -> str:
    """Return why there is no answer: the rules that a trace of Converse names, and the guardrail's message."""
    assessments = [*trace.get("inputAssessment", {}).values()]
    assessments += [each for found in trace.get("outputAssessments", {}).values() for each in found]
    return because(message, assessments)


def because(message: str, assessments: list[Mapping[str, Any]]) -> str:
    """Return why there is no answer, by the assessments of a guardrail.

    >>> because("Not here.", [{"wordPolicy": {"customWords": [{"match": "salary", "action": "BLOCKED"}]}}])
    "the guardrail intervened (word 'salary'): Not here."
    """
    rules = list(dict.fromkeys(rule for assessment in assessments for rule in _rules(assessment)))
    named = f" ({', '.join(rules)})" if rules else ""
    return f"the guardrail intervened{named}: {' '.join(message.split()) or 'it gives no message'}"


def _rules(assessment: Mapping[str, Any]) -> Iterator[str]:
    for policy, lists in _RULES.items():
        for name, called, field in lists:
            for finding in assessment.get(policy, {}).get(name, ()):
                if finding.get("action") != "NONE":
                    yield f"{called} '{finding.get(field, '')}'"
