"""`sqltailor local-bedrock`: a Bedrock on this machine to develop against."""

from __future__ import annotations

from typing import Annotated

import typer

from sqltailor.cli.output import note


def local_bedrock(
    base: Annotated[
        str, typer.Option("--base", metavar="NAME", help="Named base that stands in for every model on Bedrock.")
    ] = "small",
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.")] = 8123,
    speed: Annotated[
        float,
        typer.Option("--speed", metavar="X", min=0.001, help="Divides the waiting times of AWS."),
    ] = 20.0,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            metavar="OP=ERROR[:N]",
            help="Inject a fault N times: Converse=ThrottlingException:3, CustomizationJob=MESSAGE. May be repeated.",
        ),
    ] = None,
) -> None:
    """Serve a local Bedrock for boto3 and the AWS CLI.

    Jobs validate their data in S3 and really fine-tune a local base; deployments become active; Converse really
    generates. S3, IAM and STS are served by moto. Prints the variables that point boto3 to it; everything is forgotten
    when it ends (Ctrl-C).

    Example: sqltailor local-bedrock --base nano --speed 100
    """
    import signal
    import sys
    import threading

    from sqltailor.local_bedrock.faults import parse_fault
    from sqltailor.local_bedrock.local_server import LocalBedrock

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # `kill` ends what it trains, too
    faults = [parse_fault(text) for text in fault or ()]
    with LocalBedrock(base=base, port=port, speed=speed) as server:
        for one in faults:
            server.state.faults.add(one)
        for name, value in server.environment().items():
            print(f"export {name}={value}", flush=True)
        note(f"a local Bedrock with {base} is at {server.url} until Ctrl-C; set the variables above in another shell")
        threading.Event().wait()
