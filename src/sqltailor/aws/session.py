"""boto3 clients as this package uses them: retries set, requests checked before they are sent, errors in one sentence.

Where a service is, is boto3's own matter: `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_BEDROCK` and the like are honoured.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from sqltailor.aws.validate import check_request
from sqltailor.errors import BackendError, ConfigError, require
from sqltailor.version import __version__

DEFAULT_REGION = "us-east-1"
STRICT = (
    "bedrock",
    "bedrock-runtime",
    "sagemaker",
    "sagemaker-runtime",
    "application-autoscaling",
    "cloudwatch",
    "lambda",
)
"""Services whose requests are checked here: botocore sends a bad name or number, and the service refuses it later."""

SIGN_IN = "Sign in again (aws sso login) or set new keys"
POLICY = "`sqltailor aws policy` prints the permissions to request from an administrator"
REMEDIES: Mapping[str, str] = {
    "ExpiredToken": SIGN_IN,
    "ExpiredTokenException": SIGN_IN,
    "RequestExpired": SIGN_IN,
    "InvalidClientTokenId": SIGN_IN,
    "UnrecognizedClientException": SIGN_IN,
    "InvalidSignatureException": SIGN_IN,
    "SignatureDoesNotMatch": SIGN_IN,
    "AccessDenied": POLICY,
    "AccessDeniedException": POLICY,
    "ThrottlingException": "The account's rate limit is reached. Wait, or lower generate.batch",
    "ServiceUnavailableException": "AWS has no capacity right now. Try again later",
    "ServiceQuotaExceededException": "Free some, or ask for more: console → Service Quotas → Amazon Bedrock",
    "ResourceLimitExceeded": "Ask for more: console → Service Quotas → Amazon SageMaker",
    "TooManyTagsException": "Remove tags from it in the console",
}
"""Error code → what to do about it."""


MISSING = ("ResourceNotFoundException", "ResourceNotFound", "ValidationException")
"""Codes of what is not there: Bedrock's, and SageMaker's."""
DENIED = ("AccessDenied", "AccessDeniedException")
"""Codes of what the caller has no permission for."""


class Identity(NamedTuple):
    """Who asks, and where."""

    account: str
    arn: str
    region: str


def client(
    service: str, region: str, *, attempts: int = 8, read_timeout_s: float = 60, limit_rate: bool = False
) -> Any:
    """Return a boto3 client that tries so many times in all; requests to Bedrock are checked before they are sent.

    The retry mode is set because its default differs between versions of botocore. Connections are kept alive: idle
    ones are dropped after 350 s on the way. `limit_rate`: after a throttling, ask more slowly, for bulk work.
    """
    require("boto3", extra="aws", feature="Amazon Web Services")
    from botocore.config import Config

    config = Config(
        retries={"mode": "adaptive" if limit_rate else "standard", "total_max_attempts": attempts},
        tcp_keepalive=True,
        read_timeout=read_timeout_s,
        max_pool_connections=32,
        user_agent_extra=f"sqltailor/{__version__}",
    )
    with told("set up AWS"):
        made = _session().client(service, region_name=region, config=config)
    if service in STRICT:
        made.meta.events.register_last("before-parameter-build", _refuse_faulty)
    return made


def _refuse_faulty(params: Mapping[str, Any], model: Any, **_: Any) -> None:
    faults = check_request(model.input_shape, params)
    if faults:
        raise ConfigError(f"{model.name} would be refused: {'; '.join(faults)}.")


def default_region() -> str:
    """Return the region that the environment or the profile names, else us-east-1, where Nova is tuned."""
    return _session().region_name or DEFAULT_REGION


@functools.cache
def _session() -> Any:
    """Return one session for all clients: reading the services' models takes longer than anything else here."""
    return require("boto3", extra="aws", feature="Amazon Web Services").session.Session()


def region_of(arn: str) -> str | None:
    """Return the region in an ARN, or None for what is no ARN.

    >>> region_of("arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/abcdefghijkl")
    'us-east-1'
    """
    return arn.split(":")[3] if arn.startswith("arn:") and arn.count(":") >= 5 else None


def identity(region: str) -> Identity:
    """Return the account and the role or user whose credentials are used. Raises `ConfigError` when there are none."""
    with told("say who you are"):
        found = client("sts", region).get_caller_identity()
    return Identity(found["Account"], found["Arn"], region)


def code_of(error: BaseException | None) -> str:
    """Return the code of an error that AWS sent, `ValidationException`; empty for any other error."""
    response: Mapping[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def found_or_none(look: Callable[..., Any], **named: str) -> dict[str, Any] | None:
    """Return what an operation that looks at one thing tells, None where there is no such thing.

    The services say either that it is not there, or that the request is not valid.
    """
    from botocore.exceptions import ClientError

    try:
        found: dict[str, Any] = look(**named)
    except ClientError as e:
        if code_of(e) not in MISSING:
            raise
        return None
    return found


@contextlib.contextmanager
def told(doing: str) -> Iterator[None]:
    """Raise what AWS refuses, or cannot be reached for, as `BackendError`: what was tried, why not, and what to do.

    `doing` is a verb with its object: "create the job 'shop'".
    """
    require("boto3", extra="aws", feature="Amazon Web Services")
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        EndpointConnectionError,
        NoCredentialsError,
        ProfileNotFound,
    )

    try:
        yield
    except ClientError as e:
        code, message = code_of(e), e.response.get("Error", {}).get("Message") or "no reason given"
        # errors in the middle of a stream arrive in lowerCamelCase
        remedy = REMEDIES.get(code[:1].upper() + code[1:])
        raise BackendError(
            f"AWS did not {doing}: {message.rstrip('.')} ({code})." + (f" {remedy}." if remedy else "")
        ) from e
    except (NoCredentialsError, ProfileNotFound) as e:
        alone = "AWS_ENDPOINT_URL" not in os.environ and "AWS_ENDPOINT_URL_BEDROCK" in os.environ
        local = " For a local Bedrock, set every variable that `sqltailor local-bedrock` prints." if alone else ""
        raise ConfigError(
            f"No AWS credentials found ({str(e).rstrip('.')}). Set AWS_PROFILE or the keys in .env, or run "
            f"`aws configure`.{local}"
        ) from e
    except EndpointConnectionError as e:
        local = (
            " Is `sqltailor local-bedrock` running?" if any(n.startswith("AWS_ENDPOINT") for n in os.environ) else ""
        )
        raise BackendError(f"AWS did not {doing}: {str(e).rstrip('.')}.{local}") from e
    except BotoCoreError as e:
        raise BackendError(f"AWS did not {doing}: {str(e).rstrip('.')}.") from e
