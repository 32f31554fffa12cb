"""`sqltailor data show`: print the first examples of a file."""

from __future__ import annotations

from typing import Annotated

import typer

from sqltailor.cli.data.options import Format, Map, mapping_of
from sqltailor.cli.output import Json, print_json


def show(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file of examples in any known format.")],
    limit: Annotated[int, typer.Option("-n", "--limit", metavar="N", min=1, help="Examples to show.")] = 5,
    format: Format = None,
    map: Map = None,
    json: Json = False,
) -> None:
    """Print the first examples of a file as SQLTailor reads them.

    Example: sqltailor data show my.csv --map question=ask,sql=query -n 3
    """
    from itertools import islice

    from sqltailor.data.examples import to_json
    from sqltailor.data.readers import read_examples
    from sqltailor.types import Example

    items = list(islice(read_examples(file, format=format, mapping=mapping_of(map, [file], format)), limit))
    if json:
        print_json([to_json(i) if isinstance(i, Example) else {"line": i.line, "rejected": i.reason} for i in items])
        return
    for item in items:
        if isinstance(item, Example):
            asked = item.question if item.question is not None else item.spec
            print(f"{item.id}: {asked}\n    {item.sql[0]}")
        else:
            print(f"line {item.line} rejected: {item.reason}: {item.detail}")
