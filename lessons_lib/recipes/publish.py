"""A trained network among the shipped weights: with its card, and its learning curve among the results."""

from __future__ import annotations

import dataclasses
import json

import keras
import numpy as np

from lessons_lib import evaluate, images, pretrained, recipes, training
from lessons_lib.recipes import Recipe

CURVES = recipes.FOLDER.parent / "results" / "curves"


def publish(recipe: Recipe, model: keras.Model, history: training.History) -> None:
    """Put a trained network into `weights/` and its curve into `results/curves/`. Raises WeightsError."""
    pretrained.save(recipe.name, model, _card(recipe, history))
    CURVES.mkdir(parents=True, exist_ok=True)
    images.write_atomic(CURVES / f"{recipe.name}.json", (json.dumps(_curve(recipe, history)) + "\n").encode())


def _card(recipe: Recipe, history: training.History) -> dict:
    data, model = recipe.data, recipe.model | recipe.ship
    return {
        "name": recipe.name,
        "task": recipe.task,
        "model": {"kind": model.pop("kind"), "arguments": model},
        "channels": 1 if data.gray else 3,
        "noise_conditioned": recipe.degradation.noise_conditioned,
        **({"strength": True} if recipe.degradation.strength else {}),
        "scale": recipe.degradation.scale,
        "halo": recipe.halo,
        "multiple": recipe.multiple,
        "data": f"{data.set or 'the shipped photographs'}: {', '.join(data.train)}; {data.validation} to validate"
        + (", and polyu: train; validation" if data.real else ""),
        "recipe": dataclasses.asdict(recipe),
        "steps": history.epochs * recipe.schedule.save_every,
        "hours": round(sum(history.metrics["seconds"]) / 3600, 2),
        "precision": keras.mixed_precision.dtype_policy().name,
        "validation_psnr": round(history.metrics["val_psnr"][history.best_epoch - 1], 3),
        "licence": "MIT, as the code; the training pictures keep their own terms (see Credits)",
        "limits": recipe.limits,
        **evaluate.provenance(),
    }


def _curve(recipe: Recipe, history: training.History) -> dict:
    steps = [recipe.schedule.save_every * epoch for epoch in range(1, history.epochs + 1)]
    hours = np.cumsum(history.metrics["seconds"]) / 3600
    psnr = [round(value, 3) for value in history.metrics["val_psnr"]]
    return {"name": recipe.name, "steps": steps, "hours": [round(float(h), 3) for h in hours], "val_psnr": psnr}
