"""A base model on Bedrock as a function of prompts that asks all of them by one batch inference job, at half the price.

The folder of a job, `batch-HASH` beside the evaluations, holds `job.json`, `input.jsonl` and, once it is done,
`output.jsonl`. Whoever asks the same, or a part of it, goes on with that job, or reads what it answered.
"""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqltailor.aws.s3 import Place, keys_below, place, read_text, upload
from sqltailor.aws.session import client
from sqltailor.cloud.bedrock.batch_plan import BatchPlan, Records, as_file, batch_model_id, plan_batch, records_of
from sqltailor.cloud.bedrock.invocation_jobs import get_batch, status_of_batch, submit_batch
from sqltailor.cloud.cloud_training import create_patiently
from sqltailor.cloud.job_record import OnStatus, wait
from sqltailor.cloud.run_names import tags
from sqltailor.errors import BackendError, ConfigError
from sqltailor.generate.bedrock import BedrockModel
from sqltailor.recipe import Recipe
from sqltailor.runs import Run, lock, read_json, read_jsonl, write_json_atomic, write_text_atomic
from sqltailor.types import Completion, GenerateOptions, Prompt
from sqltailor.wire.converse import completion

logger = logging.getLogger(__name__)

INPUT, OUTPUT = "input.jsonl", "output.jsonl"
ANSWERED = ("Completed", "PartiallyCompleted", "Expired")
"""How a job ends whose answers count."""
MOST_LEFT = 0.1
"""Share of the questions that may be asked once more, at the full price."""


class BatchModel:
    """Asks by a job. `confirm` is shown the plan and raises to end here; `watch` shows the job while it runs.

    What the job does not answer is asked once more by Converse.
    """

    def __init__(
        self,
        reference: str,
        recipe: Recipe,
        *,
        confirm: Callable[[BatchPlan], None],
        watch: Callable[[], AbstractContextManager[OnStatus]],
    ) -> None:
        self.model = batch_model_id(reference)
        self._recipe, self._confirm, self._watch = recipe, confirm, watch
        self._home = Path(recipe.train.out) / "evaluations"

    def __call__(self, prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        """Return one completion a prompt. Raises `ConfigError` for options that ask a prompt several times."""
        if options.n > 1:
            raise ConfigError("A batch inference job answers each question once: leave out votes and repairs.")
        asked = records_of(self.model, prompts, options)
        answered = self._answers(dict(asked), options)
        left = [at for at, (name, _) in enumerate(asked) if name not in answered]
        if left:
            logger.warning("the job did not answer %s of %s questions: they are asked now", len(left), len(asked))
            region = self._recipe.train.bedrock.region
            anew = BedrockModel(self.model, region=region)([prompts[at] for at in left], options)
            answered |= {asked[at][0]: answer for at, answer in zip(left, anew, strict=True)}
        return [answered[name] for name, _ in asked]

    def _answers(self, records: Records, options: GenerateOptions) -> dict[str, Completion]:
        run = self._folder(records)
        planned = None
        if not _has_job(run):
            planned = plan_batch(self._recipe, self.model, records, options.max_tokens)
            self._confirm(planned)
        run.path.mkdir(parents=True, exist_ok=True)
        with lock(run.path):
            if planned is not None:
                self._begin(run, planned, records)
            if not (run.path / OUTPUT).exists():
                self._finish(run)
        return dict(_read(run.path / OUTPUT))

    def _folder(self, records: Records) -> Run:
        """Return the folder of the job that asks these records, maybe among others; else that of a new one."""
        for path in sorted(self._home.glob(f"batch-*/{INPUT}")):
            if set(records) <= {row["recordId"] for row in read_jsonl(path)}:
                return Run(path.parent)
        return Run(self._home / f"batch-{hashlib.sha256(' '.join(sorted(records)).encode()).hexdigest()[:12]}")

    def _begin(self, run: Run, planned: BatchPlan, records: Records) -> None:
        """Upload the records and create the job; each step, done before, is found to be done."""
        known = _record(run, planned)
        write_text_atomic(run.path / INPUT, as_file(records))
        to = planned.place.s3 / "evaluations" / known["name"]
        upload(client("s3", known["region"]), run.path / INPUT, to / INPUT, account=known["account"])
        wanted = batch_request(known, planned.place.role, str(to / INPUT), str(to / "out/"))
        _remember(run, out=str(to / "out/"))
        bedrock = client("bedrock", known["region"])
        create_patiently(lambda: _remember(run, arn=submit_batch(bedrock, wanted)), planned.role_age_s)

    def _finish(self, run: Run) -> None:
        """Wait for the job and fetch what it wrote. Raises `BackendError` where it answered nothing."""
        known = read_json(run.job)
        bedrock, s3 = client("bedrock", known["region"]), client("s3", known["region"])
        with self._watch() as on_status:
            found = wait(lambda: get_batch(bedrock, known["arn"]), status_of_batch, on_status)
        below = place(known["out"]) / f"{known['arn'].rpartition('/')[2]}/"
        keys = [key for key in keys_below(s3, below, account=known["account"]) if key.endswith(".jsonl.out")]
        lines = "".join(read_text(s3, Place(below.bucket, key), account=known["account"]) for key in keys)
        rows = [json.loads(line) for line in lines.splitlines()]
        count, asked = sum("modelOutput" in row for row in rows), len(list(read_jsonl(run.path / INPUT)))
        if found["status"] not in ANSWERED or asked - count > MOST_LEFT * asked:
            _remember(run, status=found["status"])
            first = next((row["error"].get("errorMessage") for row in rows if "error" in row), "it says no more")
            raise BackendError(
                f"The job {known['name']} ended as {found['status']} with {count:,} of {asked:,} answers: "
                f"{found.get('message') or first}. The same command begins another."
            )
        write_text_atomic(run.path / OUTPUT, lines)


def batch_request(known: Mapping[str, Any], role: str, read: str, write: str) -> dict[str, Any]:
    """Return the parameters of `create_model_invocation_job`."""
    return {
        "jobName": known["name"],
        "roleArn": role,
        "clientRequestToken": known["token"],
        "modelId": known["model"],
        "modelInvocationType": "Converse",
        "inputDataConfig": {"s3InputDataConfig": {"s3InputFormat": "JSONL", "s3Uri": read}},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": write}},
        "tags": tags(known["name"]),
    }


def _has_job(run: Run) -> bool:
    """Say whether there is a job that answers, or has: one that ended without does not count."""
    known = read_json(run.job) if run.job.is_file() else {}
    return "arn" in known and "status" not in known


def _record(run: Run, planned: BatchPlan) -> dict[str, Any]:
    """Return what is known of the job; before it is asked for, a token is written by which it is found again."""
    known = read_json(run.job) if run.job.is_file() else {}
    if not known or "status" in known:
        token = uuid.uuid4().hex
        about = {"model": planned.model, "region": planned.place.region, "account": planned.place.account}
        write_json_atomic(run.job, {"name": f"{run.name}-{token[:8]}", "token": token, **about})
    found: dict[str, Any] = read_json(run.job)
    return found


def _remember(run: Run, **facts: Any) -> None:
    write_json_atomic(run.job, read_json(run.job) | facts)


def _read(path: Path) -> Iterator[tuple[str, Completion]]:
    for row in read_jsonl(path):
        if "modelOutput" in row:
            yield row["recordId"], completion(row["modelOutput"], total_ms=None)
