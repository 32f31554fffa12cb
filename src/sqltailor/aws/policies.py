"""Who may do what on AWS, as policy documents: the roles that jobs assume, and the people who run them.

Least privilege after the Bedrock user guide, "Create an IAM service role for model customization", the SageMaker
guide, "SageMaker AI execution roles", and the actions that this package calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

Service = Literal["bedrock", "sagemaker"]
ROLES: Mapping[Service, str] = {"bedrock": "sqltailor-bedrock", "sagemaker": "sqltailor-sagemaker"}
"""The role that each service's jobs assume where the recipe names none."""
POLICY_NAME = "sqltailor-data"
GRADERS = "sqltailor-"
"""What the name of a function must begin with that the role of Bedrock may call."""
TAGS: Mapping[str, str] = {"created-by": "sqltailor"}
"""On everything that is created: how `deploy list` finds it again."""
KEEP_DAYS = 90
"""Days after which the bucket drops what was uploaded and what jobs wrote: a run has its own copy."""

Policy = dict[str, Any]


def bucket_name(account: str, region: str) -> str:
    """Return the bucket that is used where the recipe names none."""
    return f"sqltailor-{account}-{region}"


def role_arn(account: str, region: str, service: Service) -> str:
    """Return the role that is used where the recipe names none."""
    return f"arn:{partition(region)}:iam::{account}:role/{ROLES[service]}"


def partition(region: str) -> str:
    """Return the part of AWS that a region belongs to, as ARNs write it.

    >>> partition("us-east-1"), partition("cn-north-1"), partition("us-gov-west-1")
    ('aws', 'aws-cn', 'aws-us-gov')
    """
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _policy(*statements: Mapping[str, Any]) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(actions: str, *resources: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions.split(), "Resource": list(resources), **more}


def trust_policy(account: str, region: str, service: Service = "bedrock") -> Policy:
    """Return who may assume the role: jobs of this account.

    That of SageMaker is also Bedrock's when it takes over a model that SageMaker tuned.
    """
    here = {"StringEquals": {"aws:SourceAccount": account}}
    if service == "sagemaker":
        services = [f"{name}.amazonaws.com" for name in ("sagemaker", "bedrock")]
        return _policy(_trust(services, here))
    kinds = ("model-customization-job", "model-import-job", "model-invocation-job")
    jobs = [f"arn:{partition(region)}:bedrock:{region}:{account}:{kind}/*" for kind in kinds]
    return _policy(_trust("bedrock.amazonaws.com", here | {"ArnLike": {"aws:SourceArn": jobs}}))


def _trust(services: str | list[str], condition: Mapping[str, Any]) -> dict[str, Any]:
    who = {"Principal": {"Service": services}, "Action": "sts:AssumeRole", "Condition": condition}
    return {"Effect": "Allow", **who}


def data_policy(bucket: str, region: str, service: Service = "bedrock", account: str = "*") -> Policy:
    """Return what the role may do: read and write one bucket; on SageMaker also pull images, log and measure."""
    arn = f"arn:{partition(region)}:s3:::{bucket}"
    own = _allow("s3:GetObject s3:PutObject s3:ListBucket", arn, f"{arn}/*")
    if service == "bedrock":
        return _policy(own, _allow("lambda:InvokeFunction", _graders(account, region)))
    # where SageMaker keeps the weights of a tuned Nova; Bedrock reads them from there
    escrow = f"arn:{partition(region)}:s3:::customer-escrow-{account}-*"
    images = f"arn:{partition(region)}:ecr:{region}:*:repository/*"
    logs = f"arn:{partition(region)}:logs:{region}:{account}:log-group:/aws/sagemaker/*"
    return _policy(
        own,
        _allow("s3:AbortMultipartUpload", f"{arn}/*"),
        _allow("s3:GetObject s3:PutObject s3:ListBucket", escrow, f"{escrow}/*"),
        _allow("ecr:BatchGetImage ecr:GetDownloadUrlForLayer ecr:BatchCheckLayerAvailability", images),
        _allow("ecr:GetAuthorizationToken cloudwatch:PutMetricData", "*"),
        _allow("logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents logs:DescribeLogStreams", logs),
    )


def _graders(account: str, region: str) -> str:
    return f"arn:{partition(region)}:lambda:{region}:{account}:function:{GRADERS}*"


def caller_policy(account: str, region: str, bucket: str, role: str, *, provisioned: bool = False) -> Policy:
    """Return what the person or program needs that runs `train`, `deploy`, `eval`, `jobs` and `ask` on AWS.

    `provisioned`: also to buy Provisioned Throughput.
    """
    buying = "bedrock:CreateProvisionedModelThroughput bedrock:UpdateProvisionedModelThroughput"
    own = f"arn:{partition(region)}:bedrock:{region}:{account}"
    s3 = f"arn:{partition(region)}:s3:::{bucket}"
    services = [f"{service}.amazonaws.com" for service in ("bedrock", "sagemaker")]
    passed = {"Condition": {"StringEquals": {"iam:PassedToService": services}}}
    kinds = ("model-customization-job", "custom-model", "provisioned-model")
    return _policy(
        *_of_bedrock(account, region),
        # buying is a permission of its own: units are billed by the hour until they are deleted
        *([_allow(buying, *(f"{own}:{kind}/*" for kind in kinds))] if provisioned else []),
        *_of_sagemaker(account, region),
        _allow("lambda:GetFunctionConfiguration lambda:InvokeFunction", _graders(account, region)),
        _allow("s3:GetObject s3:PutObject s3:DeleteObject s3:ListBucket", s3, f"{s3}/*"),
        _allow("sts:GetCallerIdentity", "*"),
        _allow("iam:GetRole", role),
        _allow("iam:PassRole", role, **passed),
    )


def _of_bedrock(account: str, region: str) -> Iterator[dict[str, Any]]:
    """Yield what tuning, serving and asking on Bedrock needs."""
    bedrock = f"arn:{partition(region)}:bedrock:{region}"
    models = f"{bedrock}::foundation-model/*"
    jobs, own, deployments, units, imports, imported, batches, guardrails = (
        f"{bedrock}:{account}:{kind}/*"
        for kind in (
            *("model-customization-job", "custom-model", "custom-model-deployment", "provisioned-model"),
            *("model-import-job", "imported-model", "model-invocation-job", "guardrail"),
        )
    )
    tagged = "bedrock:TagResource bedrock:ListTagsForResource"
    yield _allow(
        "bedrock:CreateModelCustomizationJob bedrock:GetModelCustomizationJob bedrock:StopModelCustomizationJob "
        "bedrock:CreateCustomModel bedrock:GetCustomModel bedrock:DeleteCustomModel "
        f"bedrock:CreateCustomModelDeployment {tagged}",
        *(jobs, own, models, deployments),
    )
    yield _allow(
        "bedrock:GetCustomModelDeployment bedrock:UpdateCustomModelDeployment bedrock:DeleteCustomModelDeployment",
        deployments,
    )
    yield _allow(f"bedrock:GetProvisionedModelThroughput bedrock:DeleteProvisionedModelThroughput {tagged}", units)
    yield _allow(
        "bedrock:CreateModelImportJob bedrock:GetModelImportJob bedrock:GetImportedModel "
        f"bedrock:DeleteImportedModel {tagged}",
        *(imports, imported),
    )
    yield _allow(
        "bedrock:ListModelCustomizationJobs bedrock:ListCustomModels bedrock:ListCustomModelDeployments "
        "bedrock:ListModelInvocationJobs bedrock:ListModelImportJobs bedrock:ListImportedModels "
        "bedrock:ListProvisionedModelThroughputs bedrock:GetFoundationModel",
        "*",
    )
    asked = (deployments, units, imported, models)
    yield _allow("bedrock:InvokeModel bedrock:InvokeModelWithResponseStream", *asked)
    yield _allow(
        f"bedrock:CreateModelInvocationJob bedrock:GetModelInvocationJob bedrock:StopModelInvocationJob {tagged}",
        *(batches, models),
    )
    yield _allow("bedrock:ApplyGuardrail", guardrails)


def _of_sagemaker(account: str, region: str) -> Iterator[dict[str, Any]]:
    """Yield what tuning, and endpoints that may scale to zero, need on SageMaker."""
    own = f"arn:{partition(region)}:sagemaker:{region}:{account}"
    yield _allow(
        "sagemaker:ListTrainingJobs sagemaker:ListEndpoints sagemaker:ListEndpointConfigs sagemaker:ListModels "
        "sagemaker:ListInferenceComponents",
        "*",
    )
    yield _allow(
        "sagemaker:CreateTrainingJob sagemaker:DescribeTrainingJob sagemaker:StopTrainingJob sagemaker:AddTags "
        "sagemaker:ListTags sagemaker:CreateModelPackageGroup sagemaker:DescribeModelPackageGroup",
        *(f"{own}:training-job/*", f"{own}:model-package-group/*"),
    )
    yield _allow(
        "sagemaker:CreateModel sagemaker:DescribeModel sagemaker:DeleteModel sagemaker:CreateEndpointConfig "
        "sagemaker:DescribeEndpointConfig sagemaker:DeleteEndpointConfig sagemaker:CreateEndpoint "
        "sagemaker:DescribeEndpoint sagemaker:UpdateEndpoint sagemaker:DeleteEndpoint sagemaker:InvokeEndpoint "
        "sagemaker:CreateInferenceComponent sagemaker:DescribeInferenceComponent "
        "sagemaker:DeleteInferenceComponent sagemaker:AddTags sagemaker:ListTags",
        *(f"{own}:{kind}/*" for kind in ("model", "endpoint-config", "endpoint", "inference-component")),
    )
    yield _allow(
        "application-autoscaling:RegisterScalableTarget application-autoscaling:DeregisterScalableTarget "
        "application-autoscaling:PutScalingPolicy",
        f"arn:{partition(region)}:application-autoscaling:{region}:{account}:scalable-target/*",
    )
    yield _allow(
        "cloudwatch:PutMetricAlarm cloudwatch:DeleteAlarms cloudwatch:TagResource",
        f"arn:{partition(region)}:cloudwatch:{region}:{account}:alarm:sqltailor-*",
    )
    # the role by which scaling acts, made on first use
    role = "aws-service-role/sagemaker.application-autoscaling.amazonaws.com"
    yield _allow("iam:CreateServiceLinkedRole", f"arn:{partition(region)}:iam::{account}:role/{role}/*")


def bucket_policy(bucket: str, region: str) -> Policy:
    """Return the bucket's own policy: nothing without TLS."""
    arn = f"arn:{partition(region)}:s3:::{bucket}"
    unsafe = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    everything = {"Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    return _policy({"Effect": "Deny", **everything, **unsafe})
