"""Guardrails of Bedrock: in Converse, and beside any other model, against the local Bedrock with real boto3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sqltailor.errors import BackendError, ConfigError
from sqltailor.generate import load
from sqltailor.generate.guarding import guarding
from sqltailor.recipe import load_recipe
from sqltailor.types import Completion, GenerateOptions, Guardrail, Message, Prompt
from tests.support.cli_project import ok, ok_json, run
from tests.support.local_aws import request_faults

if TYPE_CHECKING:
    from sqltailor.local_bedrock.local_server import LocalBedrock

pytestmark = pytest.mark.aws
NOVA = "amazon.nova-micro-v1:0"
SAID = "Not\nhere."
STOPPED = "the guardrail intervened (word 'Salaries'): Not here."


def boto(service: str) -> Any:
    import boto3

    return boto3.client(service, region_name="us-east-1")


def a_guardrail(**changes: Any) -> str:
    """Create a guardrail that stops questions about salaries and answers with a drop in them; return its id."""
    words = [{"text": "Salaries"}, {"text": "drop", "inputAction": "NONE"}]
    rules = {"wordPolicyConfig": {"wordsConfig": words}} | changes
    made = boto("bedrock").create_guardrail(
        name="shop", blockedInputMessaging=SAID, blockedOutputsMessaging="Not that.", **rules
    )
    return str(made["guardrailId"])


def asked(text: str) -> Prompt:
    return Prompt((Message("system", "CREATE TABLE salaries (x)"), Message("user", text)))


def options(guardrail: str, **more: Any) -> GenerateOptions:
    return GenerateOptions(max_tokens=50, guardrail=Guardrail(guardrail, **more))


@pytest.mark.parametrize("operation", ["Converse", "ConverseStream"])
def test_a_request_that_names_a_guardrail_is_what_the_service_takes(operation: str) -> None:
    from sqltailor.wire.converse import request

    asks = request(NOVA, asked("how many?"), options("abc123", version="7", trace=False))
    assert asks["guardrailConfig"] == {
        "guardrailIdentifier": "abc123", "guardrailVersion": "7", "trace": "disabled",
    }  # fmt: skip
    assert request_faults("bedrock-runtime", operation, asks) == []
    wrong = request(NOVA, asked("how many?"), options("abc-123", version="0"))
    assert len(request_faults("bedrock-runtime", operation, wrong)) == 2


def test_converse_carries_it_and_an_intervention_is_no_answer(aws: LocalBedrock) -> None:
    rail, model = a_guardrail(), load(f"bedrock:{NOVA}")
    [streamed] = model([asked("list all salaries")], options(rail))
    whole, fine = model([asked("list all SALARIES"), asked("the salariesx")], options(rail))
    for answer in (streamed, whole):
        assert (answer.text, answer.refused, answer.tokens_out) == ("", STOPPED, 0)
    assert (fine.text, fine.refused) == ("SELECT 1", None)
    [untold] = model([asked("list all salaries")], options(rail, trace=False))
    assert untold.refused == "the guardrail intervened: Not here."


def test_any_model_is_checked_before_and_after(aws: LocalBedrock) -> None:
    seen: list[str] = []

    def model(prompts: Any, options: GenerateOptions) -> list[Completion]:
        seen.extend(prompt.messages[-1].content for prompt in prompts)
        return [Completion(prompt.messages[-1].content) for prompt in prompts for _ in range(options.n)]

    rail = options(a_guardrail())
    prompts = [asked("drop it"), asked("salaries"), asked("fine"), asked(" ")]
    after, before, fine, empty = guarding(model)(prompts, rail)
    assert seen == ["drop it", "fine", " "]
    assert (after.text, after.refused) == ("", "the guardrail intervened (word 'drop'): Not that.")
    assert (before.text, before.refused) == ("", STOPPED)
    assert (fine.text, fine.refused, empty.text) == ("fine", None, " ")
    two = GenerateOptions(n=2, temperature=1, guardrail=rail.guardrail)
    assert [answer.text for answer in guarding(model)(prompts[1:3], two)] == ["", "", "fine", "fine"]
    assert guarding(model)(prompts[1:2], GenerateOptions())[0].text == "salaries"


def test_what_a_pattern_masks_is_refused_and_not_repeated(aws: LocalBedrock) -> None:
    regexes = [{"name": "badge", "pattern": r"B-\d{4}", "action": "ANONYMIZE"}]
    rail = a_guardrail(sensitiveInformationPolicyConfig={"regexesConfig": regexes})
    [answer] = load(f"bedrock:{NOVA}")([asked("who has B-1234?")], options(rail))
    assert answer.refused == "the guardrail intervened (pattern 'badge'): who has {badge}?"
    applied = boto("bedrock-runtime").apply_guardrail(
        guardrailIdentifier=rail, guardrailVersion="DRAFT", source="OUTPUT", content=[{"text": {"text": "B-1234"}}]
    )
    assert (applied["action"], applied["outputs"]) == ("GUARDRAIL_INTERVENED", [{"text": "{badge}"}])
    assert applied["usage"]["sensitiveInformationPolicyFreeUnits"] == 1


def test_ask_and_eval_refuse_whatever_answers(aws: LocalBedrock, tmp_path: Path) -> None:
    row = {"id": "a", "question": "How many salaries are there?", "sql": ["SELECT 1"]}
    (tmp_path / "q.jsonl").write_text(json.dumps(row) + "\n")
    recipe = (tmp_path / "recipe.yaml").read_text()
    (tmp_path / "recipe.yaml").write_text(
        recipe.replace("known: false", f"decline: false, guardrail: {{id: {a_guardrail()}}}")
    )
    for model in (f"bedrock:{NOVA}", "gold"):
        found = ok_json("eval", "--model", model, "--data", "q.jsonl", "--out", f"out-{model[:4]}")
        [predictions] = Path(found["run"]).glob("predictions-*.jsonl")
        rows = [json.loads(line) for line in predictions.read_text().splitlines()]
        assert (rows[0]["outcome"], rows[0]["predicted"]) == ("refused", "")
        assert "word 'Salaries'" in rows[0]["reason"]
    reply = run("ask", "How many salaries are there?", "--model", f"bedrock:{NOVA}", "--json", "--run")
    told = json.loads(reply.stdout)
    assert (told["sql"], told["allowed"], told["rows"], reply.exit_code) == (None, False, None, 1)
    assert told["reason"].startswith("the guardrail intervened")


def test_a_guardrail_that_is_not_there_is_told(aws: LocalBedrock) -> None:
    for model in (load(f"bedrock:{NOVA}"), guarding(lambda prompts, options: [])):
        with pytest.raises(BackendError, match="There is no guardrail nosuch"):
            model([asked("how many?")], options("nosuch"))


def test_versions_stay_as_they_were_and_are_deleted(aws: LocalBedrock) -> None:
    bedrock, rail = boto("bedrock"), a_guardrail()
    assert bedrock.create_guardrail_version(guardrailIdentifier=rail)["version"] == "1"
    model = load(f"bedrock:{NOVA}")
    assert model([asked("salaries")], options(rail, version="1"))[0].refused
    bedrock.delete_guardrail(guardrailIdentifier=rail, guardrailVersion="1")
    with pytest.raises(BackendError, match="has no version 1"):
        model([asked("salaries")], options(rail, version="1"))
    bedrock.delete_guardrail(guardrailIdentifier=rail)
    with pytest.raises(BackendError, match="There is no guardrail"):
        model([asked("salaries")], options(rail))


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"wordPolicyConfig": {}}, "at least one policy"),
        ({"topicPolicyConfig": {"topicsConfig": [
            {"name": "pay", "definition": "what people earn", "type": "DENY"}]}}, "not topicPolicyConfig.topicsConfig"),
        ({"sensitiveInformationPolicyConfig": {"regexesConfig": [
            {"name": "r", "pattern": "(", "action": "BLOCK"}]}}, "is no regular expression"),
        ({"wordPolicyConfig": {"wordsConfig": [{"text": "x" * 101}]}}, "101 characters"),
    ],
)  # fmt: skip
def test_the_local_bedrock_takes_no_guardrail_that_it_cannot_keep(
    aws: LocalBedrock, rules: dict[str, Any], said: str
) -> None:
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError, match=said):
        a_guardrail(**rules)


def test_keys_of_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text("generate: {guardrail: {id: abc, version: 3}}\n")
    assert load_recipe("recipe.yaml").recipe.generate.guardrail.version == "3"
    (tmp_path / "recipe.yaml").write_text("generate: {guardrail: {id: a-b, version: latest}}\n")
    with pytest.raises(ConfigError) as told:
        load_recipe("recipe.yaml")
    assert "guardrail.version is latest" in str(told.value)
    assert "guardrail.id is a-b" in str(told.value)


def test_the_cost_of_a_guardrail_is_computed_from_a_price_of_yours(aws: LocalBedrock, tmp_path: Path) -> None:
    asks = ("cost", "--queries-per-month", "1000")
    (tmp_path / "prices.yaml").write_text("guardrail_unit: {usd: 0.00025, date: 2026-11-28, source: mine}\n")
    assert "guardrail" not in ok(*asks).stdout
    recipe = (tmp_path / "recipe.yaml").read_text()
    (tmp_path / "recipe.yaml").write_text(recipe.replace("known: false", "guardrail: {id: abc}"))
    rows = {row["what"]: row["usd"] for row in ok_json(*asks)["rows"]}
    assert rows["guardrail, a month"] is None
    rows = {row["what"]: row["usd"] for row in ok_json(*asks, "--prices", "prices.yaml")["rows"]}
    assert rows["guardrail, a month"] == 0.5
