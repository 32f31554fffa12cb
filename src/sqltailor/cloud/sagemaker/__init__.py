"""Amazon SageMaker: training jobs, with AWS's own recipe for Nova, and what was made there."""

from sqltailor.cloud.sagemaker.sagemaker_inventory import delete_item, list_items
from sqltailor.cloud.sagemaker.training_jobs import list_jobs, show_job, stop_job

__all__ = ["delete_item", "list_items", "list_jobs", "show_job", "stop_job"]
