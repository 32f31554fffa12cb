"""AWS Lambda, as far as graders need it: a package is unpacked, and its handler runs in a process of its own.

What it is not: Linux as Lambda has it; the package runs by the Python of this machine.
"""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from typing import Any

from sqltailor.aws.s3 import Place
from sqltailor.local_bedrock.job_checks import check_object, check_role
from sqltailor.local_bedrock.protocol import error
from sqltailor.local_bedrock.resources import Function, new_id, now
from sqltailor.local_bedrock.state import ACCOUNT, Handler, State

STARTING_S = 5.0
"""About how long a new function is Pending."""
USUAL_TIMEOUT_S = 3
RUN = (
    "import importlib, json, sys; module, name = sys.argv[1].rsplit('.', 1); "
    "handler = getattr(importlib.import_module(module), name); "
    "print(json.dumps(handler(json.load(sys.stdin), None)))"
)
"""Calls a handler with the event on standard input."""


class Functions:
    """The operations on functions."""

    def __init__(self, s3: Any, iam: Any) -> None:
        self.s3, self.iam = s3, iam

    def handlers(self) -> Mapping[str, Handler]:
        """Return the operations by their names."""
        return {
            "CreateFunction": self.create,
            "GetFunctionConfiguration": lambda state, params, region: _told(find_function(state, params, region)),
            "DeleteFunction": _delete,
        }

    def create(self, state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        arn = f"arn:aws:lambda:{region}:{ACCOUNT}:function:{params['FunctionName'].rpartition(':')[2]}"
        if arn in state.functions:
            raise error("ResourceConflictException", f"Function already exist: {arn}")
        for needed in ("Runtime", "Handler"):
            if needed not in params:
                raise error("InvalidParameterValueException", f"{needed} is needed for a function of a zip archive")
        check_role(self.iam, params["Role"], "lambda")
        packed = self._package(params["Code"])
        folder = state.home / f"function-{new_id()}"
        try:
            with zipfile.ZipFile(io.BytesIO(packed)) as archive:
                archive.extractall(folder)
        except zipfile.BadZipFile as e:
            raise error("InvalidParameterValueException", f"Could not unzip uploaded file: {e}") from e
        function = Function(arn, {**params, "Code": len(packed)}, folder, state.after(STARTING_S))
        state.functions[arn] = function
        return _told(function)

    def _package(self, code: Mapping[str, Any]) -> bytes:
        if "ZipFile" in code:
            return base64.b64decode(code["ZipFile"])
        at = Place(code.get("S3Bucket", ""), code.get("S3Key", ""))
        check_object(self.s3, at)
        packed: bytes = self.s3.get_object(Bucket=at.bucket, Key=at.key)["Body"].read()
        return packed


def find_function(state: State, params: Mapping[str, Any], region: str) -> Function:
    """Return the function that an ARN or a name means. Raises `AwsError`."""
    name = params["FunctionName"]
    arn = name if name.startswith("arn:") else f"arn:aws:lambda:{region}:{ACCOUNT}:function:{name}"
    if arn not in state.functions:
        raise error("ResourceNotFoundException", f"Function not found: {arn}")
    return state.functions[arn]


def invoke(function: Function, event: bytes) -> tuple[bytes, bool]:
    """Return what a function answers, and whether it failed."""
    timeout = function.request.get("Timeout", USUAL_TIMEOUT_S)
    try:
        ended = subprocess.run(
            [sys.executable, "-S", "-c", RUN, function.request["Handler"]],
            cwd=function.folder,
            input=event,
            env={"PATH": os.defpath, "PYTHONPATH": str(function.folder), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        return json.dumps({"errorMessage": f"Task timed out after {timeout}.00 seconds"}).encode(), True
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip().splitlines() or ["Runtime exited"]
        kind, _, message = said[-1].partition(": ")
        return json.dumps({"errorMessage": message or kind, "errorType": kind.rpartition(".")[2]}).encode(), True
    if not ended.stdout:  # the handler ended the process
        return json.dumps({"errorMessage": "Runtime exited without providing a reason"}).encode(), True
    return ended.stdout.splitlines()[-1], False


def _delete(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    del state.functions[find_function(state, params, region).arn]
    return {}


def _told(function: Function) -> dict[str, Any]:
    request = function.request
    ready = now() >= function.ready
    return {
        "FunctionName": function.arn.rpartition(":")[2],
        "FunctionArn": function.arn,
        "Runtime": request["Runtime"],
        "Role": request["Role"],
        "Handler": request["Handler"],
        "CodeSize": request["Code"],
        "Timeout": request.get("Timeout", USUAL_TIMEOUT_S),
        "MemorySize": request.get("MemorySize", 128),
        "State": "Active" if ready else "Pending",
        "StateReason": None if ready else "The function is being created.",
    }
