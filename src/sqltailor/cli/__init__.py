"""The command line: each command parses its options, makes one library call and prints."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

import typer

from sqltailor.errors import SQLTailorError
from sqltailor.version import __version__

app = typer.Typer(
    name="sqltailor",
    help="Fine-tune a small model that writes your database's SQL: measured by execution, guarded.",
    epilog="Start with: sqltailor demo. With a database of your own: sqltailor init URL.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich alone takes longer to load than the rest of the command line
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

COMMANDS = {
    "demo": "demo:demo",
    "init": "init:init",
    "schema": "schema:schema",
    "config": "config:config",
    "doctor": "doctor:doctor",
    "compile": "compile:compile_",
    "train": "train:train",
    "eval": "eval:eval_",
    "report": "report:report",
    "compare": "compare:compare",
    "judge": "judge:judge",
    "review": "review:review",
    "export": "export:export",
    "ask": "ask:ask",
    "serve": "serve:serve",
    "mcp": "mcp:mcp",
    "check-sql": "check_sql:check_sql",
    "models": "models:models",
    "cost": "cost:cost",
    "local-bedrock": "local_bedrock:local_bedrock",
}
"""Name of each command → its module and function, in the order of the help. The module may hold typer `SETTINGS`."""
GROUPS = {
    "bases": "bases:group",
    "bench": "bench:group",
    "data": "data:group",
    "jobs": "jobs:group",
    "keys": "api_keys:group",
    "deploy": "deploy:group",
    "aws": "aws:group",
}
"""Name of each group of commands → its module and typer application."""

for _name, _place in COMMANDS.items():
    _module, _, _attribute = _place.partition(":")
    _file = import_module(f"sqltailor.cli.{_module}")
    app.command(_name, **getattr(_file, "SETTINGS", {}))(getattr(_file, _attribute))
for _name, _place in GROUPS.items():
    _module, _, _attribute = _place.partition(":")
    app.add_typer(getattr(import_module(f"sqltailor.cli.{_module}"), _attribute), name=_name)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Take the options that stand before a command."""


def _read_env_file() -> None:
    from sqltailor.recipe import export_env_file

    export_env_file(Path.cwd(), os.environ)


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 failed check, 2 wrong use, 3 backend failure, 130 interrupted."""
    try:
        if not {"-h", "--help", "--version"} & set(sys.argv):
            _read_env_file()
        # threads that spin while they wait make every other busy process, and themselves, several times slower
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        try:
            app()
        finally:
            sys.stdout.flush()
    except SQLTailorError as e:
        print(f"error: {e}", file=sys.stderr)
        sys.exit(e.exit_code)
    except BrokenPipeError:
        # the reader of our output is gone (| head); keep Python from complaining about it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as e:
        if e.filename is None:
            raise
        print(f"error: {e.filename}: {e.strerror}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)
    except SystemExit as e:
        if e.code == 130:  # how typer ends a command that Ctrl-C interrupted
            print("\ninterrupted", file=sys.stderr)
        raise
