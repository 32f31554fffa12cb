"""What there is on SageMaker: endpoints with their components, configurations and models, and jobs that run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqltailor.aws.session import client, told
from sqltailor.cloud.inventory import Item, Kind, remove
from sqltailor.cloud.price_book import price_book
from sqltailor.cloud.run_names import RUN_TAG
from sqltailor.cloud.sagemaker.to_zero import stop_scaling
from sqltailor.cloud.sagemaker.training_jobs import tags_of


class Serving(NamedTuple):
    """How one kind of thing that serves is called in the operations of SageMaker."""

    kind: Kind
    word: str
    """As in `ListEndpoints`."""
    listed: str
    python: str


ENDPOINT = Serving("endpoint", "Endpoint", "Endpoints", "endpoint")
CONFIG = Serving("endpoint config", "EndpointConfig", "EndpointConfigs", "endpoint_config")
MODEL = Serving("endpoint model", "Model", "Models", "model")
COMPONENT = Serving("endpoint component", "InferenceComponent", "InferenceComponents", "inference_component")


def list_items(region: str) -> list[Item]:
    """Return what this package created and what still exists."""
    sagemaker = client("sagemaker", region)
    with told("list what there is on SageMaker"):
        models = list(_models(sagemaker))
        arns = {item.name: item.arn for item in models}
        configs = list(_configs(sagemaker, arns))
        return [*_components(sagemaker, arns), *_endpoints(sagemaker), *configs, *models, *_jobs(sagemaker)]


def _ours(sagemaker: Any, serving: Serving) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield what is listed of one kind and is ours, with its run."""
    pages = sagemaker.get_paginator(f"list_{serving.python}s").paginate()
    for found in (found for page in pages for found in page[serving.listed]):
        run = tags_of(sagemaker, found[f"{serving.word}Arn"]).get(RUN_TAG)
        if run is not None:
            yield found, run


def _item(
    serving: Serving, found: dict[str, Any], run: str, status: str, usd: float | None, basis: str, uses: str | None
) -> Item:
    since = found["CreationTime"].isoformat(timespec="seconds")
    name, arn = found[f"{serving.word}Name"], found[f"{serving.word}Arn"]
    return Item(serving.kind, name, run, status, since, arn, usd, basis, uses)


def _models(sagemaker: Any) -> Iterator[Item]:
    for found, run in _ours(sagemaker, MODEL):
        yield _item(MODEL, found, run, "there", 0.0, "no fee", None)


def _configs(sagemaker: Any, models: dict[str, str]) -> Iterator[Item]:
    for found, run in _ours(sagemaker, CONFIG):
        variant = _variant(sagemaker, found["EndpointConfigName"])
        yield _item(CONFIG, found, run, "there", 0.0, "no fee", models.get(variant.get("ModelName", "")))


def _components(sagemaker: Any, models: dict[str, str]) -> Iterator[Item]:
    for found, run in _ours(sagemaker, COMPONENT):
        name = found["InferenceComponentName"]
        now = sagemaker.describe_inference_component(InferenceComponentName=name)
        copies = now["RuntimeConfig"]["CurrentCopyCount"]
        basis = f"{copies} copies; the endpoint's machines are paid"
        status, model = found["InferenceComponentStatus"], now["Specification"]["ModelName"]
        yield _item(COMPONENT, found, run, status, 0.0, basis, models.get(model))


def _variant(sagemaker: Any, config: str) -> dict[str, Any]:
    variants: list[dict[str, Any]] = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    return variants[0]


def _endpoints(sagemaker: Any) -> Iterator[Item]:
    for found, run in _ours(sagemaker, ENDPOINT):
        now = sagemaker.describe_endpoint(EndpointName=found["EndpointName"])
        variant = _variant(sagemaker, now["EndpointConfigName"])
        count, kind = variant["InitialInstanceCount"], variant["InstanceType"]
        scales = "ManagedInstanceScaling" in variant
        if scales:
            count = now["ProductionVariants"][0].get("CurrentInstanceCount", count)
        price = price_book().instances.get(kind)
        usd = None if price is None or price.usd is None else price.usd * count
        idle = "none after 5 idle minutes" if scales else "also idle"
        config = found["EndpointArn"].replace(":endpoint/", ":endpoint-config/")
        uses = config.rpartition("/")[0] + "/" + now["EndpointConfigName"].lower()
        yield _item(ENDPOINT, found, run, now["EndpointStatus"], usd, f"{count} × {kind}, {idle}", uses)


def _jobs(sagemaker: Any) -> Iterator[Item]:
    pages = sagemaker.get_paginator("list_training_jobs").paginate(StatusEquals="InProgress")
    for job in (job for page in pages for job in page["TrainingJobSummaries"]):
        run = tags_of(sagemaker, job["TrainingJobArn"]).get(RUN_TAG)
        if run is not None:
            since = job["CreationTime"].isoformat(timespec="seconds")
            name, arn, status = job["TrainingJobName"], job["TrainingJobArn"], job["TrainingJobStatus"]
            yield Item("job", name, run, status, since, arn, 0.0, "paid by the second until it ends")


def delete_item(region: str, item: Item) -> None:
    """Delete a component, an endpoint, a configuration or a model, and return when it is gone."""
    sagemaker = client("sagemaker", region)
    serving = next(serving for serving in (COMPONENT, ENDPOINT, CONFIG, MODEL) if serving.kind == item.kind)
    if serving is COMPONENT:
        stop_scaling(region, item.name)
    delete, look = (getattr(sagemaker, f"{verb}_{serving.python}") for verb in ("delete", "describe"))
    params = {f"{serving.word}Name": item.name}
    # SageMaker has one code for both
    remove(
        lambda: delete(**params),
        lambda: look(**params),
        item,
        is_gone=lambda e: "Could not find" in str(e),
        is_busy=lambda e: "in-progress" in str(e),
    )
