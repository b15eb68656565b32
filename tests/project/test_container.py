"""The container of the web app, as far as it can be checked without Docker: what goes in, what runs, and as whom."""

import ast
import importlib.metadata
import importlib.util
import inspect
import json
import re
import socket
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from lessons_lib.webapp import server
from tests.project.test_environment import canonical, pins
from tools.measure import webapp

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
LOCK = (DEPLOY / "requirements.lock").read_text(encoding="utf-8")
WANTED = {
    canonical(line.partition("#")[0].strip())
    for line in (DEPLOY / "requirements.in").read_text(encoding="utf-8").splitlines()
    if line.partition("#")[0].strip()
}
HEADLESS = "opencv-python-headless"


def instructions():
    """(word, rest) of each instruction, lines that end in a backslash joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [tuple(line.split(None, 1)) for line in lines if line.strip()]


DOCKERFILE = instructions()


def values(word):
    return [rest for name, rest in DOCKERFILE if name == word]


def copied():
    return [source for rest in values("COPY") for source in rest.split()[:-1]]


def test_only_known_instructions_stand_in_it():
    assert {word for word, _ in DOCKERFILE} == {
        "FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "HEALTHCHECK", "CMD",
    }  # fmt: skip


def test_it_starts_from_a_slim_python_that_the_project_supports():
    [image] = values("FROM")
    version = re.fullmatch(r"python:(3\.\d+)-slim", image)[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"{version}.0" in SpecifierSet(project["requires-python"])


def test_what_is_copied_is_in_the_repository_and_goes_to_the_builder():
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()
    for source in copied():
        assert (ROOT / source).exists(), source
        assert subprocess.run(["git", "check-ignore", "-q", source], cwd=ROOT).returncode == 1, f"{source} is ignored"
        assert source in let_in
    assert let_in == {
        *copied(),
        "constraints.txt",
    }  # which the course's box wants: tests/lessons_grader/sandbox/test_containers.py


def test_it_runs_as_nobody_in_particular():
    [user] = values("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)  # by number, so that a host can see that it is not root
    words = [word for word, _ in DOCKERFILE]
    assert words.index("USER") > max(n for n, word in enumerate(words) if word in ("RUN", "COPY"))


def test_nothing_secret_and_nothing_from_elsewhere_goes_in():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert not re.search(r"(?i)secret|token|password|api_?key|ADD |curl|wget|apt-get|--index|--trusted", text)
    assert "--require-hashes" in values("RUN")[0]


def test_the_port_is_the_app_s():
    default = inspect.signature(server.serve).parameters["port"].default
    assert values("EXPOSE") == [str(default)]
    assert str(default) in values("HEALTHCHECK")[0]


def test_the_command_starts_with_nothing_but_what_was_copied(tmp_path):
    """Only the folders that the Dockerfile copies are there, as links; their own Python reads its options."""
    for source in copied():
        if (ROOT / source).is_dir():
            (tmp_path / source).symlink_to(ROOT / source, target_is_directory=True)
    [command] = values("CMD")
    words = json.loads(command)
    assert words[0] == "python"
    done = subprocess.run([sys.executable, *words[1:], "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert words[3] in done.stdout


def healthcheck(port):
    words = json.loads(re.search(r"CMD (\[.*\])$", values("HEALTHCHECK")[0])[1])
    return subprocess.run([sys.executable, *words[1:]], env={"PORT": str(port)}, capture_output=True).returncode


def test_the_health_check_tells_a_healthy_app_from_a_dead_one():
    class Healthy(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/_stcore/health" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert healthcheck(server.server_port) == 0
        server.shutdown()
    with socket.create_server(("127.0.0.1", 0)) as free:
        dead = free.getsockname()[1]
    assert healthcheck(dead) != 0


def reached():
    """Other people's packages that the app imports, however indirectly, by their names on the registry."""
    todo, seen, found = (
        [ROOT / "lessons_lib" / name for name in ("webapp/page.py", "webapp/server.py", "__init__.py")],
        set(),
        set(),
    )
    todo += [ROOT / "lessons_lib" / f"{name}.py" for name in ("restore", "pretrained")]  # imported late
    todo += (ROOT / "lessons_lib" / "models").glob("*.py")  # by name, as a card says
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            else:
                continue
            for name in names:
                inside = ROOT.joinpath(*name.split("."))
                todo += [p for p in (inside.with_suffix(".py"), inside / "__init__.py") if p.is_file()]
                found.add(name.partition(".")[0])
    ours = found - set(sys.stdlib_module_names) - {"lessons_lib"}
    packages = importlib.metadata.packages_distributions()
    names = {canonical(packages[top][0]) for top in ours}
    return {HEADLESS if name == "opencv-python" else name for name in names}


def test_what_the_app_imports_is_installed_and_nothing_of_the_notebooks():
    assert reached() <= WANTED | {"starlette"}  # which is Streamlit's own server
    assert WANTED - reached() == {"jax"}  # Keras's backend, named in ENV
    assert "KERAS_BACKEND=jax" in values("ENV")[0]
    installed = {name for name, _ in pins(LOCK)}
    assert installed >= WANTED
    assert not installed & {"tensorflow", "jupyterlab", "ipykernel", "sphinx", "pytest", "playwright", "opencv-python"}


@pytest.mark.parametrize("pin", sorted(pins(LOCK), key=str), ids=lambda pin: pin[0])
def test_each_version_is_the_project_s_own(pin):
    project = {name: version for (name, _), version in pins((ROOT / "requirements.lock").read_text()).items()}
    name, _ = pin
    assert pins(LOCK)[pin] == project["opencv-python" if name == HEADLESS else name]


def test_the_lock_has_hashes_and_no_address():
    for block in re.split(r"\n(?=\S)", LOCK.strip()):
        assert "--hash=sha256:" in block, block
    assert "://" not in LOCK
    assert "--index" not in LOCK


def test_the_page_says_what_was_measured():
    """The block in book/deploying.md is the one that tools/measure/webapp.py made of results/app.json."""
    table = json.loads((ROOT / "results" / "app.json").read_text(encoding="utf-8"))
    page = (ROOT / "book" / "deploying.md").read_text(encoding="utf-8")
    assert page.partition(webapp.BEGIN)[2].partition(webapp.END)[0] == webapp.said(table)
