import hashlib

import numpy as np
import pytest

from lessons_grader.authoring import variants
from lessons_grader.notebooks import CourseError

LINE = "A = 1\nGAIN = 0.9  # variant: 0.9 | 0.8 | 1.1\nB = 2"


def test_the_seed_is_sha256_of_secret_assignment_student():
    digest = hashlib.sha256(b"key:convolve:ada").hexdigest()
    assert variants.seed("key", "convolve", "ada") == int(digest, 16)


def test_each_part_has_numbers_of_its_own():
    draws = [variants.rng(seed, part).random() for seed, part in ((1, "a"), (1, "b"), (2, "a"))]
    assert len(set(draws)) == 3
    assert variants.rng(1, "a").random() == draws[0]


def test_a_variant_is_settled_by_the_seed_and_public_without_one():
    assert variants.choose(LINE, None) == "A = 1\nGAIN = 0.9\nB = 2"
    found = {variants.choose(LINE, seed) for seed in range(40)}
    assert found == {f"A = 1\nGAIN = {value}\nB = 2" for value in (0.9, 0.8, 1.1)}
    counts = np.unique([variants.choose(LINE, seed) for seed in range(300)], return_counts=True)[1]
    assert counts.min() > 60


@pytest.mark.parametrize("line", ["X = 1  # variant: 2 | 1", "X = 1  # variant: 1", "X = y  # variant: y | z"])
def test_a_variant_line_that_means_nothing_is_refused(line):
    with pytest.raises(CourseError, match="variant of X"):
        variants.choose(line, 1)


def test_the_secret_comes_from_a_file_or_the_environment(tmp_path, monkeypatch):
    path = tmp_path / "secret.txt"
    path.write_text("0123456789abcdef\n")
    assert variants.secret(path) == "0123456789abcdef"
    monkeypatch.setenv(variants.VARIABLE, "from the environment")
    assert variants.secret() == "from the environment"


def test_a_bad_secret_is_refused_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.delenv(variants.VARIABLE, raising=False)
    with pytest.raises(CourseError, match="no secret: make one with python -c"):
        variants.secret()
    with pytest.raises(CourseError, match=r"gone\.txt cannot be read as a secret"):
        variants.secret(tmp_path / "gone.txt")
    (tmp_path / "short.txt").write_text("short")
    with pytest.raises(CourseError, match="5 letters"):
        variants.secret(tmp_path / "short.txt")
