"""A folder of tiny untrained networks in place of the shipped ones."""

from lessons_lib import pretrained
from lessons_lib.models import blind, residual, shrinkage


def fill(folder):
    """A colour and a gray denoiser that work (their votes are near 0), and an upscaler by 2."""
    card = dict.fromkeys(pretrained.NEEDED, "") | {
        "task": "denoise",
        "noise_conditioned": True,
        "scale": 1,
        "halo": 9,
        "multiple": 2,
    }
    for name, channels in (("denoise-medium", 3), ("denoise-gray", 1)):
        arguments = {"channels": channels, "depth": 2, "width": 4}
        own_card = card | {"model": {"kind": "shrinkage", "arguments": arguments}, "channels": channels}
        pretrained.save(name, shrinkage.shrinkage(**arguments), own_card, folder)
    arguments = {"depth": 2, "width": 4, "scale": 2}
    own_card = card | {"model": {"kind": "residual", "arguments": arguments}, "channels": 3, "task": "upscale"}
    own_card |= {"noise_conditioned": False, "scale": 2, "halo": 4, "multiple": 1}
    pretrained.save("upscale-2", residual.residual(**arguments), own_card, folder)
    return folder


def fill_auto(folder):
    """The same, and two that find the error themselves, noise and JPEG's; untrained, they do so for white noise."""
    arguments = {"blocks": 1, "width": 4, "estimator": 4}
    card = dict.fromkeys(pretrained.NEEDED, "") | {"noise_conditioned": False, "strength": True}
    card |= {"scale": 1, "halo": 40, "multiple": 2, "channels": 3, "model": {"kind": "blind", "arguments": arguments}}
    fill(folder)
    for name, task in (("denoise-auto", "denoise"), ("dejpeg", "dejpeg")):
        pretrained.save(name, blind.blind(**arguments), card | {"task": task}, folder)
    return folder
