"""Model reference → `Generate`: a function from prompts to completions, the same for every kind of model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

from sqltailor.aws.bedrock_models import tunable
from sqltailor.errors import ConfigError
from sqltailor.generate.engines import EngineName, llama_file
from sqltailor.runs import Run
from sqltailor.types import Example, Generate

KINDS = {
    "small": "a named base: `sqltailor bases` lists them",
    "runs/NAME": "what a training run made; tuned on AWS: its deployment",
    "hf:ID_OR_PATH": "a transformers model, from the Hub or a folder; `+ADAPTER` puts an adapter on it",
    "FILE.gguf": "a model in llama.cpp's format",
    "gguf:FILE": "the same, answered by llama.cpp whatever `generate.engine` says",
    "bedrock:ID_OR_ARN": "a model on Amazon Bedrock: its id, or the ARN of a deployment or an imported model",
    "sagemaker:ENDPOINT": "a model behind an endpoint of Amazon SageMaker; `#COMPONENT` names its inference component",
    "openai:URL#MODEL": "a model behind an OpenAI-style API, such as openai:http://127.0.0.1:8080/v1#qwen",
    "gold": "the gold SQL of the examples",
    "echo:FILE": "answers from a file",
}
"""Forms of a model reference, each with its meaning. A plain path or Hub id is read as `hf:`."""

PREFIXES = {
    "echo": "canned:echo",
    "openai": "openai_chat:OpenAIChat",
    "bedrock": "deployed:open_on_bedrock",
    "sagemaker": "sagemaker:SageMakerModel",
}
"""What stands before the first colon → the function, of a module here, that opens what stands behind it."""


def load(
    reference: str, *, examples: Iterable[Example] | None = None, batch: int = 16, engine: EngineName = "torch"
) -> Generate:
    """Return the function that a model reference names.

    `examples` are what `gold` answers from; `batch` is how many prompts a local model reads at a time; `engine` is
    what local models are answered by. Raises
    `ConfigError` for a reference without meaning, `BackendError` when what it names cannot be opened.
    """
    if reference == "gold":
        from sqltailor.generate.canned import gold

        if examples is None:
            raise ConfigError("Model 'gold' answers from examples: give it some (--data FILE).")
        return gold(examples)
    kind, colon, rest = reference.partition(":")
    if rest and kind in PREFIXES:
        module, _, function = PREFIXES[kind].partition(":")
        opened: Generate = getattr(import_module(f"sqltailor.generate.{module}"), function)(rest)
        return opened
    if (known := tunable(reference)) is not None:
        from sqltailor.generate.bedrock import BedrockModel

        return BedrockModel(known.inference_id)
    run = Run(Path(reference))
    if run.deployment.is_file() or (run.job.is_file() and not run.has_weights):
        from sqltailor.generate.deployed import open_deployed

        return open_deployed(run)
    file = llama_file(reference, engine)
    if file is not None:
        from sqltailor.generate.llama_cpp import LlamaCppModel

        return LlamaCppModel(file)
    if not reference.strip() or (colon and kind != "hf" and not Path(reference).exists()) or (colon and not rest):
        forms = ", ".join(KINDS)
        raise ConfigError(f"Unknown model reference '{reference}'. Forms: {forms}.")
    from sqltailor.generate.local import LocalModel
    from sqltailor.generate.open_model import open_model

    return LocalModel(open_model(reference, to_ask=True), batch=batch)


def token_counter(generate: Generate) -> Callable[[str], int] | None:
    """Return what counts tokens as the model does, or None where its tokenizer is not here."""
    return getattr(generate, "count_tokens", None)


def context_of(generate: Generate) -> int | None:
    """Return how many tokens a model reads, with its answer; None where that is not known here."""
    return getattr(generate, "limit", None)


__all__ = ["KINDS", "context_of", "load", "token_counter"]
