"""Amazon Bedrock: tune a model by a customization job, deploy it on demand, list and delete what was made there."""

from sqltailor.cloud.bedrock.bedrock_plan import BedrockPlan
from sqltailor.cloud.bedrock.deployments import deploy, newest_tuned, plan_deployment
from sqltailor.cloud.bedrock.inventory import delete, listed
from sqltailor.cloud.bedrock.job_list import attach, jobs, show, stop
from sqltailor.cloud.bedrock.recorded_parity import deploy_checked
from sqltailor.cloud.bedrock.training import plan, train

__all__ = [
    "BedrockPlan",
    "attach",
    "delete",
    "deploy",
    "deploy_checked",
    "jobs",
    "listed",
    "newest_tuned",
    "plan",
    "plan_deployment",
    "show",
    "stop",
    "train",
]
