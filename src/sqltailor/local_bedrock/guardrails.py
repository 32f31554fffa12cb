"""Guardrails: lists of words, and patterns, that really stop a question or an answer, or mask what they find.

What takes a model to judge (topics, content, personal data, grounding) is refused when a guardrail is created.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sqltailor.local_bedrock.protocol import error
from sqltailor.local_bedrock.resources import new_id, now
from sqltailor.local_bedrock.state import ACCOUNT, Handler, State
from sqltailor.types import Completion
from sqltailor.wire.converse import messages_of

Source = Literal["INPUT", "OUTPUT"]
UNIT_CHARACTERS = 1_000
JUDGED = ("wordPolicyConfig.wordsConfig", "sensitiveInformationPolicyConfig.regexesConfig")
MADE = ("guardrailId", "guardrailArn", "version", "createdAt")


class Checked(NamedTuple):
    """What a guardrail says of a text: what may be said in its place, None where it may stay, and its findings."""

    instead: str | None
    assessment: Mapping[str, Any]


class Passed(NamedTuple):
    """An answer in pieces, whether a guardrail has changed it, and the trace of that, where it was asked for."""

    pieces: Iterator[str | Completion]
    is_refused: bool = False
    trace: Mapping[str, Any] | None = None


def create(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Create a guardrail, whose version is DRAFT."""
    policies = {name: value for name, value in params.items() if name.endswith("PolicyConfig")}
    rules = [f"{policy}.{name}" for policy, lists in policies.items() for name in lists]
    if not rules:
        raise error("ValidationException", "A guardrail takes at least one policy")
    if foreign := [rule for rule in rules if rule not in JUDGED]:
        raise error("ValidationException", f"The local Bedrock judges {' and '.join(JUDGED)}, not {foreign[0]}")
    for rule in _regexes(params):
        try:
            re.compile(rule["pattern"])
        except re.error as e:
            raise error("ValidationException", f"The pattern {rule['name']} is no regular expression: {e}") from e
    if any(versions["DRAFT"]["name"] == params["name"] for versions in state.guardrails.values()):
        raise error("ConflictException", f"There is a guardrail {params['name']} already")
    name = new_id()
    arn = f"arn:aws:bedrock:{region}:{ACCOUNT}:guardrail/{name}"
    made = {**params, "guardrailId": name, "guardrailArn": arn, "version": "DRAFT", "createdAt": now()}
    state.guardrails[name] = {"DRAFT": made}
    return {field: made[field] for field in MADE}


def create_version(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Keep the draft as it is now, under the next number."""
    versions = _versions(state, params["guardrailIdentifier"])
    number = str(len(versions))
    versions[number] = {**versions["DRAFT"], "version": number}
    return {"guardrailId": versions["DRAFT"]["guardrailId"], "version": number}


def delete(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Delete a guardrail, or one version of it."""
    versions = _versions(state, params["guardrailIdentifier"])
    if (version := params.get("guardrailVersion")) is not None:
        del versions[find_guardrail(state, params["guardrailIdentifier"], version)["version"]]
    else:
        del state.guardrails[versions["DRAFT"]["guardrailId"]]
    return {}


def apply(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Check a text without a model (ApplyGuardrail)."""
    found = find_guardrail(state, params["guardrailIdentifier"], params["guardrailVersion"])
    text = "\n".join(block.get("text", {}).get("text", "") for block in params["content"])
    if not text.strip():
        raise error("ValidationException", "The content has no text")
    checked = check(found, params["source"], text)
    units = -(-len(text) // UNIT_CHARACTERS)
    kinds = ("topic", "content", "word", "sensitiveInformation", "contextualGrounding")
    usage = dict.fromkeys([f"{kind}PolicyUnits" for kind in kinds], 0) | {
        "wordPolicyUnits": units if "wordPolicyConfig" in found else 0,
        "sensitiveInformationPolicyFreeUnits": units if "sensitiveInformationPolicyConfig" in found else 0,
    }
    return {
        "usage": usage,
        "action": "NONE" if checked.instead is None else "GUARDRAIL_INTERVENED",
        "outputs": [] if checked.instead is None else [{"text": checked.instead}],
        "assessments": [checked.assessment] if checked.assessment else [],
        "guardrailCoverage": {"textCharacters": {"guarded": len(text), "total": len(text)}},
    }


def guarded(state: State, params: Mapping[str, Any], pieces: Iterator[str | Completion]) -> Passed:
    """Return the pieces of an answer as the guardrail that the request names lets them pass.

    Without one they pass as they are. A question that is stopped is not answered; an answer is read whole first.
    """
    config = params.get("guardrailConfig")
    if config is None:
        return Passed(pieces)
    if not config.get("guardrailIdentifier") or not config.get("guardrailVersion"):
        raise error("ValidationException", "guardrailConfig takes guardrailIdentifier and guardrailVersion")
    found = find_guardrail(state, config["guardrailIdentifier"], config["guardrailVersion"])
    said = "\n".join(message.content for message in messages_of(params) if message.role != "system")
    asked = check(found, "INPUT", said)
    trace: dict[str, Any] = {"inputAssessment": {found["guardrailId"]: asked.assessment}} if asked.assessment else {}
    if asked.instead is not None:
        whole = Completion(asked.instead, tokens_in=0, tokens_out=0)
        return Passed(iter([whole.text, whole]), True, _shown(config, trace))
    *_, last = pieces
    assert isinstance(last, Completion)
    answer = check(found, "OUTPUT", last.text)
    if answer.assessment:
        trace |= {"outputAssessments": {found["guardrailId"]: [answer.assessment]}}
    text = last.text if answer.instead is None else answer.instead
    whole = dataclasses.replace(last, text=text)
    return Passed(iter([text, whole]), answer.instead is not None, _shown(config, trace))


def _shown(config: Mapping[str, Any], trace: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"guardrail": trace} if config.get("trace", "disabled") != "disabled" else None


def find_guardrail(state: State, identifier: str, version: str) -> Mapping[str, Any]:
    """Return a version of a guardrail, by its id or ARN. Raises `AwsError` where there is none."""
    versions = _versions(state, identifier)
    if version not in versions:
        raise error("ResourceNotFoundException", f"The guardrail {identifier} has no version {version}")
    return versions[version]


def _versions(state: State, identifier: str) -> dict[str, Mapping[str, Any]]:
    name = identifier.rpartition("/")[2]
    if name not in state.guardrails:
        raise error("ResourceNotFoundException", f"There is no guardrail {identifier}")
    return state.guardrails[name]


def check(guardrail: Mapping[str, Any], source: Source, text: str) -> Checked:
    """Return what a guardrail says of a text, which it stops by its message, or masks."""
    side = "inputAction" if source == "INPUT" else "outputAction"
    words = [
        {"match": word["text"], "action": "BLOCKED"}
        for word in guardrail.get("wordPolicyConfig", {}).get("wordsConfig", ())
        if word.get(side, "BLOCK") == "BLOCK" and re.search(rf"(?i)(?<!\w){re.escape(word['text'])}(?!\w)", text)
    ]
    masked, patterns = text, []
    for rule in _regexes(guardrail):
        action = rule.get(side, rule["action"])
        if action != "NONE" and (found := re.search(rule["pattern"], text)):
            masked = re.sub(rule["pattern"], f"{{{rule['name']}}}", masked)
            done = "BLOCKED" if action == "BLOCK" else "ANONYMIZED"
            patterns.append({"name": rule["name"], "match": found[0], "regex": rule["pattern"], "action": done})
    assessment: dict[str, Any] = {}
    if words:
        assessment["wordPolicy"] = {"customWords": words, "managedWordLists": []}
    if patterns:
        assessment["sensitiveInformationPolicy"] = {"piiEntities": [], "regexes": patterns}
    if any(finding["action"] == "BLOCKED" for finding in (*words, *patterns)):
        message = "blockedInputMessaging" if source == "INPUT" else "blockedOutputsMessaging"
        return Checked(guardrail[message], assessment)
    return Checked(masked if patterns else None, assessment)


def _regexes(guardrail: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = guardrail.get("sensitiveInformationPolicyConfig", {}).get("regexesConfig", ())
    return found


GUARDRAILS: Mapping[str, Handler] = {
    "CreateGuardrail": create,
    "CreateGuardrailVersion": create_version,
    "DeleteGuardrail": delete,
    "ApplyGuardrail": apply,
}
