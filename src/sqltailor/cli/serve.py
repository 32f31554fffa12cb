"""`sqltailor serve`: the model over HTTP, with a page for people."""

from __future__ import annotations

from typing import Annotated

import typer

from sqltailor.cli.output import DatabaseUrl, Recipe, Votes, Words, note


def serve(
    words: Words = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on; any but this machine needs keys.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.")] = 8000,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="Named base, runs/NAME, folder, .gguf or Hub id. Default: the newest run, else `base`.",
        ),
    ] = None,
    host_name: Annotated[
        list[str] | None,
        typer.Option("--host-name", metavar="NAME", help="Name of this server in URLs; may be repeated."),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="NAME", help="What clients may also call the model; may be repeated."),
    ] = None,
    keys: Annotated[str, typer.Option("--keys", metavar="FILE", help="File of API keys.")] = "keys.json",
    audit: Annotated[str, typer.Option("--audit", metavar="FILE", help="Audit log, by hashes.")] = "audit.jsonl",
    feedback: Annotated[
        str, typer.Option("--feedback", metavar="FILE", help="What people say of answers.")
    ] = "feedback.jsonl",
    approve: Annotated[
        bool, typer.Option("--approve", help="Run nothing that a person has not read and approved.")
    ] = False,
    rate: Annotated[
        float, typer.Option("--rate", metavar="N", min=0, help="Requests a minute for each key; 0: no limit.")
    ] = 120,
    at_once: Annotated[
        int, typer.Option("--at-once", metavar="N", min=0, help="Requests at a time for each key; 0: no limit.")
    ] = 8,
    queue: Annotated[
        int, typer.Option("--queue", metavar="N", min=0, help="Requests that may wait for the model.")
    ] = 64,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="S", min=1, help="Longest time for an answer, in seconds.")
    ] = 120,
    certificate: Annotated[
        str | None, typer.Option("--certificate", metavar="FILE", help="Serve HTTPS with this certificate (PEM).")
    ] = None,
    certificate_key: Annotated[
        str | None, typer.Option("--certificate-key", metavar="FILE", help="The certificate's private key (PEM).")
    ] = None,
    votes: Votes = None,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
) -> None:
    """Serve the model: a page, and the APIs of OpenAI and Bedrock.

    A page to ask at /, OpenAI's API at /v1, Bedrock's Converse at /model, our own at /ask. Without keys, only this
    machine can connect; `sqltailor keys add` makes keys. SIGTERM and Ctrl-C finish what is under way.

    Example: sqltailor serve --port 8000

    Example: sqltailor serve generate.engine=torch database.timeout_s=3

    Example: sqltailor serve --host 0.0.0.0 --host-name sql.example.com --votes 5
    """
    import logging
    import sys
    from pathlib import Path

    from sqltailor.cli.defaults import asked_model, recipe_for
    from sqltailor.serve.http_server import serve
    from sqltailor.serve.options import ServeOptions

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("sqltailor.serve").setLevel(logging.INFO)
    options = ServeOptions(
        host,
        port,
        host_names=tuple(host_name or ()),
        names=tuple(name or ()),
        keys=Path(keys),
        audit=Path(audit),
        feedback=Path(feedback),
        rate_per_minute=rate,
        at_once=at_once,
        queue=queue,
        timeout_s=timeout,
        approve=approve,
        votes=votes,
        certificate=Path(certificate) if certificate else None,
        certificate_key=Path(certificate_key) if certificate_key else None,
    )
    found = recipe_for(recipe, database, words or ())
    serve(found, asked_model(model, found), options, on_ready=lambda url: note(f"serving at {url} until Ctrl-C"))
