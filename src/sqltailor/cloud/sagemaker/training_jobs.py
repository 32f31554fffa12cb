"""Training jobs of SageMaker: created once, looked at, listed, stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqltailor.aws.session import client, found_or_none, told
from sqltailor.cloud.cost import CostRow, instance_cost
from sqltailor.cloud.job_record import Found, Listed, Status, remember
from sqltailor.cloud.price_book import price_book
from sqltailor.cloud.run_names import RUN_TAG, TOKEN_TAG
from sqltailor.errors import ConfigError
from sqltailor.recipe import Recipe
from sqltailor.runs import Run

PHASES = {
    "Starting": "starting",
    "Pending": "waiting for machines",
    "LaunchingMLInstances": "waiting for machines",
    "PreparingTrainingStack": "preparing machines",
    "DownloadingTrainingImage": "loading the image",
    "Downloading": "loading data",
    "Training": "training",
    "Uploading": "storing the model",
    "Interrupted": "interrupted, waiting for spare capacity",
    "Restarting": "restarting",
}
"""Secondary status → what the job does."""
ENDINGS = {
    "MaxRuntimeExceeded": "it took longer than train.sagemaker.max_runtime_s",
    "MaxWaitTimeExceeded": "it waited longer than train.sagemaker.max_wait_s for spare capacity",
}
NEWEST = 100
"""How many of the account's jobs are looked through for ours."""


def submit(sagemaker: Any, run: Run, request: Mapping[str, Any], token: str) -> None:
    """Create the job, or find the one that an earlier try created, and remember its ARN."""
    name = request["TrainingJobName"]
    with told(f"create the job {name}"):
        found = found_or_none(sagemaker.describe_training_job, TrainingJobName=name)
        if found is None:
            found = sagemaker.create_training_job(**request)
        elif tags_of(sagemaker, found["TrainingJobArn"]).get(TOKEN_TAG) != token:
            raise ConfigError(f"Another job is called {name}. Rename this run: train.name=OTHER")
    remember(run, arn=str(found["TrainingJobArn"]))


def tags_of(sagemaker: Any, arn: str) -> dict[str, str]:
    """Return the tags of a resource of SageMaker."""
    return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def get(sagemaker: Any, name: str) -> Found:
    """Return what SageMaker tells of a job: by its name or its ARN."""
    with told(f"look at the job {name}"):
        found: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name.rpartition("/")[2])
    return found


def status_of(found: Found) -> Status:
    """Return the status that a response of `describe_training_job` tells, with the metrics that were last printed."""
    secondary = found["SecondaryStatus"]
    phase = str(PHASES.get(secondary, secondary))
    metrics = found.get("FinalMetricDataList") or ()
    if secondary == "Training" and metrics:
        phase += "".join(f", {one['MetricName']} {one['Value']:.4g}" for one in metrics)
    failure = found.get("FailureReason") or ENDINGS.get(secondary)
    return Status(found["TrainingJobStatus"], phase, found["CreationTime"], failure, found.get("TrainingEndTime"))


def costs(recipe: Recipe) -> CostRow:
    """Return the most that a job can cost: it is stopped after `max_runtime_s`."""
    settings = recipe.train.sagemaker
    kind, count = settings.instance_type, settings.instance_count
    if kind not in price_book().instances:
        return CostRow("training, at most", None, f"no price for {kind} in the price book", "price book", None)
    hours = settings.max_runtime_s / 3600
    return instance_cost("training, at most", kind, hours=hours, count=count)


def billed(found: Found) -> dict[str, Any]:
    """Return what a finished job took: the seconds that are paid, of all its machines together."""
    count = (found.get("ResourceConfig") or {}).get("InstanceCount", 1)
    seconds = found.get("BillableTimeInSeconds")
    return {} if seconds is None else {"billable_seconds": seconds * count}


def list_jobs(region: str) -> Iterator[Listed]:
    """Yield the jobs in a region that this package created, newest first, of the newest that the account has."""
    sagemaker = client("sagemaker", region)
    with told("list the jobs of SageMaker"):
        found = sagemaker.list_training_jobs(SortBy="CreationTime", SortOrder="Descending", MaxResults=NEWEST)
        for job in found["TrainingJobSummaries"]:
            run = tags_of(sagemaker, job["TrainingJobArn"]).get(RUN_TAG)
            if run is not None:
                made = job["CreationTime"].isoformat(timespec="seconds")
                yield Listed(job["TrainingJobName"], run, job["TrainingJobStatus"], made, job["TrainingJobArn"])


def show_job(region: str, job: str) -> Found:
    """Return what SageMaker tells of a job: by its name or its ARN."""
    return get(client("sagemaker", region), job)


def stop_job(region: str, job: str) -> None:
    """Stop a job."""
    with told(f"stop the job {job}"):
        client("sagemaker", region).stop_training_job(TrainingJobName=job.rpartition("/")[2])
