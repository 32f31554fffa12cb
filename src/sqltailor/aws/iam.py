"""Who may do what on AWS: the bucket and role that tuning on Bedrock needs, and a policy for those who run it.

Least privilege after the Bedrock user guide, "Create an IAM service role for model customization", and the actions that
this package calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqltailor.aws.session import code_of, told
from sqltailor.errors import BackendError

ROLE = "sqltailor-bedrock"
POLICY_NAME = "sqltailor-data"
TAGS: Mapping[str, str] = {"created-by": "sqltailor"}
"""On everything that is created: how `deploy list` finds it again."""
KEEP_DAYS = 90
"""Days after which the bucket drops what was uploaded and what jobs wrote: a run has its own copy."""

Policy = dict[str, Any]


def bucket_name(account: str, region: str) -> str:
    """Return the bucket that is used where the recipe names none."""
    return f"sqltailor-{account}-{region}"


def role_arn(account: str, region: str) -> str:
    """Return the role that is used where the recipe names none."""
    return f"arn:{partition(region)}:iam::{account}:role/{ROLE}"


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


def trust_policy(account: str, region: str) -> Policy:
    """Return who may assume the role: customization jobs of this account."""
    jobs = f"arn:{partition(region)}:bedrock:{region}:{account}:model-customization-job/*"
    condition = {"StringEquals": {"aws:SourceAccount": account}, "ArnEquals": {"aws:SourceArn": jobs}}
    who = {"Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole", "Condition": condition}
    return _policy({"Effect": "Allow", **who})


def data_policy(bucket: str, region: str) -> Policy:
    """Return what the role may do: read and write one bucket."""
    arn = f"arn:{partition(region)}:s3:::{bucket}"
    return _policy(_allow("s3:GetObject s3:PutObject s3:ListBucket", arn, f"{arn}/*"))


def caller_policy(account: str, region: str, bucket: str, role: str) -> Policy:
    """Return what the person or program needs that runs `train`, `deploy`, `eval`, `jobs` and `ask` on Bedrock."""
    base = f"arn:{partition(region)}:bedrock:{region}"
    own = [f"{base}:{account}:{kind}/*" for kind in ("model-customization-job", "custom-model")]
    deployments, models = f"{base}:{account}:custom-model-deployment/*", f"{base}::foundation-model/*"
    s3 = f"arn:{partition(region)}:s3:::{bucket}"
    passed = {"Condition": {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}}
    return _policy(
        _allow(
            "bedrock:CreateModelCustomizationJob bedrock:GetModelCustomizationJob bedrock:StopModelCustomizationJob "
            "bedrock:GetCustomModel bedrock:DeleteCustomModel bedrock:CreateCustomModelDeployment "
            "bedrock:TagResource bedrock:ListTagsForResource",
            *own,
            models,
            deployments,
        ),
        _allow(
            "bedrock:GetCustomModelDeployment bedrock:UpdateCustomModelDeployment bedrock:DeleteCustomModelDeployment",
            deployments,
        ),
        _allow(
            "bedrock:ListModelCustomizationJobs bedrock:ListCustomModels bedrock:ListCustomModelDeployments "
            "bedrock:GetFoundationModel sts:GetCallerIdentity",
            "*",
        ),
        _allow("bedrock:InvokeModel bedrock:InvokeModelWithResponseStream", deployments, models),
        _allow("s3:GetObject s3:PutObject s3:DeleteObject s3:ListBucket", s3, f"{s3}/*"),
        _allow("iam:GetRole", role),
        _allow("iam:PassRole", role, **passed),
    )


def bucket_policy(bucket: str, region: str) -> Policy:
    """Return the bucket's own policy: nothing without TLS."""
    arn = f"arn:{partition(region)}:s3:::{bucket}"
    unsafe = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    everything = {"Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    return _policy({"Effect": "Deny", **everything, **unsafe})


@dataclass(frozen=True, slots=True)
class Setup:
    """The bucket and the role that tuning in one region needs."""

    account: str
    region: str
    bucket: str
    role: str = ROLE

    @property
    def role_arn(self) -> str:
        return f"arn:{partition(self.region)}:iam::{self.account}:role/{self.role}"

    def text(self) -> str:
        """Return what `apply` would make, for people to read."""
        trust, data = trust_policy(self.account, self.region), data_policy(self.bucket, self.region)
        return "\n".join(
            (
                f"account {self.account}, region {self.region}",
                f"bucket {self.bucket}: no public access, encrypted, TLS only, objects dropped after {KEEP_DAYS} days",
                f"role {self.role_arn}, which jobs of Bedrock in this account assume:",
                json.dumps(trust, indent=2),
                f"with the policy {POLICY_NAME}:",
                json.dumps(data, indent=2),
            )
        )


def apply(setup: Setup, *, s3: Any, iam: Any) -> Iterator[str]:
    """Create what is missing of a setup and set what differs; yield a line for each thing that was done.

    Raises `BackendError` for what AWS refuses, such as a bucket that belongs to someone else.
    """
    yield f"bucket {setup.bucket}: {_bucket(setup, s3)}"
    yield f"role {setup.role}: {_role(setup, iam)}"


def _bucket(setup: Setup, s3: Any) -> str:
    from botocore.exceptions import ClientError

    name = setup.bucket
    made = "created"
    with told(f"make the bucket {name}"):
        where = {"CreateBucketConfiguration": {"LocationConstraint": setup.region}}
        try:
            s3.head_bucket(Bucket=name, ExpectedBucketOwner=setup.account)
            made = "was there"
        except ClientError as e:
            if code_of(e) not in ("404", "NoSuchBucket"):
                raise
            s3.create_bucket(Bucket=name, **({} if setup.region == "us-east-1" else where))
        closed = dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        )
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=closed)
        encrypted = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": encrypted})
        drop = {"ID": "sqltailor", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": KEEP_DAYS}}
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [drop]})
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(bucket_policy(name, setup.region)))
        tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    return f"{made}; closed to the public, encrypted, TLS only, {KEEP_DAYS} days"


def _role(setup: Setup, iam: Any) -> str:
    from botocore.exceptions import ClientError

    trust = json.dumps(trust_policy(setup.account, setup.region))
    made = "created"
    with told(f"make the role {setup.role}"):
        try:
            tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
            iam.create_role(RoleName=setup.role, AssumeRolePolicyDocument=trust, Tags=tags)
        except ClientError as e:
            if code_of(e) != "EntityAlreadyExists":
                raise
            made = "was there"
            iam.update_assume_role_policy(RoleName=setup.role, PolicyDocument=trust)
        data = json.dumps(data_policy(setup.bucket, setup.region))
        iam.put_role_policy(RoleName=setup.role, PolicyName=POLICY_NAME, PolicyDocument=data)
    return f"{made}; may read and write {setup.bucket}"


def check_role(iam: Any, arn: str) -> float | None:
    """Return the age of a role in seconds, None where IAM does not let us look.

    Raises `BackendError` when there is no such role, or when Bedrock may not assume it.
    """
    import datetime

    from botocore.exceptions import ClientError

    name = arn.rpartition("/")[2]
    with told(f"look at the role {arn}"):
        try:
            role = iam.get_role(RoleName=name)["Role"]
        except ClientError as e:
            if code_of(e) in ("AccessDenied", "AccessDeniedException"):
                return None
            if code_of(e) != "NoSuchEntity":
                raise
            raise BackendError(
                f"There is no role {arn}. `sqltailor aws setup` prints how to create it; --apply creates it."
            ) from e
    trusted = role.get("AssumeRolePolicyDocument")
    if isinstance(trusted, dict) and "bedrock.amazonaws.com" not in json.dumps(trusted):
        raise BackendError(
            f"Bedrock may not assume the role {arn}: its trust policy does not name bedrock.amazonaws.com. "
            "`sqltailor aws setup` prints a correct one."
        )
    made: datetime.datetime = role["CreateDate"]
    return (datetime.datetime.now(datetime.UTC) - made).total_seconds()
