"""Modules that were renamed in version 0.2: importing an old name raises an ImportError that says the new one."""

from __future__ import annotations

from importlib.machinery import ModuleSpec

MOVED = {
    "lessons_lib.address": "lessons_lib.webapp.safe_fetch",
    "lessons_lib.app": "lessons_lib.webapp.page",
    "lessons_lib.cli_course": "lessons_grader.cli",
    "lessons_lib.cli_restore": "lessons_lib.cli.restore",
    "lessons_lib.compare": "lessons_lib.webapp.before_after",
    "lessons_lib.cosines": "lessons_lib.layers.dct",
    "lessons_lib.course": "lessons_grader",
    "lessons_lib.distribute": "lessons_lib.recipes.multi_gpu",
    "lessons_lib.doctor": "lessons_lib.cli.doctor",
    "lessons_lib.noise": "lessons_lib.noise_estimation",
    "lessons_lib.photos": "lessons_lib.image_io",
    "lessons_lib.publish": "lessons_lib.recipes.publish",
    "lessons_lib.serve": "lessons_lib.webapp.server",
    "lessons_lib.switches": "lessons_lib.widgets",
    "lessons_lib.weights": "lessons_lib.pretrained",
}


class MovedFinder:
    """The last finder that Python asks: it finds nothing, and says where the old modules went."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """None for every name but an old one. Raises ImportError for those."""
        if name in MOVED:
            raise ImportError(f"{name} is now {MOVED[name]}: import that instead", name=name)
        return None
