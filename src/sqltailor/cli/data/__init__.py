"""`sqltailor data`: read, check, show and make question–SQL pairs; one file a command."""

from __future__ import annotations

from importlib import import_module

import typer

group = typer.Typer(no_args_is_help=True, help="Read, check, show and make question–SQL pairs.")

COMMANDS = {
    "import": "import_:import_",
    "check": "check:check",
    "show": "show:show",
    "synth": "synth:synth",
    "fuzz-db": "fuzz_db:fuzz_db",
    "split": "split:split",
    "export": "export:export",
    "log": "log:log",
    "augment": "augment:augment",
}
"""Name of each command → its module and function, in the order of the help."""

for _name, _place in COMMANDS.items():
    _module, _, _function = _place.partition(":")
    group.command(_name)(getattr(import_module(f"sqltailor.cli.data.{_module}"), _function))
