"""The command line: each command parses its options, makes one library call and prints."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
import typer.core

from sqltailor.errors import SQLTailorError
from sqltailor.version import __version__

SECTIONS = {
    "Begin": {
        "demo": "demo:demo",
        "init": "init:init",
        "bases": "bases:group",
        "schema": "schema:schema",
        "config": "config:config",
        "doctor": "doctor:doctor",
    },
    "Data": {
        "data": "data:group",
        "compile": "compile:compile_",
        "check-sql": "check_sql:check_sql",
    },
    "Train": {
        "train": "train:train",
        "cost": "cost:cost",
    },
    "Measure": {
        "eval": "eval:eval_",
        "compare": "compare:compare",
        "report": "report:report",
        "judge": "judge:judge",
        "review": "review:review",
        "bench": "bench:group",
    },
    "Use": {
        "ask": "ask:ask",
        "serve": "serve:serve",
        "keys": "api_keys:group",
        "mcp": "mcp:mcp",
        "export": "export:export",
        "deploy": "deploy:group",
    },
    "Cloud": {
        "models": "models:models",
        "aws": "aws:group",
        "jobs": "jobs:group",
        "local-bedrock": "local_bedrock:local_bedrock",
    },
}
"""Heading of the help → its commands: the name of each → its module and function, or for a group of commands its typer
application. The module may hold typer `SETTINGS`."""


class Sections(typer.core.TyperGroup):
    """Lists the commands under their headings, none of their descriptions cut."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the sections."""
        for heading, places in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(200)) for name in places])


app = typer.Typer(
    name="sqltailor",
    cls=Sections,
    help="Fine-tune a small model that writes your database's SQL: measured by execution, guarded.",
    epilog="Start with: sqltailor demo. With a database of your own: sqltailor init URL.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich alone takes longer to load than the rest of the command line
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
for _places in SECTIONS.values():
    for _name, _place in _places.items():
        _module, _, _attribute = _place.partition(":")
        _file = import_module(f"sqltailor.cli.{_module}")
        if _attribute == "group":
            app.add_typer(_file.group, name=_name)
        else:
            app.command(_name, **getattr(_file, "SETTINGS", {}))(getattr(_file, _attribute))


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
