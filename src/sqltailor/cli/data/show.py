"""`sqltailor data show`: print the first examples of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sqltailor.cli.data.options import Format, Map, mapping_of
from sqltailor.cli.output import Json, Recipe, print_json

if TYPE_CHECKING:
    from sqltailor.project import Project
    from sqltailor.types import Example


def show(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file of examples in any known format.")],
    limit: Annotated[int, typer.Option("-n", "--limit", metavar="N", min=1, help="Examples to show.")] = 5,
    prompt: Annotated[
        bool, typer.Option("--prompt", help="Print also what the recipe's base is asked, in training as later.")
    ] = False,
    format: Format = None,
    map: Map = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Print the first examples of a file as SQLTailor reads them.

    Example: sqltailor data show my.csv --map question=ask,sql=query -n 3

    Example: sqltailor data show data/train.jsonl -n 1 --prompt
    """
    from itertools import islice

    from sqltailor.data.examples import to_json
    from sqltailor.data.readers import read_examples
    from sqltailor.project import Project
    from sqltailor.recipe import load_recipe
    from sqltailor.types import Example

    with Project(load_recipe(recipe).recipe) as project:
        settings = project.recipe.data
        mapping = mapping_of(map, [file], format) or settings.mapping
        items = list(islice(read_examples(file, format or settings.format, mapping, project.dialect), limit))
        examples = [item for item in items if isinstance(item, Example)]
        prompts = _prompts(project, [project.as_meant(example) for example in examples]) if prompt else {}
    if json:
        rows: list[dict[str, Any]] = []
        for item in items:
            if isinstance(item, Example):
                rows.append(to_json(item) | ({"prompt": prompts[item.id]} if prompt else {}))
            else:
                rows.append({"line": item.line, "rejected": item.reason})
        print_json(rows)
        return
    for item in items:
        if isinstance(item, Example):
            asked = item.question if item.question is not None else item.spec
            print(f"{item.id}: {asked}\n    {item.sql[0]}")
            for message in prompts.get(item.id, ()):
                print(f"\n--- {message['role']}\n{message['content']}")
            if prompt:
                print()
        else:
            print(f"line {item.line} rejected: {item.reason}: {item.detail}")


def _prompts(project: Project, examples: list[Example]) -> dict[str, list[dict[str, str]]]:
    """Return the messages of each example's prompt, by its id."""
    from sqltailor.train.rows.training_data import asked_prompts

    return {
        example.id: [{"role": message.role, "content": message.content} for message in prompt.messages]
        for example, prompt in zip(examples, asked_prompts(project, examples), strict=True)
    }
