"""How networks are trained: a recipe is a small file, `train` follows it, `publish` ships what came of it."""

from lessons_lib.recipes.recipe import (
    FOLDER,
    Data,
    DegradationRange,
    Recipe,
    RecipeError,
    Schedule,
    find_recipe,
    read_recipe,
)
from lessons_lib.recipes.run import RUNS, train

__all__ = [
    "FOLDER",
    "RUNS",
    "Data",
    "DegradationRange",
    "Recipe",
    "RecipeError",
    "Schedule",
    "find_recipe",
    "read_recipe",
    "train",
]
