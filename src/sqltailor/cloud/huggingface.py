"""Deploy a run to a Hugging Face Inference Endpoint: plan it, push the model to the Hub, start the endpoint."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqltailor.cloud.price_book import price_book
from sqltailor.errors import BackendError, ConfigError, require
from sqltailor.export.artifacts import Exported, Upload, export

PAGE = "https://ui.endpoints.huggingface.co"


@dataclass(frozen=True, slots=True)
class Machine:
    """What an endpoint runs on, in the words of Hugging Face's catalogue. It stops when idle for `idle_minutes`."""

    vendor: str = "aws"
    region: str = "us-east-1"
    accelerator: str = "gpu"
    type: str = "nvidia-l4"
    size: str = "x1"
    replicas: int = 1
    idle_minutes: int = 15

    @property
    def usd_per_hour(self) -> float | None:
        """The price of one machine, or None where the price book has none."""
        price = price_book().instances.get(f"hf.{self.vendor}.{self.type}.{self.size}")
        return price.usd if price is not None else None


@dataclass(frozen=True, slots=True)
class EndpointPlan:
    """What deploying would do. `repo` and `name` are derived from the run where they are not given."""

    run: str
    repo: str
    name: str
    private: bool
    machine: Machine

    def text(self) -> str:
        """Return the plan in a few lines."""
        machine, usd = self.machine, self.machine.usd_per_hour
        price = f"${usd:g} an hour each" if usd is not None else f"price unknown here: see {PAGE}"
        return "\n".join(
            (
                f"model:    {self.run}, merged and compared with the run, to {self.repo} on the Hub"
                + (" (private)" if self.private else ""),
                f"endpoint: {self.name}, asked with a token of Hugging Face",
                f"machine:  {machine.accelerator} {machine.type} {machine.size} at {machine.vendor} {machine.region}, "
                f"0 to {machine.replicas} of them, none after {machine.idle_minutes} idle minutes",
                f"cost:     {price}",
            )
        )


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment: the shape of `deploy hub --json`. `url` answers once `status` is running; `page` stops it."""

    run: str
    repo: str
    name: str
    status: str
    url: str | None
    page: str


def plan_endpoint(
    reference: str, *, repo: str | None = None, name: str | None = None, private: bool = True, machine: Machine
) -> EndpointPlan:
    """Return what deploying a run would do. Raises `ConfigError` for a name that Hugging Face refuses."""
    short = re.sub(r"[^a-z0-9]+", "-", reference.rstrip("/").rpartition("/")[2].lower()).strip("-")
    name = name or short[:32].strip("-")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", name):
        raise ConfigError(f"--name '{name}': an endpoint is called by 1 to 32 of a-z, 0-9 and - inside.")
    return EndpointPlan(reference, repo or short, name, private, machine)


def check_price(plan: EndpointPlan, max_usd: float | None) -> None:
    """Raise `ConfigError` when a plan's machines may cost more dollars an hour than `max_usd`, or nobody knows."""
    if max_usd is None:
        return
    each = plan.machine.usd_per_hour
    if each is None:
        raise ConfigError(f"--max-usd {max_usd:g} cannot be kept: the price is not in the price book. See {PAGE}")
    if each * plan.machine.replicas > max_usd:
        raise ConfigError(f"It may cost ${each * plan.machine.replicas:g} an hour, above --max-usd {max_usd:g}.")


def deploy(
    plan: EndpointPlan, *, on_progress: Callable[[str, int, int], None] = lambda model, done, total: None
) -> Deployed | Exported:
    """Push a run's merged model to the Hub and start an endpoint on it; what it costs begins here.

    Returns the export alone when it answers otherwise than the run: then nothing was pushed. Raises `ConfigError`
    without a token, `BackendError` for what Hugging Face refuses.
    """
    made = export(plan.run, "hub", upload=Upload(plan.repo, plan.private), on_progress=on_progress)
    if not made.passed or made.url is None:
        return made
    repo = "/".join(made.url.rstrip("/").split("/")[-2:])
    endpoint = _create(plan, repo)
    return Deployed(
        plan.run,
        repo,
        endpoint.name,
        str(endpoint.status),
        endpoint.url,
        f"{PAGE}/{endpoint.namespace}/{endpoint.name}",
    )


def _create(plan: EndpointPlan, repo: str) -> Any:
    hub = require("huggingface_hub", extra="local", feature="The Hub")
    from huggingface_hub.errors import HfHubHTTPError, HTTPError

    machine = plan.machine
    api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=os.environ.get("HF_TOKEN"))
    try:
        return api.create_inference_endpoint(
            plan.name,
            repository=repo,
            framework="pytorch",
            task="text-generation",
            accelerator=machine.accelerator,
            instance_type=machine.type,
            instance_size=machine.size,
            vendor=machine.vendor,
            region=machine.region,
            min_replica=0,
            max_replica=machine.replicas,
            scale_to_zero_timeout=machine.idle_minutes,
            namespace=repo.partition("/")[0],
        )
    except HfHubHTTPError as e:
        status = getattr(e.response, "status_code", None)
        remedy = {
            400: "the catalogue has no such machine there, or the name is taken: --instance-type, --region, --name",
            401: "HF_TOKEN is not valid there",
            402: "the account has no means of payment",
            403: "HF_TOKEN may not manage Inference Endpoints",
            409: f"an endpoint is called '{plan.name}' already: --name OTHER",
        }.get(status or 0, str(e).strip().splitlines()[0])
        raise BackendError(
            f"Inference Endpoints refused (HTTP {status}): {remedy}. The model is on the Hub as {repo}; nothing runs."
        ) from e
    except (HTTPError, OSError) as e:
        raise BackendError(
            f"Inference Endpoints cannot be reached: {e}. The model is on the Hub as {repo}; look at {PAGE} before "
            "giving the command again."
        ) from e
