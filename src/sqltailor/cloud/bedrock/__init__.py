"""Amazon Bedrock: tune a model by a customization job, deploy it on demand, list and delete what was made there."""

from sqltailor.cloud.bedrock.bedrock_inventory import delete_item, list_items
from sqltailor.cloud.bedrock.job import list_jobs, show_job, stop_job

__all__ = ["delete_item", "list_items", "list_jobs", "show_job", "stop_job"]
