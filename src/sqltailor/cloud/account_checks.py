"""What every job on AWS needs of the account, looked up before anything is uploaded: who asks, the bucket, the role."""

from __future__ import annotations

from dataclasses import dataclass

from sqltailor.aws.iam import check_role
from sqltailor.aws.session import client, code_of, identity, told
from sqltailor.cloud.run_names import Where, where
from sqltailor.errors import BackendError, ConfigError
from sqltailor.recipe import Train


@dataclass(frozen=True, slots=True)
class Account:
    """Where a job would run, and as whom. `role_age_s` is None where IAM does not let us look."""

    where: Where
    role_age_s: float | None
    notes: tuple[str, ...]


def look_at_account(train: Train) -> Account:
    """Ask AWS for the account's bucket and role that a recipe uses. Nothing is created. Raises `BackendError`."""
    place = where(train, identity(train.aws.region))
    _check_bucket(place)
    age = check_role(client("iam", place.region), place.role, train.aws_service)
    notes = () if age is not None else (f"could not check the role {place.role}: iam:GetRole is not allowed",)
    return Account(place, age, notes)


def _check_bucket(place: Where) -> None:
    from botocore.exceptions import ClientError

    bucket = place.s3.bucket
    with told(f"look at the bucket {bucket}"):
        try:
            found = client("s3", place.region).head_bucket(Bucket=bucket, ExpectedBucketOwner=place.account)
        except ClientError as e:
            if code_of(e) not in ("404", "NoSuchBucket"):
                raise
            raise BackendError(
                f"There is no bucket {bucket}. `sqltailor aws setup --apply` creates it and the role."
            ) from e
    there = found.get("BucketRegion", place.region)
    if there != place.region:
        raise ConfigError(
            f"The bucket {bucket} is in {there}; the job runs in {place.region} and needs a bucket there."
        )
