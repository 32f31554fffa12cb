"""`sqltailor local-bedrock`: a Bedrock on this machine to develop against."""

from __future__ import annotations

from typing import Annotated

import typer

from sqltailor.cli.output import note


def local_bedrock(
    base: Annotated[
        str, typer.Option("--base", metavar="NAME", help="Named base that stands for every model of Bedrock.")
    ] = "small",
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.")] = 8123,
    speed: Annotated[
        float,
        typer.Option("--speed", metavar="X", min=0.001, help="Waiting times of AWS are divided by this."),
    ] = 20.0,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            metavar="OP=ERROR[:N]",
            help="What goes wrong, N times: Converse=ThrottlingException:3, CustomizationJob=no luck. May be repeated.",
        ),
    ] = None,
) -> None:
    """Serve a Bedrock on this machine, for boto3 and the AWS CLI.

    Jobs check their data in S3 and really fine-tune a local base; deployments become active; Converse really answers.
    S3, IAM and STS are moto's. Prints the variables that lead there; all is forgotten when it ends (Ctrl-C). Other
    faults: POST /_local/faults.

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
        note(f"a local Bedrock with {base} answers at {server.url} until Ctrl-C; give the lines above in another shell")
        threading.Event().wait()
