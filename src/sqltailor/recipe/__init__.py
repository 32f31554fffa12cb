"""recipe.yaml + `.env` + environment + `key=value` → a validated, frozen `Recipe` with the origin of every value."""

from sqltailor.recipe.load import SHIPPED, Resolved, find_recipe, load_recipe, shipped_recipes
from sqltailor.recipe.model import Recipe
from sqltailor.recipe.plan import stages, variants, with_values
from sqltailor.recipe.show import dump, recipe_hash, reference_page, rows
from sqltailor.recipe.source import has_password, mask
from sqltailor.recipe.train import Train
from sqltailor.recipe.variables import export_env_file, read_env_file

__all__ = [
    "SHIPPED",
    "Recipe",
    "Resolved",
    "Train",
    "dump",
    "export_env_file",
    "find_recipe",
    "has_password",
    "load_recipe",
    "mask",
    "read_env_file",
    "recipe_hash",
    "reference_page",
    "rows",
    "shipped_recipes",
    "stages",
    "variants",
    "with_values",
]
