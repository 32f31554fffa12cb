"""`sqltailor aws`: the bucket, the role and the rights that tuning on AWS needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sqltailor.cli.output import DatabaseUrl, Json, Recipe, note, print_json

if TYPE_CHECKING:
    from sqltailor.aws.policies import Service
    from sqltailor.cloud.run_names import Where

group = typer.Typer(
    help="Prepare an AWS account: bucket, role, permissions.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


EXAMPLE = "111122223333"
"""The account of examples in AWS's documentation."""


@group.callback()
def _root() -> None:
    """Prepare an AWS account: bucket, role, permissions."""


@group.command()
def policy(
    account: Annotated[
        str | None,
        typer.Option("--account", metavar="ID", help="Default: that of your credentials, else 111122223333."),
    ] = None,
    provisioned: Annotated[
        bool, typer.Option("--provisioned", help="Also to buy Provisioned Throughput, billed by the hour.")
    ] = False,
    recipe: Recipe = None,
) -> None:
    """Print the permissions that train, deploy, eval and ask need.

    An IAM policy in JSON, for an administrator to attach to the user or role that runs these commands; it covers the
    recipe's region, bucket and role.

    Example: sqltailor aws policy --account 111122223333
    """
    from sqltailor.aws.policies import caller_policy
    from sqltailor.errors import SQLTailorError

    try:
        place, _ = _where(recipe, account)
    except SQLTailorError as e:
        if account:
            raise
        note(f"{e} So the policy names the example account {EXAMPLE}; --account sets yours.")
        place, _ = _where(recipe, EXAMPLE)
    print_json(caller_policy(place.account, place.region, place.s3.bucket, place.role, provisioned=provisioned))


@group.command()
def setup(
    apply: Annotated[bool, typer.Option("--apply", help="Create what is missing and update what differs.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    recipe: Recipe = None,
) -> None:
    """Print the bucket and role that jobs need; --apply creates them.

    For the recipe's region, bucket and role. Account and region are shown before anything is created.

    Example: sqltailor aws setup --apply
    """
    from sqltailor.aws import iam
    from sqltailor.aws.iam import Setup
    from sqltailor.aws.session import client
    from sqltailor.cli.confirming import confirm

    place, service = _where(recipe, None)
    planned = Setup(place.account, place.region, place.s3.bucket, place.role.rpartition("/")[2], service)
    if not apply:
        print(planned.text())
        note("nothing was created; pass --apply to create it")
        return
    note(planned.text())
    confirm("Create them?", yes, reason="This changes an AWS account")
    for done in iam.apply(planned, s3=client("s3", planned.region), iam=client("iam", planned.region)):
        print(done)


@group.command()
def grader(
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="Package to write.")] = "grader.zip",
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Write a Lambda package that rewards answers by running them.

    For reinforcement fine-tuning on Bedrock: its grader runs each answer on a copy of the database, which the package
    holds, and rewards it as training by grpo here does. The database must be a SQLite file.

    Example: sqltailor aws grader --database sqlite:///shop.db --out grader.zip
    """
    from pathlib import Path

    from sqltailor.cli.defaults import project_for
    from sqltailor.cloud.bedrock.grader_package import HANDLER, build_grader

    with project_for(recipe, database) as project:
        built = build_grader(project, Path(out))
    if json:
        print_json({**built._asdict(), "path": str(built.path), "handler": HANDLER})
        return
    print(f"{built.path}: {built.size_bytes:,} bytes, with a copy of the database")
    if built.needs_s3:
        note("it is too large to upload at once: put it into S3, and give --code S3Bucket=…,S3Key=… below")
    note(
        f"next:\n  aws lambda create-function --function-name sqltailor-grader --runtime {built.runtime} "
        f"--architectures {built.architecture} --handler {HANDLER} --timeout 900 --memory-size 1024 "
        f"--role ROLE --zip-file fileb://{built.path}\n"
        "  sqltailor train nova-2-lite-reinforced train.bedrock.grader=ARN"
    )


def _where(recipe: str | None, account: str | None) -> tuple[Where, Service]:
    """Return what the recipe names, in the account that is given or else that of the credentials, and its service."""
    from sqltailor.aws.session import Identity, identity
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.cloud.run_names import where

    found = recipe_for(recipe, None)
    region = found.train.aws.region
    return where(found.train, Identity(account, "", region) if account else identity(region)), found.train.aws_service
