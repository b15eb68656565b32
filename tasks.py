"""Everything this project does, as `python tasks.py NAME`, on any system; the Makefile only forwards to it.

Uses nothing but the standard library until it has made the environment (.venv) that the task needs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed-from.txt"
LOCK = ROOT / "requirements.lock"
HTML = ROOT / "book" / "_build" / "html"
PYTHONS = [(3, 12), (3, 13), (3, 11)]  # in the order we prefer them
# Strict, in this environment's kernel, pictures too; tests/book/test_gate.py proves that it turns red.
WORKERS = "3"  # on two cores: one works while the others wait for a browser, a kernel or a disk
NBVAL = [
    *(
        "-m",
        "pytest",
        "-o",
        "testpaths=",
        "-p",
        "tools.pytest_plugins.nbval_pictures",
        "-p",
        "tools.pytest_plugins.nbval_exercises",
    ),
    *("--nbval", "--nbval-current-env", "--nbval-sanitize-with=tests/nbval_sanitize.cfg"),
    "--nbval-cell-timeout=600",
    "--nbval-kernel-startup-timeout=120",
]
UV_VERSION = "0.13.8"  # writes the lock; see task_lock


def say(text: str) -> None:
    print(f"\n== {text}", flush=True)


def run(*command: object, **env: str) -> None:
    """Run a command from the project's root; stop the task with its exit code if it fails."""
    started = time.monotonic()
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, **env}, check=False)
    seconds = time.monotonic() - started
    if done.returncode:
        print(f"\nFAILED after {seconds:.0f} s (exit code {done.returncode}): {' '.join(words)}", file=sys.stderr)
        raise SystemExit(done.returncode)
    print(f"   done in {seconds:.0f} s", flush=True)


def venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def python(*arguments: object, **env: str) -> None:
    run(venv_python(), *arguments, **env)


def find_python() -> str:
    """A Python this project supports: the running one if it is, else the first found by name."""
    if sys.version_info[:2] in PYTHONS:
        return sys.executable
    for major, minor in PYTHONS:
        for words in ([f"python{major}.{minor}"], ["py", f"-{major}.{minor}"]):
            probe = [*words, "-c", "import sys; print(sys.executable)"]
            if shutil.which(words[0]):
                found = subprocess.run(probe, capture_output=True, text=True, check=False)
                if found.returncode == 0:
                    return found.stdout.strip()
    running = ".".join(map(str, sys.version_info[:3]))
    wanted = ", ".join(f"{a}.{b}" for a, b in sorted(PYTHONS))
    raise SystemExit(f"This is Python {running}, and no other was found. Install one of {wanted} and run this again.")


def ensure_env() -> None:
    """Make .venv from requirements.lock, or leave it alone if it was made from this very lock."""
    project = (
        (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("\n[tool.ruff]")[0]
    )  # not linters' settings
    wanted = hashlib.sha256(LOCK.read_bytes() + project.encode()).hexdigest()
    if venv_python().exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return
    base = find_python()
    say(f"Making the environment in .venv with {base} (about 2.9 GB; one to five minutes, this first time only)")
    STAMP.unlink(missing_ok=True)
    run(base, "-m", "venv", "--clear", VENV)
    pip = [venv_python(), "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "on"]
    run(*pip, "--require-hashes", "--no-deps", "-r", LOCK)
    run(*pip, "--no-deps", "--no-build-isolation", "-e", ".")
    STAMP.write_text(wanted)


def task_env(_: argparse.Namespace) -> None:
    """make the environment in .venv"""
    ensure_env()
    print(f"The environment is ready: {venv_python().relative_to(ROOT)}")


def task_lint(_: argparse.Namespace) -> None:
    """check style, formatting, type hints and imports of all Python, notebooks included"""
    ensure_env()
    say("Lint, formatting, types, and who imports whom")
    python("-m", "ruff", "check", ".")
    python("-m", "ruff", "format", "--check", ".")
    python("-m", "mypy")
    python("-c", "from importlinter.cli import lint_imports_command as run; run(['--no-cache'])")


def task_house(_: argparse.Namespace) -> None:
    """draw who may import whom into CONTRIBUTING.md, from pyproject.toml and the modules' first lines"""
    ensure_env()
    python("-m", "tools.publish.house")


def task_notebooks(args: argparse.Namespace) -> None:
    """run the notebooks and store their outputs (name some, or all)"""
    ensure_env()
    say(f"Running notebooks in the {args.budget or 'cpu'} budget, one kernel each")
    python("-m", "tools.publish.notebooks", *args.names, LESSONS_BUDGET=args.budget or "cpu")


def publish_assignments(made: Path, course: Path) -> None:
    """Put each assignment's page and student notebook, as `lessons course build` made them, where the book has them.

    Never the source: Jupyter Book copies what it renders to _sources, and solutions and hidden checks with it. The
    files are read-only, so that nobody loses answers that they wrote into them here.
    """
    wanted = {path.name: path for path in (made / "page").glob("*.ipynb")}
    wanted |= {f"student/{path.name}": path for path in (made / "student").glob("*.ipynb")}
    for path in course.rglob("*.ipynb"):
        path.chmod(0o644)
        path.unlink()
    for name, source in wanted.items():
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_bytes(source.read_bytes())
        (course / name).chmod(0o444)


def task_book(_: argparse.Namespace) -> None:
    """render the book to book/_build/html, from the outputs that the notebooks carry"""
    ensure_env()
    say("Making the assignments")
    made = ROOT / "book" / "_build" / "course"
    shutil.rmtree(made, ignore_errors=True)
    python("-c", "from lessons_grader.cli import app; app()", "build", "-o", made)
    publish_assignments(made, ROOT / "book" / "course")
    say("Rendering the book (warnings are errors)")
    # Jupyter Book is no runnable module, and its script has another name on Windows; --toc is taken from book/.
    # All pages each time: in a page that was not read again, links to the bibliography keep numbers that have moved.
    build = ("-c", "from jupyter_book.cli.main import main; main()", "build", "book", "--path-output", "book")
    python(*build, "--config", "_config.yml", "--toc", ROOT / "_toc.yml", "-W", "--keep-going", "-q", "--all")
    print(f"The book: {(HTML / 'index.html').as_uri()}")


def task_unit(_: argparse.Namespace) -> None:
    """run the unit tests, and the examples in docstrings"""
    ensure_env()
    say("Unit tests and docstring examples")
    options = ("-n", WORKERS, "--dist", "worksteal", "--durations=5")
    python("-m", "pytest", "tests", "lessons_lib", "--doctest-modules", "-m", "not pages and not prove", *options)


def task_coverage(_: argparse.Namespace) -> None:
    """run the unit tests and show which lines of lessons_lib and lessons_grader they reach"""
    ensure_env()
    measured = ("--cov=lessons_lib", "--cov=lessons_grader", "--cov-report=term-missing:skip-covered")
    python("-m", "pytest", "tests", "-m", "not pages and not prove", "-n", WORKERS, "--dist", "worksteal", *measured)


def task_nbval(args: argparse.Namespace, exercises: str = "") -> None:
    """run every notebook and compare its text and pictures with what is committed"""
    ensure_env()
    budget = args.budget or "smoke"
    names = [f"book/{Path(n).stem}.ipynb" for n in args.names] or sorted((ROOT / "book").glob("*.ipynb"))
    say(f"Notebooks under nbval, strict, in the {budget} budget ({len(names)} notebooks)")
    workers = "0" if budget == "gpu" else WORKERS  # two notebooks on one card run out of its memory
    environment = {"LESSONS_BUDGET": budget, "LESSONS_EXERCISES": exercises}
    python(*NBVAL, "-n", workers, "--dist", "loadscope", "--durations=5", *names, **environment)


def task_pages(_: argparse.Namespace) -> None:
    """open in the machine's Chromium the rendered pages that changed, and a sample of the others"""
    ensure_env()
    say("Pages in a browser: the changed ones and a sample")
    python("-m", "pytest", "tests", "-m", "pages and not prove", "-n", WORKERS, "--dist", "worksteal", "-rs")


def task_test(args: argparse.Namespace) -> None:
    """everything that must hold, once: lint, the book, unit tests, notebooks, changed pages"""
    ensure_env()
    words = [sys.executable, __file__, "book"]  # beside lint: neither keeps two cores busy
    book = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace")
    try:
        task_lint(args)
    finally:
        print(book.communicate()[0], flush=True)
    if book.returncode:
        raise SystemExit(book.returncode)
    for step in (task_unit, task_nbval, task_pages):
        step(args)
    say("All checks passed")


def task_prove(args: argparse.Namespace) -> None:
    """the long proofs: library, assignments, pages, exercises (name some, or all)"""
    ensure_env()
    names = args.names or ["library", "assignments", "pages", "exercises"]
    rest = argparse.Namespace(**vars(args) | {"names": []})
    proof = ("-m", "pytest", "-m", "prove and not pages", "-n", WORKERS, "--dist", "worksteal")
    if "library" in names:
        say("Trainings that are killed, on every backend and on two devices; blurs of every kind")
        python(*proof, "tests/lessons_lib")
    if "assignments" in names:
        say("Every wrong answer and network of the assignments, graded, and again under load")
        python(*proof, "tests", "--ignore=tests/lessons_lib")
    if "exercises" in names:
        task_nbval(rest, exercises="all")
    if "pages" in names:
        if not (HTML / "index.html").exists():
            task_book(rest)
        say("Every page that `make test` did not open")
        python("-m", "pytest", "tests", "-m", "pages and prove", "-n", WORKERS, "--dist", "loadscope", "-rs")
    say(f"Proved: {', '.join(names)}")


def task_versions(args: argparse.Namespace) -> None:
    """run the tests of the library with the oldest and the newest dependencies allowed (name one, or both)"""
    ensure_env()
    python("-m", "pip", "--disable-pip-version-check", "install", "-q", f"uv=={UV_VERSION}")
    for which in args.names or ["oldest", "newest"]:
        if which not in ("oldest", "newest"):
            raise SystemExit(f"no versions called {which}: choose oldest or newest")
        say(f"The {which} version of each dependency that pyproject.toml allows")
        folder = ROOT / f".venv-{which}"
        there = folder / venv_python().relative_to(VENV)
        python("-m", "uv", "venv", "-q", "--clear", folder)
        resolution = {"oldest": "lowest-direct", "newest": "highest"}[which]
        wanted = ("--resolution", resolution, "-e", ".[book,test,app,cluster]")
        python("-m", "uv", "pip", "install", "-q", "--python", there, *wanted)
        run(there, "-c", "import cv2, numpy, keras; print('OpenCV', cv2.__version__, 'NumPy', numpy.__version__, "
            "'Keras', keras.__version__)")  # fmt: skip
        run(there, "-m", "pytest", "tests/lessons_lib", "-m", "not pages and not prove", "-n", WORKERS, "-q")


def task_lab(_: argparse.Namespace) -> None:
    """open the notebooks in JupyterLab"""
    ensure_env()
    python("-m", "jupyterlab", "--notebook-dir", "book", TF_CPP_MIN_LOG_LEVEL="3")


def task_serve(args: argparse.Namespace) -> None:
    """show the rendered book on localhost, at --port"""
    task_book(args)
    print(f"Serving http://localhost:{args.port} until Ctrl-C")
    try:
        python("-m", "http.server", args.port, "--bind", "127.0.0.1", "--directory", HTML)
    except KeyboardInterrupt:
        print("\nStopped.")


def task_slides(args: argparse.Namespace) -> None:
    """make slides of the chapters in book/_build/kit/slides (name some, or all)"""
    ensure_env()
    python("-m", "tools.publish.slides", *args.names)


def task_bank(args: argparse.Namespace) -> None:
    """make the question bank for Moodle and Canvas in book/_build/kit (name chapters, or all)"""
    ensure_env()
    python("-m", "tools.publish.bank", *args.names)


def task_figures(args: argparse.Namespace) -> None:
    """run chapters and export their drawings as SVG to book/_build/kit/figures (name some, or all)"""
    ensure_env()
    python("-m", "tools.publish.figures", *args.names)


def task_bench(args: argparse.Namespace) -> None:
    """measure speed and memory, beside peers, into results/"""
    ensure_env()
    python("-m", "tools.measure.bench", *args.names)


def task_lock(_: argparse.Namespace) -> None:
    """write requirements.lock and constraints.txt from pyproject.toml, for every supported Python at once"""
    ensure_env()
    python("-m", "pip", "--disable-pip-version-check", "install", "-q", f"uv=={UV_VERSION}")
    compile_lock("pyproject.toml", LOCK, "--universal", "--fork-strategy", "fewest",
                 "--extra", "book", "--extra", "test", "--extra", "app", "--extra", "cluster")  # fmt: skip
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    pins = [line.removesuffix(" \\") for line in lines if not line.startswith(" ")]
    constraints = ROOT / "constraints.txt"
    constraints.write_text("\n".join(pins) + "\n", encoding="utf-8", newline="\n")
    # The container of the web app: the same versions, and of OpenCV the build without windows at that version too.
    pins += [pin.replace("opencv-python", "opencv-python-headless") for pin in pins if pin.startswith("opencv-python=")]
    wanted = ROOT / "book" / "_build" / "container-constraints.txt"
    wanted.parent.mkdir(parents=True, exist_ok=True)
    wanted.write_text("\n".join(pins) + "\n", encoding="utf-8")
    compile_lock("deploy/requirements.in", ROOT / "deploy" / "requirements.lock", "--constraint", wanted,
                 "--python-platform", "linux")  # fmt: skip


def compile_lock(source: str, target: Path, *options: object) -> None:
    """Write what `source` needs, with hashes and without a word on where it was found."""
    python("-m", "uv", "pip", "compile", source, "-o", target.relative_to(ROOT), "-q", "--generate-hashes",
           "--python-version", "3.11", *options,
           "--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links")  # fmt: skip


def task_sample(_: argparse.Namespace) -> None:
    """make the images in data/ again from the registry packages they come from"""
    ensure_env()
    python("-m", "tools.data.sample")


def task_clean(args: argparse.Namespace) -> None:
    """delete what was built (--all: the environment too); never data or results"""
    doomed = [ROOT / "book" / "_build", ROOT / "book" / "course", *ROOT.glob(".*_cache"), *ROOT.glob("*.egg-info")]
    doomed += [
        p for top in ("lessons_lib", "lessons_grader", "tests", "tools") for p in (ROOT / top).rglob("__pycache__")
    ]
    doomed += [VENV] if args.all else []
    for path in doomed:
        if path.exists():
            print(f"deleting {path.relative_to(ROOT)}")
            shutil.rmtree(path)


TASKS = {name.removeprefix("task_"): task for name, task in globals().items() if name.startswith("task_")}


def main() -> None:
    names = "\n".join(f"  {name:<10} {task.__doc__}" for name, task in TASKS.items())
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=f"tasks:\n{names}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("task", choices=TASKS, metavar="TASK", help="one of the tasks below")
    parser.add_argument("names", nargs="*", help="notebooks or benchmarks to restrict the task to")
    parser.add_argument("--budget", choices=["smoke", "cpu", "gpu"], help="sizes of data and training")
    parser.add_argument("--port", type=int, default=8000, help="for serve")
    parser.add_argument("--all", action="store_true", help="for clean: the environment too")
    args = parser.parse_args()
    try:
        TASKS[args.task](args)
    except KeyboardInterrupt:
        raise SystemExit("\nInterrupted; run the same command again to go on.") from None


if __name__ == "__main__":
    main()
