"""The keys of `train:`, common ones first, then those of each method and of each backend."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_serializer, field_validator

from sqltailor.recipe.fields import Float, Int, Positive, Section, Texts, key, section
from sqltailor.types import MAX_TOKENS

Method = Literal["sft", "pretrain", "dpo", "grpo"]
Backend = Literal["local", "bedrock", "sagemaker"]


class Lora(Section):
    """A low-rank adapter on the base model (Hu et al. 2021)."""

    enabled: bool = key(True, "Train a LoRA adapter; `false` trains all weights.")
    r: Int = key(16, "Rank of the adapter: higher learns more and takes more memory.", ge=1, le=1024)
    alpha: Float = key(32, "Scale of the adapter; its output is multiplied by alpha / r.", gt=0)
    dropout: Float = key(0.0, "Share of the adapter's inputs that is dropped at each step.", ge=0, lt=1)
    target_modules: Literal["all-linear"] | Texts = key(
        "all-linear", "Layers that get an adapter: `all-linear`, or a list of module names such as `[q_proj, v_proj]`."
    )
    layers: Positive | None = key(
        None,
        "How many of the upper layers get an adapter; not set: all. Those below cost no backward pass.",
        unit="layers",
    )
    embeddings: bool = key(
        False, "Also train the token embeddings, whole: for a small base that has never seen the schema's short names."
    )
    dora: bool = key(False, "Weight-decomposed LoRA: a little better at low rank, slower.")
    rslora: bool = key(False, "Scale by alpha / sqrt(r): steadier at high rank.")


class Dpo(Section):
    """Keys of method `dpo`: learning from pairs of a better and a worse answer."""

    beta: Float = key(0.1, "How closely the model stays to where it began: higher is closer.", gt=0)
    sft_weight: Float = key(
        0.2, "Weight of the ordinary loss on the better answer, added to the preference loss.", ge=0
    )


class Grpo(Section):
    """Keys of method `grpo`: learning from whether the answer, executed, is right."""

    generations: Int = key(
        8, "Answers drawn for each question; `train.batch` is a multiple of it, but counts questions on Bedrock.", ge=2
    )
    max_tokens: Int = key(MAX_TOKENS, "Longest answer drawn.", unit="tokens", ge=1)
    temperature: Float = key(1.0, "How varied the drawn answers are.", gt=0)
    beta: Float = key(0.0, "Weight of the divergence from the model it began with.", ge=0)


class Local(Section):
    """Keys of the backend `local`: this machine's CPU or GPU."""

    device: Literal["auto", "cpu", "cuda"] = key("auto", "Where to train; `auto` takes a GPU when there is one.")
    dtype: Literal["auto", "bf16", "fp16", "fp32"] = key("auto", "Precision of the arithmetic; `auto` asks the device.")
    quantization: Literal["none", "nf4", "int8"] = key(
        "none",
        "Hold the frozen base model in 4-bit NF4 (with double quantisation) or 8-bit: QLoRA. Needs the extra `gpu`.",
    )
    micro_batch: Literal["auto"] | Positive = key(
        "auto",
        "Examples in one forward pass. The gradient is accumulated up to `train.batch`, a multiple of it.",
        unit="examples",
    )
    gradient_checkpointing: Literal["auto"] | bool = key(
        "auto", "Recompute activations instead of storing them: less memory, about a third slower."
    )
    attention: Literal["auto", "flash_attention_2", "sdpa", "eager"] = key(
        "auto", "Attention kernel; `auto` is FlashAttention-2 where it is installed and the GPU has it, else sdpa."
    )
    optimizer: Literal[
        "adamw_torch_fused", "adamw_torch", "adamw_8bit", "paged_adamw_8bit", "paged_adamw_32bit", "adafactor"
    ] = key("adamw_torch_fused", "Optimizer, by the name that transformers gives it.")
    packing: Literal["none", "bfd"] = key(
        "none", "`bfd` puts several short examples into one row of `train.max_length`, without mixing them."
    )
    prefix_steps: Literal["auto"] | Int = key(
        "auto",
        "Steps for which a schema that all examples of a batch begin with is read once, without gradient; 0: with"
        " gradient, in every step: slower. `auto` is 4 for adapters of larger models in bf16 on a CPU, else 0.",
        unit="steps",
    )
    threads: Positive | None = key(None, "CPU threads; not set: torch's default.", unit="threads")
    save_minutes: Float = key(
        2,
        "Time between checkpoints, longer where writing one takes over 5 % of it. Each epoch ends with one, too.",
        unit="minutes",
        gt=0,
    )
    save_steps: Positive | None = key(None, "Steps between checkpoints, in place of `save_minutes`.", unit="steps")
    keep_checkpoints: Int = key(2, "Newest checkpoints that are kept.", unit="checkpoints", ge=1)
    evaluate_steps: Positive | None = key(
        None,
        "Steps between measurements of the validation loss; not set: at the end of each epoch.",
        unit="steps",
    )
    early_stop_patience: Positive | None = key(
        None, "Stop after this many measurements of the validation loss without improvement.", unit="measurements"
    )
    watch: Texts = key(
        (),
        "Questions that the model answers again at intervals while its adapter is trained: shown, and written to"
        " `answers.jsonl` in the run.",
    )
    track: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = key((), "Also report the metrics to these trackers.")
    compile: bool = key(False, "Compile the model with torch: slower start, faster steps on a GPU.")


class AwsTraining(Section):
    """What the backends on AWS share."""

    region: str = key("us-east-1", "AWS region of the job.")
    role: str | None = key(
        None,
        "ARN of the IAM role that the job assumes; not set: the one that `sqltailor aws setup` makes.",
        pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$",
    )
    s3: str | None = key(
        None,
        "Where the data and the results of the job go; not set: the bucket that `sqltailor aws setup` makes.",
        pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[-!_*'().a-z0-9A-Z]+)*/?$",
    )
    skip_bad: bool = key(
        False,
        "Skip and count examples that the service would reject; otherwise they are listed and nothing starts.",
    )


class BedrockTraining(AwsTraining):
    """Keys of the backend `bedrock`: a model customization job."""

    continue_from: str | None = key(
        None,
        "ARN of a custom model of this base, to tune that further; `train --from RUN` sets it.",
        pattern=r"^arn:aws[a-z-]*:bedrock:[a-z0-9-]+:\d{12}:custom-model/.+$",
    )
    grader: str | None = key(
        None,
        "With `grpo`: ARN of the Lambda function that rewards answers; `sqltailor aws grader` writes its package.",
        pattern=r"^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_.-]+(:[A-Za-z0-9_$-]+)?$",
    )
    reasoning_effort: Literal["low", "medium", "high"] | None = key(
        None, "With `grpo`: how long the model reasons before each answer; not set: Bedrock's own choice."
    )


Share = Annotated[Float, Field(ge=0, le=1)]


class NovaRecipe(Section):
    """Fields of SageMaker's recipe for Amazon Nova that have no common key. Its LoRA rank is fixed."""

    hidden_dropout: Float = key(0.0, "Share of the hidden states that is dropped.", ge=0, le=1)
    attention_dropout: Float = key(0.0, "Share of the attention weights that is dropped.", ge=0, le=1)
    ffn_dropout: Float = key(0.0, "Share of the feed-forward layers' outputs that is dropped.", ge=0, le=1)
    betas: tuple[Share, Share] = key((0.9, 0.999), "Decay of AdamW's two moments.")
    eps: Float = key(1e-6, "AdamW's term against division by zero.", gt=0, le=1)
    constant_steps: Int = key(0, "Steps after the warm-up at the highest learning rate.", unit="steps", ge=0)
    min_lr: Float = key(1e-6, "Learning rate at the end; at most `train.learning_rate`.", ge=0, le=1)
    loraplus_lr_ratio: Float = key(
        16.0, "LoRA+: how much faster the adapter's second matrix learns than its first.", ge=0, le=100
    )
    recipe_overrides: dict[str, Any] = key(
        None,
        "Any other fields of SageMaker's recipe, nested as there: `{run: {mlflow_tracking_uri: ARN}}`.",
        default_factory=dict,
    )


class SageMakerTraining(AwsTraining):
    """Keys of the backend `sagemaker`: a training job on instances that are paid by the second."""

    instance_type: str = key("ml.g5.2xlarge", "Kind of machine.", pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")
    instance_count: Int = key(1, "Machines.", unit="machines", ge=1)
    volume_gb: Int = key(100, "Disk of each machine.", unit="GB", ge=1, le=16_384)
    spot: bool = key(False, "Use spare capacity: cheaper, and it may be interrupted; the job then resumes.")
    max_runtime_s: Int = key(86_400, "The job is stopped after this time.", unit="s", ge=60, le=28 * 86_400)
    max_wait_s: Positive | None = key(
        None, "With `spot`: the longest time in all, with waiting; not set: twice `max_runtime_s`.", unit="s"
    )
    image: str | None = key(None, "Training image; not set: AWS's own for the base model and the region.")
    pass_hf_token: bool = key(
        False, "Give the job HF_TOKEN, for a gated base; whoever may describe the job can read it."
    )
    serverless: bool = key(
        False, "SageMaker's own trainer, for the small open models that it tunes without machines to choose."
    )
    accept_eula: bool = key(False, "With `serverless`: the licence of the base model is read and accepted.")
    nova: NovaRecipe = section(NovaRecipe, "Fields of SageMaker's recipe for Amazon Nova.")


class Train(Section):
    """How the base model is tuned: the keys that all backends share, then those of one method or one backend."""

    backend: Backend = key("local", "Who trains: this machine, Amazon Bedrock or Amazon SageMaker.")
    method: Method = key(
        "sft",
        "`sft` learns the gold SQL of examples, `pretrain` reads `data.documents`, `dpo` learns from pairs of answers,"
        " `grpo` from executed answers.",
    )
    epochs: Float = key(3, "Passes over the training data.", unit="epochs", gt=0, le=1000)
    max_steps: Positive | None = key(
        None, "Stop after this many optimizer steps, regardless of `epochs`.", unit="steps"
    )
    learning_rate: Float = key(2e-4, "Highest learning rate.", gt=0, le=1)
    schedule: Literal["constant", "linear", "cosine"] = key(
        "constant", "Course of the learning rate after the warm-up."
    )
    warmup_steps: Int = key(0, "Steps over which the learning rate rises from 0.", unit="steps", ge=0)
    batch: Int = key(8, "Examples for one optimizer step, over all devices and accumulation.", unit="examples", ge=1)
    max_length: Int = key(
        1024,
        "Longest prompt with its completion. Longer examples are dropped and counted, never cut.",
        unit="tokens",
        ge=16,
    )
    weight_decay: Float = key(0.0, "Weight decay of AdamW.", ge=0, le=1)
    max_grad_norm: Float = key(1.0, "The gradient is scaled down to this norm; 0 leaves it as it is.", ge=0)
    seed: Int = key(0, "Seed of the order of the data, of dropout and of new weights.", ge=0, lt=2**32)
    resume: str = key(
        "auto",
        "`auto` continues an unfinished run with equal recipe and data, `never` starts over, a path continues that"
        " run or checkpoint.",
    )
    name: str | None = key(
        None,
        "Name of the run folder; not set: the recipe's name, date and time.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
    )
    out: str = key("runs", "Folder in which run folders are made.")
    turns: Literal["last", "all"] = key("last", "Learn the last answer of a conversation only, or every answer in it.")
    lora: Lora = section(Lora, "The adapter that is trained.")
    stages: tuple[Train, ...] = key(
        (), "Partial `train` sections that run one after the other, each from the result of the one before."
    )
    sweep: dict[str, tuple[Any, ...]] = key(
        None,
        "Key below `train` → values to try, as in `{learning_rate: [1e-4, 2e-4]}`; every combination is a run.",
        default_factory=dict,
    )
    dpo: Dpo = section(Dpo, "Keys of method `dpo`.")
    grpo: Grpo = section(Grpo, "Keys of method `grpo`.")
    local: Local = section(Local, "Keys of the backend `local`.")
    bedrock: BedrockTraining = section(BedrockTraining, "Keys of the backend `bedrock`.")
    sagemaker: SageMakerTraining = section(SageMakerTraining, "Keys of the backend `sagemaker`.")

    @property
    def aws(self) -> AwsTraining:
        """The section of the service that trains, or would: `sagemaker`, else `bedrock`."""
        return self.sagemaker if self.backend == "sagemaker" else self.bedrock

    @property
    def aws_service(self) -> Literal["bedrock", "sagemaker"]:
        return "sagemaker" if self.backend == "sagemaker" else "bedrock"

    @field_validator("stages")
    @classmethod
    def _stages_are_flat(cls, stages: tuple[Train, ...]) -> tuple[Train, ...]:
        for stage in stages:
            if nested := {"stages", "sweep", "name", "out", "backend"} & stage.model_fields_set:
                raise ValueError(f"a stage cannot set {', '.join(sorted(nested))}")
        return stages

    @field_serializer("stages")
    def _only_what_stages_set(self, stages: tuple[Train, ...]) -> list[dict[str, Any]]:
        return [stage.model_dump(mode="json", exclude_unset=True) for stage in stages]
