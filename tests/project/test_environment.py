"""The environment exists once: pyproject.toml, its lock, its constraints and environment.yml say the same."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
LOCKED_EXTRAS = ("book", "test", "app", "cluster")
PYTHONS = ("3.11", "3.12", "3.13")


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text):
    """{(name, marker): version} of a requirements file."""
    pinned = re.finditer(r"^([\w.-]+)==([\w.!+]+)(?: ; ([^\\\n]+?))?(?: \\)?$", text, re.MULTILINE)
    return {(canonical(match[1]), match[3]): match[2] for match in pinned}


LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")


def requirements(*extras):
    lists = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    return [Requirement(line) for lines in lists for line in lines]


def test_the_lock_and_the_constraints_pin_the_same():
    assert len(pins(LOCK)) > 150
    assert pins(LOCK) == pins(CONSTRAINTS)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("requirement", requirements(*LOCKED_EXTRAS), ids=lambda r: r.name)
def test_each_dependency_is_locked_at_a_version_it_allows(requirement, python):
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    versions = [
        version
        for (name, marker), version in pins(LOCK).items()
        if name == canonical(requirement.name) and (marker is None or Marker(marker).evaluate(environment))
    ]
    assert len(versions) == 1
    assert versions[0] in requirement.specifier


def test_every_locked_version_has_hashes():
    assert LOCK.count("--hash=sha256:") >= len(pins(LOCK))
    for block in re.split(r"\n(?=\S)", LOCK.strip()):
        assert "--hash=sha256:" in block, block


@pytest.mark.parametrize("text", [LOCK, CONSTRAINTS, (ROOT / "environment.yml").read_text(encoding="utf-8")])
def test_no_address_is_recorded(text):
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_conda_users_get_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    conda = {re.match(r"[\w-]+", entry)[0]: entry for entry in environment["dependencies"] if isinstance(entry, str)}
    assert set(conda) == {"python", "pip"}  # everything else comes through pip, from the constraints
    assert SpecifierSet(conda["python"].removeprefix("python ")) == SpecifierSet(PROJECT["requires-python"])
    [pip] = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert pip == ["-c constraints.txt", f"-e .[{','.join(LOCKED_EXTRAS)}]"]


def test_the_supported_pythons_agree():
    import tasks

    assert sorted(f"{a}.{b}" for a, b in tasks.PYTHONS) == sorted(PYTHONS)
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert all(f"{python}.0" in allowed for python in PYTHONS)
    assert "3.10.0" not in allowed
    assert "3.14.0" not in allowed


def test_every_dependency_says_who_needs_it():
    inside = False
    for line in (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines():
        inside = (inside or re.match(r"(dependencies|book|test|app|cluster) = \[", line)) and line != "]"
        if inside and line.strip().startswith('"'):
            assert re.search(r"#\s+\w+", line), line


def test_no_two_dependencies_for_one_name():
    names = [canonical(requirement.name) for requirement in requirements(*LOCKED_EXTRAS)]
    assert len(names) == len(set(names))
