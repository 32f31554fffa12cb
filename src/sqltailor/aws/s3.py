"""Files in S3: uploads whose content is checked on both sides and which overwrite nothing unasked."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from sqltailor.aws.session import code_of, told
from sqltailor.errors import ConfigError

MAX_BYTES = 5 * 1024**3
"""The largest object that one request can put, which is what its checksum is of."""


class Place(NamedTuple):
    """A bucket, and a key or the beginning of keys in it."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def __truediv__(self, name: str) -> Place:
        return Place(self.bucket, f"{self.key.rstrip('/')}/{name}".lstrip("/"))


def place(uri: str) -> Place:
    """Return what a URI names.

    >>> place("s3://shop/sql/") / "train.jsonl"
    Place(bucket='shop', key='sql/train.jsonl')
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return Place(bucket, key)


def upload(s3: Any, file: Path, to: Place, *, account: str, overwrite: bool = False) -> bool:
    """Put a file into the account's bucket; False when it is there already with the same content.

    Both sides compute SHA-256. Raises `ConfigError` when the key holds something else, unless `overwrite`, or when the
    file is too large for one request.
    """
    from botocore.exceptions import ClientError

    if file.stat().st_size > MAX_BYTES:
        raise ConfigError(f"{file} has {file.stat().st_size:,} bytes; at most {MAX_BYTES:,} can be uploaded at once.")
    checksum = _sha256(file)
    request: dict[str, Any] = {"Bucket": to.bucket, "Key": to.key, "ExpectedBucketOwner": account}
    only_new = {} if overwrite else {"IfNoneMatch": "*"}
    with told(f"upload {file} to {to}"):
        try:
            with file.open("rb") as body:
                s3.put_object(**request, **only_new, Body=body, ChecksumAlgorithm="SHA256", ChecksumSHA256=checksum)
            return True
        except ClientError as e:
            if code_of(e) not in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise
        there = s3.head_object(**request, ChecksumMode="ENABLED")
    if there.get("ChecksumSHA256") != checksum:
        raise ConfigError(f"{to} already exists with different content. Pass --overwrite, or another place in S3.")
    return False


def _sha256(file: Path) -> str:
    with file.open("rb") as data:
        return base64.b64encode(hashlib.file_digest(data, "sha256").digest()).decode()


def keys_below(s3: Any, below: Place, *, account: str) -> list[str]:
    """Return the keys that begin with a place's key."""
    with told(f"list {below}"):
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=below.bucket, Prefix=below.key, ExpectedBucketOwner=account
        )
        return [found["Key"] for page in pages for found in page.get("Contents", ())]


def read_bytes(s3: Any, at: Place, *, account: str) -> bytes:
    """Return the content of an object."""
    with told(f"read {at}"):
        content: bytes = s3.get_object(Bucket=at.bucket, Key=at.key, ExpectedBucketOwner=account)["Body"].read()
    return content


def download(s3: Any, at: Place, file: Path, *, account: str) -> None:
    """Write an object into a file, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    with told(f"download {at}"):
        found = s3.get_object(Bucket=at.bucket, Key=at.key, ExpectedBucketOwner=account)
        with partial.open("wb") as out:
            for piece in found["Body"].iter_chunks(1 << 20):
                out.write(piece)
    partial.replace(file)


def read_text(s3: Any, at: Place, *, account: str) -> str:
    """Return the text of an object."""
    return read_bytes(s3, at, account=account).decode("utf-8")


def delete_below(s3: Any, below: Place, *, account: str) -> int:
    """Delete every object whose key begins with a place's key, and return how many there were."""
    keys = keys_below(s3, below, account=account)
    with told(f"delete {below}"):
        for key in keys:
            s3.delete_object(Bucket=below.bucket, Key=key, ExpectedBucketOwner=account)
    return len(keys)
