"""One port for all of AWS that tuning needs: Bedrock, SageMaker, Lambda here, S3, IAM, STS, CloudWatch by moto."""

from __future__ import annotations

import logging
import re
import tempfile
import threading
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqltailor.aws.iam import Setup, apply
from sqltailor.aws.policies import ROLES, bucket_name
from sqltailor.errors import ConfigError, SQLTailorError, require, unknown
from sqltailor.generate.bases import BASES
from sqltailor.local_bedrock.batch_jobs import BatchJobs
from sqltailor.local_bedrock.customization_jobs import Jobs
from sqltailor.local_bedrock.faults import EVERY
from sqltailor.local_bedrock.guardrails import guarded
from sqltailor.local_bedrock.imports import Imports
from sqltailor.local_bedrock.inference_components import SCALING, Components
from sqltailor.local_bedrock.lambda_functions import Functions, find_function, invoke
from sqltailor.local_bedrock.models import HANDLERS
from sqltailor.local_bedrock.nova_image import NOVA_IMAGE, NovaImage
from sqltailor.local_bedrock.protocol import AwsError, error, parse, parse_target, to_json
from sqltailor.local_bedrock.resources import BatchJob, Job, TrainingJob
from sqltailor.local_bedrock.runtime import OpenAnswers, Runtime, open_answers, open_chat
from sqltailor.local_bedrock.sagemaker_endpoints import Endpoints
from sqltailor.local_bedrock.sagemaker_jobs import SERVERLESS_JOBS, TrainingJobs, Work
from sqltailor.local_bedrock.script_image import SCRIPT_IMAGE, ScriptImage
from sqltailor.local_bedrock.serverless_image import ServerlessImage
from sqltailor.local_bedrock.state import ACCOUNT, Handler, State
from sqltailor.local_bedrock.tags import SAGEMAKER_TAGS
from sqltailor.local_bedrock.tuning import Tune, tune_with
from sqltailor.local_bedrock.wsgi import (
    REGION,
    Start,
    body_of,
    frames,
    make_server,
    open_moto,
    send,
    send_fault_in_xml,
    signed_for,
    whole,
)
from sqltailor.wire.eventstream import CONTENT_TYPE, payload_part

logger = logging.getLogger(__name__)

ENDS_S = 5.0
"""How long a job that was told to stop may take."""
FAULTS = "/_local/faults"
"""POST a JSON object of `Fault` here to inject one; DELETE forgets those that are left."""


class LocalBedrock:
    """The server; `start` it, or use it as a context manager. `tune` and `open_answers` stand for the local base.

    with LocalBedrock(base="nano", speed=100) as local:
        os.environ.update(local.environment())
    """

    def __init__(
        self,
        *,
        base: str = "small",
        port: int = 0,
        speed: float = 20.0,
        tune: Tune | None = None,
        open_answers: OpenAnswers = open_answers,
        open_chat: OpenAnswers = open_chat,
    ) -> None:
        if base not in BASES:
            raise ConfigError(unknown("base", base, BASES))
        for package in ("boto3", "moto", "flask_cors"):
            require(package, extra="local-bedrock", feature="A local Bedrock")
        self._folder = tempfile.TemporaryDirectory(prefix="local-bedrock-")
        self.state = State(Path(self._folder.name), speed)
        self._moto = open_moto()
        self._server = make_server(self, port)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        s3, iam, cloudwatch = self._clients()
        self._s3, self._iam = s3, iam
        tune = tune or tune_with(base)
        self.images: dict[str, Work] = {NOVA_IMAGE: NovaImage(tune, s3), SCRIPT_IMAGE: ScriptImage(s3, base)}
        self.images[SERVERLESS_JOBS] = ServerlessImage(tune, s3)
        self._endpoints = Endpoints(s3, iam, open_chat, Components(cloudwatch))
        self._imports = Imports(s3, iam, open_chat)
        self._runtime = Runtime(base, open_answers)
        self._handlers: Mapping[str, Handler] = {
            **HANDLERS,
            **self._imports.handlers(),
            **BatchJobs(self._runtime, s3, iam).handlers(),
            **Functions(s3, iam).handlers(),
            **Jobs(tune, s3, iam).handlers(),
        }
        self._sagemaker: Mapping[str, Handler] = {
            **SAGEMAKER_TAGS,
            **self._endpoints.handlers(),
            **TrainingJobs(self.images, s3, iam).handlers(),
        }

    def start(self) -> None:
        """Serve in a thread, with the bucket and the role that a recipe without them uses."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.reset()

    def reset(self) -> None:
        """Forget everything, also in S3 and IAM, and make the bucket and the role again."""
        self.forget()
        # moto holds its state in this process, for all servers
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST"), timeout=60).close()
        for service, role in ROLES.items():
            setup = Setup(ACCOUNT, REGION, bucket_name(ACCOUNT, REGION), role, service)
            for done in apply(setup, s3=self._s3, iam=self._iam):
                logger.info("%s", done)

    def close(self) -> None:
        """Stop serving, end what is being trained, and forget everything."""
        self.forget()
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    def forget(self) -> None:
        """End what is being trained, and forget Bedrock's jobs, models, deployments and faults."""
        state = self.state
        jobs: list[Job | TrainingJob | BatchJob]
        jobs = [*state.jobs.values(), *state.training_jobs.values(), *state.batches.values()]
        for job in jobs:
            job.stop.set()
        for job in jobs:
            if job.thread is not None:
                job.thread.join(timeout=ENDS_S)
        self.state = State(self.state.home, self.state.speed)

    def __enter__(self) -> LocalBedrock:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def environment(self) -> dict[str, str]:
        """Return the variables by which boto3 and the AWS command line find this server; any keys do."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def _clients(self) -> list[Any]:
        """Return this server's own clients of S3, IAM and CloudWatch."""
        import boto3

        session = boto3.session.Session("local", "local", region_name=REGION)
        return [session.client(service, endpoint_url=self.url) for service in ("s3", "iam", "cloudwatch")]

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        service, region = signed_for(environ.get("HTTP_AUTHORIZATION", ""))
        path, _, query = environ.get("RAW_URI", environ["PATH_INFO"]).partition("?")
        if path == FAULTS:
            self.state.faults.tell(environ["REQUEST_METHOD"], body_of(environ))
            return send(start, 200, b"{}")
        if service == "s3" and environ["REQUEST_METHOD"] == "PUT" and query == "policy":
            return send(start, 204, b"")  # "only with TLS", which this server has not: moto would refuse everything
        if service == "sagemaker":
            invoked = re.fullmatch(r"/endpoints/([^/]+)/invocations(-response-stream)?", path)
            if invoked is not None:
                return self._invoke(invoked[1], environ, start)
            return self._ask_by_target("sagemaker", self._sagemaker, environ, region, start)
        if service == "application-autoscaling":
            return self._ask_by_target(service, SCALING, environ, region, start)
        if service not in ("bedrock", "lambda"):
            fault = self.state.faults.take(service)
            return send_fault_in_xml(fault, start) if fault else self._moto(environ, start)
        body = body_of(environ)
        try:
            return self._bedrock(environ["REQUEST_METHOD"], path, query, body, region, start)
        except AwsError as e:
            return send(start, e.status, to_json({"message": e.message}), [("x-amzn-ErrorType", e.code)])
        except SQLTailorError as e:  # what the local model cannot be asked, such as a prompt longer than its context
            said = to_json({"message": str(e)})
            return send(start, 400, said, [("x-amzn-ErrorType", "ValidationException")])

    def _happen(self, operation: str) -> None:
        """Raise the fault that an operation was told to have."""
        fault = self.state.faults.take(operation, EVERY)
        if fault is not None:
            raise error(fault.error, f"{fault.error}, as this server was told")

    def _handle(self, handlers: Mapping[str, Handler], operation: str, params: Any, region: str) -> dict[str, Any]:
        handler = handlers.get(operation)
        if handler is None:
            raise error("UnknownOperationException", f"The local server has no {operation}")
        with self.state.lock:
            return handler(self.state, params, region)

    def _bedrock(self, method: str, path: str, query: str, body: bytes, region: str, start: Start) -> Iterable[bytes]:
        operation, params = parse(method, path, query, body)
        self._happen(operation.name)
        if operation.name in ("Converse", "ConverseStream"):
            answer = guarded(self.state, params, self._runtime.answer(self.state, params))
            if operation.name == "Converse":
                return send(start, 200, to_json(whole(answer)))
            start("200 OK", [("Content-Type", CONTENT_TYPE)])
            return frames(answer, self.state.faults.take(operation.name, mid_stream=True))
        if operation.name in ("InvokeModel", "InvokeModelWithResponseStream"):
            streams = operation.name != "InvokeModel"
            body_of_answer = self._imports.invoke(self.state, params["modelId"], params["body"], streams)
            if isinstance(body_of_answer, dict):
                return send(start, 200, to_json(body_of_answer))
            start("200 OK", [("Content-Type", CONTENT_TYPE)])
            return body_of_answer
        if operation.name == "Invoke":
            said, failed = invoke(find_function(self.state, params, region), params["Payload"])
            return send(start, 200, said, [("X-Amz-Function-Error", "Unhandled")] if failed else ())
        return send(start, operation.status, to_json(self._handle(self._handlers, operation.name, params, region)))

    def _ask_by_target(
        self, service: str, handlers: Mapping[str, Handler], environ: dict[str, Any], region: str, start: Start
    ) -> Iterable[bytes]:
        try:
            name, params = parse_target(service, environ.get("HTTP_X_AMZ_TARGET", ""), body_of(environ))
            self._happen(name)
            result = self._handle(handlers, name, params, region)
        except AwsError as e:
            return send(start, 400, to_json({"__type": e.code, "message": e.message}))
        return send(start, 200, to_json(result, epoch=True))

    def _invoke(self, endpoint: str, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        try:
            self._happen("InvokeEndpoint")
            component = environ.get("HTTP_X_AMZN_SAGEMAKER_INFERENCE_COMPONENT")
            answer = self._endpoints.invoke(self.state, endpoint, body_of(environ), component)
        except AwsError as e:
            return send(start, e.status, to_json({"Message": e.message}), [("x-amzn-ErrorType", e.code)])
        except SQLTailorError as e:
            return send(start, 424, to_json({"Message": str(e)}), [("x-amzn-ErrorType", "ModelError")])
        if isinstance(answer, dict):
            return send(start, 200, to_json(answer), [("x-Amzn-Invoked-Production-Variant", "AllTraffic")])
        start("200 OK", [("Content-Type", CONTENT_TYPE)])
        return (payload_part(part) for part in answer)
