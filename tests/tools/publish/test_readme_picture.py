"""The README says what its picture shows, and the picture is the one that its command makes."""

import re
from pathlib import Path

import cv2
import numpy as np

from lessons_lib import images
from tools.publish import readme_picture

README = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")


def test_the_readme_says_what_its_picture_shows():
    made, (before, after) = readme_picture.picture()
    said = re.search(r"([\d.]+) dB; right, .*?([\d.]+) dB", README)
    assert (float(said[1]), float(said[2])) == (round(before, 1), round(after, 1))
    kept = images.read(readme_picture.PLACE)
    assert np.abs(cv2.blur(kept, (5, 5)) - cv2.blur(made, (5, 5))).mean() < 0.02
