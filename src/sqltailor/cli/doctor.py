"""`sqltailor doctor`: check this machine, the recipe and the database."""

from __future__ import annotations

import sys

from sqltailor.cli.output import Json, Recipe, print_json, print_table


def doctor(recipe: Recipe = None, json: Json = False) -> None:
    """Check this machine, the packages, the recipe and its database.

    Exit code 1 when something fails; each finding comes with a fix.

    Example: sqltailor doctor --json
    """
    import dataclasses

    from sqltailor.doctor import examine

    checks = examine(recipe)
    if json:
        print_json([dataclasses.asdict(check) for check in checks])
    else:
        print_table(
            ("check", "status", "found", "remedy"), [(c.name, c.status, c.found, c.remedy or "") for c in checks]
        )
    if any(check.status == "fail" for check in checks):
        sys.exit(1)
