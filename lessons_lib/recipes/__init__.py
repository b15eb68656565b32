"""How networks are trained: a recipe is a small file, `train` follows it, `publish` ships what came of it."""

from lessons_lib.recipes.recipe import FOLDER, Damage, Data, Recipe, RecipeError, Schedule, find, read
from lessons_lib.recipes.run import RUNS, train

__all__ = ["FOLDER", "RUNS", "Damage", "Data", "Recipe", "RecipeError", "Schedule", "find", "read", "train"]
