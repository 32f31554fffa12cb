"""The bucket and the role that tuning on AWS needs: made once by `aws setup`, checked before every job."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqltailor.aws.policies import (
    KEEP_DAYS,
    POLICY_NAME,
    ROLES,
    TAGS,
    Policy,
    Service,
    bucket_policy,
    data_policy,
    partition,
    trust_policy,
)
from sqltailor.aws.session import DENIED, code_of, told
from sqltailor.errors import BackendError


@dataclass(frozen=True, slots=True)
class Setup:
    """The bucket and the role that tuning in one region needs."""

    account: str
    region: str
    bucket: str
    role: str = ROLES["bedrock"]
    service: Service = "bedrock"

    @property
    def role_arn(self) -> str:
        return f"arn:{partition(self.region)}:iam::{self.account}:role/{self.role}"

    @property
    def trust(self) -> Policy:
        return trust_policy(self.account, self.region, self.service)

    @property
    def data(self) -> Policy:
        return data_policy(self.bucket, self.region, self.service, self.account)

    def text(self) -> str:
        """Return what `apply` would make, for people to read."""
        return "\n".join(
            (
                f"account {self.account}, region {self.region}",
                f"bucket {self.bucket}: no public access, encrypted, TLS only, objects dropped after {KEEP_DAYS} days",
                f"role {self.role_arn}, which jobs of {self.service} in this account assume:",
                json.dumps(self.trust, indent=2),
                f"with the policy {POLICY_NAME}:",
                json.dumps(self.data, indent=2),
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

    trust = json.dumps(setup.trust)
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
        data = json.dumps(setup.data)
        iam.put_role_policy(RoleName=setup.role, PolicyName=POLICY_NAME, PolicyDocument=data)
    return f"{made}; may read and write {setup.bucket}"


def check_role(iam: Any, arn: str, service: Service = "bedrock") -> float | None:
    """Return the age of a role in seconds, None where IAM does not let us look.

    Raises `BackendError` when there is no such role, or when the service may not assume it.
    """
    from botocore.exceptions import ClientError

    name = arn.rpartition("/")[2]
    with told(f"look at the role {arn}"):
        try:
            role = iam.get_role(RoleName=name)["Role"]
        except ClientError as e:
            if code_of(e) in DENIED:
                return None
            if code_of(e) != "NoSuchEntity":
                raise
            raise BackendError(
                f"There is no role {arn}. `sqltailor aws setup` prints how to create it; --apply creates it."
            ) from e
    trusted = role.get("AssumeRolePolicyDocument")
    if isinstance(trusted, dict) and f"{service}.amazonaws.com" not in json.dumps(trusted):
        raise BackendError(
            f"{service} may not assume the role {arn}: its trust policy does not name {service}.amazonaws.com. "
            "`sqltailor aws setup` prints a correct one."
        )
    made: datetime.datetime = role["CreateDate"]
    return (datetime.datetime.now(datetime.UTC) - made).total_seconds()
