"""What there is on SageMaker: jobs that have not ended."""

from __future__ import annotations

from sqltailor.aws.session import client, told
from sqltailor.cloud.inventory import Item
from sqltailor.cloud.run_names import RUN_TAG
from sqltailor.cloud.sagemaker.training_jobs import tags_of


def list_items(region: str) -> list[Item]:
    """Return what this package created and what still exists."""
    sagemaker = client("sagemaker", region)
    found: list[Item] = []
    with told("list what there is on SageMaker"):
        pages = sagemaker.get_paginator("list_training_jobs").paginate(StatusEquals="InProgress")
        for job in (job for page in pages for job in page["TrainingJobSummaries"]):
            run = tags_of(sagemaker, job["TrainingJobArn"]).get(RUN_TAG)
            if run is not None:
                since = job["CreationTime"].isoformat(timespec="seconds")
                name, arn, status = job["TrainingJobName"], job["TrainingJobArn"], job["TrainingJobStatus"]
                found.append(Item("job", name, run, status, since, arn, 0.0, "paid by the second until it ends"))
    return found


def delete_item(region: str, item: Item) -> None:
    """Delete what serves, or was served."""
    raise NotImplementedError(item.kind)
