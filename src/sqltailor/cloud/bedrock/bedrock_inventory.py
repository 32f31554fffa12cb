"""What there is on Bedrock: deployments, units, custom and imported models, and jobs that have not ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from sqltailor.aws.session import client, code_of, told
from sqltailor.cloud.cost import HOURS_PER_MONTH, units_cost
from sqltailor.cloud.inventory import Item, Kind, remove
from sqltailor.cloud.job_record import ENDED
from sqltailor.cloud.price_book import price_book
from sqltailor.cloud.run_names import RUN_TAG, tags_of
from sqltailor.errors import BackendError


def list_items(region: str) -> list[Item]:
    """Return what this package created and what still exists."""
    bedrock = client("bedrock", region)
    month = price_book().storage_month.usd
    storage = None if month is None else round(month / HOURS_PER_MONTH, 6)
    found: list[Item] = []
    with told("list what there is"):
        for d in _pages(bedrock, "list_custom_model_deployments", "modelDeploymentSummaries"):
            name, arn = d["customModelDeploymentName"], d["customModelDeploymentArn"]
            free = "on demand: paid by the token"
            found += _item(bedrock, "deployment", name, d["status"], d["createdAt"], arn, 0.0, free, d["modelArn"])
        for m in _pages(bedrock, "list_custom_models", "modelSummaries", isOwned=True):
            kept = "storage: not known" if month is None else f"storage: ${month:g} a month"
            status = m.get("modelStatus", "Active")
            found += _item(bedrock, "model", m["modelName"], status, m["creationTime"], m["modelArn"], storage, kept)
        for j in _pages(bedrock, "list_model_customization_jobs", "modelCustomizationJobSummaries"):
            if j["status"] not in ENDED:
                once = "paid once, by tokens"
                found += _item(bedrock, "job", j["jobName"], j["status"], j["creationTime"], j["jobArn"], 0.0, once)
        found += _imports(bedrock)
        found += _units(bedrock)
    return found


def _units(bedrock: Any) -> Iterator[Item]:
    for found in _pages(bedrock, "list_provisioned_model_throughputs", "provisionedModelSummaries"):
        base = found["foundationModelArn"].rpartition("/")[2]
        committed = found.get("commitmentDuration")
        row = units_cost(price_book().model(base), units=found["modelUnits"], committed=bool(committed))
        hours = (datetime.now(UTC) - found["creationTime"]).total_seconds() / 3600
        so_far = "" if row.usd is None else f"; about ${row.usd * hours:,.2f} since then"
        basis = f"{found['modelUnits']} units, also idle{f', committed: {committed}' if committed else ''}{so_far}"
        name, arn, made = found["provisionedModelName"], found["provisionedModelArn"], found["creationTime"]
        yield from _item(
            bedrock, "provisioned", name, found["status"], made, arn, row.usd, basis, found["desiredModelArn"]
        )


def _imports(bedrock: Any) -> Iterator[Item]:
    book = price_book()
    for job in _pages(bedrock, "list_model_import_jobs", "modelImportJobSummaries", statusEquals="InProgress"):
        yield from _item(
            bedrock, "import", job["jobName"], job["status"], job["creationTime"], job["jobArn"], 0.0, "no fee"
        )
    for model in _pages(bedrock, "list_imported_models", "modelSummaries"):
        arn = model["modelArn"]
        units = bedrock.get_imported_model(modelIdentifier=arn).get("customModelUnits", {})
        each = units.get("customModelUnitsPerModelCopy") or 1
        month, minute = book.import_storage_month.usd, book.import_unit_minute.usd
        usd = None if month is None else round(each * month / HOURS_PER_MONTH, 6)
        asked = "not known" if minute is None else f"${each * minute * 60:.2f} an hour while it is asked"
        basis = f"storage, {each} units; {asked}"
        yield from _item(
            bedrock, "imported model", model["modelName"], "Active", model["creationTime"], arn, usd, basis
        )


def _pages(bedrock: Any, operation: str, key: str, **params: Any) -> Iterator[Any]:
    for page in bedrock.get_paginator(operation).paginate(**params):
        yield from page[key]


def _item(
    bedrock: Any,
    kind: Kind,
    name: str,
    status: str,
    made: datetime,
    arn: str,
    usd: float | None,
    basis: str,
    model_arn: str | None = None,
) -> list[Item]:
    run = tags_of(bedrock, arn).get(RUN_TAG)
    since = made.isoformat(timespec="seconds")
    return [] if run is None else [Item(kind, name, run, status, since, arn, usd, basis, model_arn)]


def _check_commitment(look: Callable[..., Any], item: Item) -> None:
    with told(f"look at the Provisioned Throughput {item.name}"):
        found = look(provisionedModelId=item.arn)
    if found.get("commitmentDuration"):
        ends = found.get("commitmentExpirationTime")
        when = f" until {ends:%Y-%m-%d}" if ends else ""
        raise BackendError(f"The Provisioned Throughput {item.name} is committed{when}: AWS does not delete it before.")


def delete_item(region: str, item: Item) -> None:
    """Delete a deployment, an imported model or a custom model."""
    bedrock = client("bedrock", region)
    if item.kind == "deployment":
        delete, look = bedrock.delete_custom_model_deployment, bedrock.get_custom_model_deployment
        params = {"customModelDeploymentIdentifier": item.arn}
    elif item.kind == "provisioned":
        delete, look = bedrock.delete_provisioned_model_throughput, bedrock.get_provisioned_model_throughput
        params = {"provisionedModelId": item.arn}
        _check_commitment(look, item)
    elif item.kind == "imported model":
        delete, look = bedrock.delete_imported_model, bedrock.get_imported_model
        params = {"modelIdentifier": item.arn}
    else:
        delete, look = bedrock.delete_custom_model, bedrock.get_custom_model
        params = {"modelIdentifier": item.arn}
    remove(
        lambda: delete(**params),
        lambda: look(**params),
        item,
        is_gone=lambda e: code_of(e) == "ResourceNotFoundException",
        is_busy=lambda e: code_of(e) == "ConflictException",
    )
